"""The benchmark of preference training runs, and both sides compute the same losses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.dpo", *arguments], cwd=ROOT, capture_output=True,
        text=True, timeout=280, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_both_sides_train_alike(tmp_path: Path) -> None:
    out = tmp_path / "dpo.json"
    size = ("--shape", "tiny", "--pairs", "8", "--batch", "4", "--epochs", "1", "--repeats", "1")
    done = bench(*size, "--threads", "1", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads(out.read_text())
    assert found["max_abs_loss_difference"] < 1e-5
    assert found["ratio_pairs_per_s_16_1"] > 0 and found["ratio_pairs_per_s_2_1"] > 0
    assert found["ratio_peak_memory"] > 0
    for ratio in ("16_1", "2_1"):
        ours, theirs = found[ratio]["ours"], found[ratio]["trl"]
        assert ours["pairs"] == theirs["pairs"] == 8 and ours["tokens"] == theirs["tokens"]
        assert ours["flops"] < theirs["flops"]


def test_no_gpu_is_one_line_on_stderr() -> None:
    done = bench("--qlora")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
