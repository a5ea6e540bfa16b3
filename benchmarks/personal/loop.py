"""The product's own loop: choices in an editor, `trainer retrain` with its gate, and on.

One server process serves all along; what it serves after a retrain is what the gate promoted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.personal.judging import Judge
from benchmarks.personal.measuring import acceptance
from benchmarks.personal.problems import Task
from benchmarks.personal.user import User, outcomes
from whetstone.models.registry import Registry

_RETRAIN_S = 3_600.0


def run_loop(
    judge: Judge,
    folder: Path,
    tasks: Sequence[Task],
    unseen: Sequence[Task],
    points: Sequence[int],
    seed: int,
    arguments: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Choose until each of `points`, retrain there, and measure what is served then.

    Args:
        arguments: more for `trainer retrain`.
    """
    data, done, rounds = folder / "data", 0, []
    left = iter(tasks)
    with User(judge, data, folder / "workspace", seed) as user:
        for point in points:
            rows = user.choose(left, point - done, lambda n, d=done: say(f"choice {d + n}"))
            done += len(rows)
            result = _retrain(data, seed, arguments)
            say(f"retrained after {done}: {result['reason']}")
            model = Registry(data / "models").active()
            rounds.append({
                "choices": done,
                "served_before": sorted({row["model"] for row in rows}),
                "first_kept": sum(row["act"] == "takes the first" for row in rows),
                "asked": len(rows),
                "promoted": result["promoted"],
                "answer": result["answer"],
                "reason": result["reason"],
                "unseen": acceptance(model.path, unseen, judge),
            })  # fmt: skip
    return {"rounds": rounds, "outcomes": outcomes(data)}


def _retrain(data: Path, seed: int, arguments: Sequence[str]) -> dict[str, Any]:
    """`trainer retrain` as a user runs it; a model that was not promoted is an answer, too."""
    command = [
        sys.executable,
        "-m",
        "trainer",
        "retrain",
        "--json",
        "--seed",
        str(seed),
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_RETRAIN_S,
        env={**os.environ, "WHETSTONE_DATA": str(data)},
    )  # fmt: skip
    if done.returncode not in (0, 1, 5):
        raise SystemExit(f"error: {' '.join(command[1:])}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
