"""The memory benchmarks run, at a small size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(1900)


def run(name: str, *options: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options, "--json"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_merging_and_exporting(tmp_path: Path) -> None:
    found = run("export_memory", "--shape", "tiny", "--folder", str(tmp_path))
    assert found["bytes"]["gguf"] < found["bytes"]["merged"]
    assert all(0 < found[step]["peak_rss_gb"] < 2 for step in ("merge", "export"))
    assert not list(tmp_path.iterdir())


def test_many_pooled_pairs_need_no_more_memory() -> None:
    few, many = run("pool_memory", "--rows", "20000", "60000", "--keep", "300")["runs"]
    assert (few["train"], many["train"], many["held_out"]) == (300, 300, 200)
    assert many["peak_rss_mb"] < few["peak_rss_mb"] * 1.25


def test_gpu_jobs_say_why_nothing_runs(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        return  # they would run
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert (done.returncode, done.stderr) == (
        2, "error: torch sees no NVIDIA GPU here. Nothing was run.\n",
    )  # fmt: skip
    assert not (tmp_path / "out").exists()
