"""The command that measures the server's limits runs, and no keystroke is lost meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_measures_every_limit(tmp_path: Path, tiny_gguf: Path) -> None:
    out = tmp_path / "lsp_latency.json"
    command = [sys.executable, "-m", "benchmarks.lsp_latency", "--rounds", "2", "--seconds", "1"]
    done = subprocess.run(
        [*command, "--json", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "WHETSTONE_MODEL": str(tiny_gguf)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr  # 1: a busy machine holds no limit
    found = json.loads(out.read_text())
    assert len(found["limits"]) == 11
    assert {each["what"]: each["value"] for each in found["limits"]}[
        "while typing: characters that differ"
    ] == 0
    assert found["keys_typed"] >= 5 and found["memory_mb"]["without the model"] < 90
    assert ("NOT HELD" in done.stdout) == (done.returncode == 1)
