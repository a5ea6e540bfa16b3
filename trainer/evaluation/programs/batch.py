"""Many versions of programs against their tests, in one sandbox after another.

A sandbox costs a second or two to start, a version a few milliseconds: each runs in a process of
its own that is forked from one Python, under a limit of processor time, and all of them under the
limits of `whetstone.sandbox`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from whetstone import sandbox
from whetstone.engine.base import Cancel
from whetstone.errors import SandboxError

Status = Literal["passed", "failed", "timeout", ""]

_INSIDE = Path(__file__).parent / "inside" / "whetstone_batch.py"
_LIMITS = sandbox.Limits(timeout_s=1800.0, memory_mb=2048, processes=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Versions of one program. The tests are modules with `test_visible` and `test_hidden`.

    Attributes:
        limit_s: processor time for one version and both tests.
        measure: the first version is a right one: the others may take eight times as long as it
            does, where that is less. Many wrong versions run for ever.
    """

    versions: tuple[str, ...]
    visible: str
    hidden: str
    limit_s: float = 1.0
    measure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one version ended. `text` is what is printed of the failure of the test that failed."""

    visible: Status
    hidden: Status
    text: str = ""

    @property
    def visible_passed(self) -> bool:
        return self.visible == "passed"

    @property
    def right(self) -> bool:
        return self.visible_passed and self.hidden == "passed"


def run_batch(jobs: Iterable[Job], cancel: Cancel | None = None) -> list[list[Verdict]]:
    """The verdicts of each job's versions.

    Raises:
        SandboxError: the versions could not be run.
        Cancelled: `cancel` was set.
    """
    waiting = list(jobs)
    done: list[Verdict] = []
    total = sum(len(job.versions) for job in waiting)
    if not total:
        return [[] for _ in waiting]
    with tempfile.TemporaryDirectory(prefix="whetstone-batch-") as name:
        folder = Path(name).resolve()
        text = "".join(json.dumps(asdict(job)) + "\n" for job in waiting)
        (folder / "jobs.jsonl").write_text(text, encoding="utf-8")
        program = folder / _INSIDE.name
        shutil.copyfile(_INSIDE, program)
        command = [sys.executable, "-B", str(program), str(folder)]
        # A fixed seed: the order of sets, and with it what a failure says, is the same every time.
        result = sandbox.run(
            command, cwd=folder, limits=_LIMITS, env={"PYTHONHASHSEED": "0"}, cancel=cancel
        )
        done = _read(folder / "results.jsonl")
    if len(done) != total:
        last = (result.stderr.strip().splitlines() or [f"exit status {result.status}"])[-1]
        raise SandboxError(
            f"The sandbox ended after {len(done)} of {total} versions "
            f"({result.killed_for or last}). Run the command again: it goes on from here."
        )
    ends = iter(done)
    return [[next(ends) for _ in job.versions] for job in waiting]


def _read(path: Path) -> list[Verdict]:
    if not path.exists():
        return []
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Verdict(visible=r["visible"], hidden=r["hidden"], text=r["text"]) for r in rows]
