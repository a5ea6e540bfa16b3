"""One copy of a workspace, and in it one process that runs tests again and again.

Copying and importing pytest are done once, so that a candidate costs what its test costs.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from whetstone.engine.base import Cancel
from whetstone.errors import Cancelled, SandboxError, WhetstoneError
from whetstone.sandbox import Copy, Level, Limits, RunResult, available_level, copied
from whetstone.settings import IGNORE_GLOBS

INSIDE = Path(__file__).parent / "inside"
HANGS = 0.45  # a test that took such a share of its time limit when it was watched did not end
MANY_S = 20.0  # for as many versions as are run at once
_POLL_S = 0.01
_START_S = 120.0  # for an environment's Python to start and import pytest on a very busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """How some tests ended: `outcomes` by node id, one of passed, failed, skipped."""

    __test__ = False

    outcomes: Mapping[str, str]
    output: str
    contexts: tuple[Mapping[str, Any], ...]
    timed_out: bool
    duration_s: float

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(name for name, outcome in self.outcomes.items() if outcome == "failed")

    @property
    def passed(self) -> bool:
        """Something ran, and nothing failed."""
        return not self.timed_out and "passed" in self.outcomes.values() and not self.failed


class Bench:
    """Runs tests of the workspace `root` with the interpreter `python`. Use it with `with`."""

    def __init__(
        self,
        root: Path,
        python: Path,
        limits: Limits | None = None,
        cancel: Cancel | None = None,
        *,
        ignore_globs: Iterable[str] = IGNORE_GLOBS,
        total_s: float = 600.0,
    ) -> None:
        """`limits.timeout_s` is for one run, `total_s` for all together."""
        self._root, self._python = root.resolve(), python
        self._limits = limits or Limits()
        self._cancel = cancel or Cancel()
        self._globs = ignore_globs
        self._total_s = total_s
        self._number = 0
        self._end = _End(self._cancel)
        self._stack = ExitStack()
        self._ended: WhetstoneError | RunResult | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Bench:
        self._copy: Copy = self._stack.enter_context(copied(self._root, ignore_globs=self._globs))
        for path in INSIDE.glob("whetstone_*.py"):
            shutil.copyfile(path, self._copy.shared / path.name)
        self._thread = threading.Thread(target=self._serve, name="whetstone-bench", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        self._stack.close()

    @property
    def isolation(self) -> Level:
        return available_level()

    def write(self, path: Path, text: str) -> None:
        """Have a file of the workspace read `text` from now on. Raises SandboxError."""
        self._copy.write(path, text)

    def run(
        self, tests: Sequence[str], *, trace: bool = False, timeout_s: float | None = None
    ) -> TestRun:
        """Run files or node ids, named from the workspace's root, with forward slashes.

        Args:
            timeout_s: less than the limit for one run.

        Raises:
            SandboxError: the sandbox or its Python ended.
            Cancelled: it was cancelled.
        """
        limit_s = self._limits.timeout_s
        timeout_s = limit_s if timeout_s is None else min(timeout_s, limit_s)
        number, answer = self._ask(
            {
                "tests": list(tests),
                "trace": trace,
                "timeout_s": timeout_s,
                "limit_s": timeout_s if trace else 0,
            }
        )
        shared = self._copy.shared
        rows = read_rows(shared / f"report-{number}.jsonl", self._limits.output_bytes)
        outcomes = {str(row["test"]): str(row["outcome"]) for row in rows if "outcome" in row}
        return TestRun(
            outcomes=outcomes,
            output=_text(shared / f"output-{number}.txt", self._limits.output_bytes),
            contexts=tuple(row for row in rows if "files" in row),
            timed_out=answer["status"] is None,
            duration_s=float(answer["duration_s"]),
        )

    def passing(
        self,
        path: Path,
        texts: Sequence[str],
        tests: Sequence[str],
        *,
        timeout_s: float,
        total_s: float,
    ) -> list[bool] | None:
        """With which of `texts` as the file at `path` all of `tests` pass.

        Quicker by much than one run after the other. Each may take `timeout_s`, and those that
        `total_s` is too short for do not pass. None where it cannot be done: without fork or
        pytest, or when the project imports the file before pytest collects tests.

        Raises: as `run`.
        """
        number, shared = self._number, self._copy.shared
        results = shared / f"many-{number}-results.json"
        asked = {
            "path": path.resolve().relative_to(self._root).as_posix(),
            "texts": list(texts),
            "timeout_s": timeout_s,
            "total_s": total_s,
            "results": str(results),
        }
        many = shared / f"many-{number}.json"
        many.write_text(json.dumps(asked), encoding="utf-8")
        whole_s = total_s + timeout_s + self._limits.timeout_s
        self._ask({"tests": list(tests), "trace": False, "timeout_s": whole_s, "many": str(many)})
        try:
            found = json.loads(_text(results, self._limits.output_bytes))
        except ValueError:
            return None
        if not isinstance(found, list) or len(found) != len(texts):
            return None
        return [status == 0 for status in found]

    def _ask(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The number of a request, and what the process in the sandbox answers."""
        number, shared = self._number, self._copy.shared
        self._number += 1
        temporary = shared / f"request-{number}.tmp"
        temporary.write_text(json.dumps(request), encoding="utf-8")
        temporary.replace(shared / f"request-{number}.json")
        return number, self._wait(shared / f"answer-{number}.json", request["timeout_s"] + _START_S)

    # -- the sandbox's side -----------------------------------------------------------------------

    def _serve(self) -> None:
        limits = Limits(
            timeout_s=self._total_s,
            memory_mb=self._limits.memory_mb,
            output_bytes=self._limits.output_bytes,
            processes=self._limits.processes,
            file_mb=self._limits.file_mb,
        )
        program = self._copy.shared / "whetstone_bench.py"
        command = [str(self._python), "-B", str(program), str(self._copy.shared)]
        try:
            self._ended = self._copy.run(command, limits, self._end)
        except WhetstoneError as error:
            self._ended = error

    def _wait(self, path: Path, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while not path.exists():
            self._cancel.raise_if_set()
            if self._ended is not None:
                raise _reason(self._ended, self._python)
            if time.monotonic() > deadline:
                raise SandboxError(f"{self._python}: gave no answer for {timeout_s:.0f} s.")
            time.sleep(_POLL_S)
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return answer


class _End(Cancel):
    """Set when the bench is done with, or its user's own `Cancel` is."""

    def __init__(self, outer: Cancel) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        return super().is_set() or self._outer.is_set()


def _reason(ended: WhetstoneError | RunResult, python: Path) -> WhetstoneError:
    if isinstance(ended, Cancelled):
        return ended
    if isinstance(ended, WhetstoneError):
        return ended
    if ended.killed_for is not None:
        return SandboxError(f"The tests were ended: over the limit of {ended.killed_for}.")
    last = (ended.stderr.strip().splitlines() or [f"exit status {ended.status}"])[-1]
    return SandboxError(f"{python}: cannot run the tests ({last}).")


def read_rows(path: Path, most: int) -> list[dict[str, Any]]:
    """The JSON lines of a report; what a killed run cut off is left out."""
    rows = []
    for line in _text(path, most).splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "test" in row:
            rows.append(row)
    return rows


def _text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", errors="replace")
    except OSError:
        return ""
