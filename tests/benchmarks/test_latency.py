"""The command that makes the README's latency figures runs, against the real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def latency(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.latency", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_it_measures_cold_and_warm_fixes_and_tokens_per_second(
    tmp_path: Path, tiny_gguf: Path
) -> None:
    out = tmp_path / "latency.json"
    done = latency(
        "--model", str(tiny_gguf), "--cases", "3", "--rounds", "1", "--json", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads(out.read_text())
    assert found["model"]["bytes"] == tiny_gguf.stat().st_size
    assert found["cold_first_fix_s"]["n"] == 1 and found["warm_resolve_s"]["n"] == 3
    assert 0 < found["warm_resolve_s"]["p50"] <= found["warm_resolve_s"]["p95"]
    assert found["prompt_tokens_per_s"] > 0 and found["answer_tokens_per_s"] > 0
    assert found["offered"]["count"] >= 1


def test_a_missing_model_is_one_line_on_stderr(tmp_path: Path) -> None:
    done = latency("--model", str(tmp_path / "no.gguf"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
