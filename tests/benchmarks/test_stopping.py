"""The command that measures how soon requests stop runs, on a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_stops_within_a_prompt_and_while_generating(tiny_gguf: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stopping", "--model", str(tiny_gguf), "--rounds", "2",
         "--threads", "1", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["prompt_tokens"] > 100 and found["prompt_s"] > 0
    # A prompt of a model this small may be through before it is stopped.
    assert len(found["stopped_within_prompt_ms"]) <= 2
    assert 0 < len(found["stopped_while_generating_ms"]) <= 2
    assert min(found["stopped_while_generating_ms"]) > 0
