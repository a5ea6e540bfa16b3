"""From a failing test to the lines that may be at fault, and a judge for fixes of them.

    with FailingTest(root=root, test="tests/test_cart.py::test_total", ...) as failing:
        baseline = failing.baseline()           # the test file as it is, watched
        for place in baseline.places:           # the likeliest line first
            fixer.propose(..., test=failing.judge(place.path), failure=place.failure)

A fix passes when the test passes with it, and so does every other test of the file that passed
before. The editor and the terminal both go this way.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from whetstone.engine.base import Cancel
from whetstone.errors import UsageError
from whetstone.evidence import TestRunner
from whetstone.locate import Coverage, Place, Workspace, parse, rank
from whetstone.sandbox import Limits, RunResult
from whetstone.settings import Settings
from whetstone.testing.bench import HANGS, MANY_S, Bench, TestRun
from whetstone.testing.find import find_tests
from whetstone.testing.python import find_python
from whetstone.testing.watch import reader

BUDGET_S = 120.0  # for the lines that may be at fault
MAX_LINES = 15
_KILLED = 137
# For a fix, beside what the whole file took before; and for each of many small changes.
_LEAST_S, _LONGER, _LEAST_OF_MANY_S = 3.0, 3.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How the test file ended before any change. `places` is empty when the test passed."""

    run: TestRun
    passed: bool
    kept: frozenset[str]  # tests that passed, and must go on to
    places: tuple[Place, ...] = ()
    failure: str = ""


@dataclass(slots=True, kw_only=True)
class FailingTest:
    """A copy of the workspace, and one test of it. Use it with `with`; one thread at a time.

    Args:
        test: a pytest node id from the root, with forward slashes; without brackets it means all
            parametrised cases.
        texts: files as the editor has them; others are read from the disk.
        total_s: for all runs together.
    """

    root: Path
    test: str
    settings: Settings
    texts: Mapping[Path, str] = field(default_factory=dict)
    cancel: Cancel = field(default_factory=Cancel)
    total_s: float = 600.0
    _bench: Bench | None = None
    _baseline: Baseline | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        self.texts = {path.resolve(): text for path, text in self.texts.items()}

    @property
    def file(self) -> str:
        return self.test.split("::")[0]

    def __enter__(self) -> FailingTest:
        path = self.root / self.file
        if not path.resolve().is_relative_to(self.root) or path.suffix != ".py":
            raise UsageError(f"{self.file}: no test file of the workspace {self.root}.")
        bench = Bench(
            self.root,
            find_python(self.root, self.settings).path,
            Limits(timeout_s=self.settings.test.timeout_s, memory_mb=self.settings.test.memory_mb),
            self.cancel,
            ignore_globs=self.settings.ignore_globs,
            total_s=self.total_s,
        )
        self._bench = bench.__enter__()
        for path, text in self.texts.items():
            self._bench.write(path, text)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bench is not None:
            self._bench.__exit__(kind, error, trace)
            self._bench = None

    def baseline(self) -> Baseline:
        """Run the whole file once, watched.

        Raises:
            SandboxError: it cannot be run.
            UsageError: there is no such test.
            Cancelled: `cancel` was set.
        """
        if self._baseline is None:
            with self._lock:
                self._baseline = self._first_run()
        return self._baseline

    def _first_run(self) -> Baseline:
        assert self._bench is not None
        run = self._bench.run([self.file], trace=True)
        mine = self._mine(run)
        collected = not any("::" not in name for name in run.failed)
        if not mine and collected and not run.timed_out:
            raise UsageError(f"{self.test}: no such test was found. {_last_line(run.output)}")
        kept = frozenset(name for name, outcome in run.outcomes.items() if outcome == "passed")
        if mine and not run.timed_out and "failed" not in mine.values():
            return Baseline(run=run, passed=True, kept=kept)
        read = reader(self.root, self.texts)
        wanted = [each for each in run.contexts if self._counts(each)]
        coverage = Coverage.of(wanted, read)
        failures = [each for each in parse(run.output) if self._is_mine(each.test)]
        workspace = Workspace(root=self.root, ignore_globs=self.settings.ignore_globs)

        def read_path(path: Path) -> str | None:
            return read(path.relative_to(self.root).as_posix())

        places = rank(failures, coverage, workspace, read_path, named=run.output)
        failure = failures[0].text if failures else run.output[-4000:]
        return Baseline(run=run, passed=False, kept=kept, places=tuple(places), failure=failure)

    def says_little(self) -> bool:
        """Is one assertion of one test all that a fix has to satisfy? Then many wrong ones do."""
        if self.baseline().kept:
            return False
        text = reader(self.root, self.texts)(self.file) or ""
        name = self.test.partition("::")[2].partition("[")[0]
        mine = [each for each in find_tests(text) if each.name == name]
        return len(mine) == 1 and mine[0].assertions <= 1

    def judge(self, path: Path) -> Judge:
        """A runner for whole new texts of the file at `path`."""
        return Judge(self, path.resolve())

    def judged(self, path: Path, new_text: str) -> RunResult:
        """How the tests end with a whole new text of the file at `path`."""
        baseline = self.baseline()
        with self._changed(path, new_text) as bench:
            return self._judged(bench, baseline)

    def passing(self, path: Path, new_texts: Sequence[str]) -> list[bool] | None:
        """Which of the texts may be fixes: see `Bench.passing`."""
        limit_s = self._limit_s(self.baseline(), _LEAST_OF_MANY_S)
        assert self._bench is not None
        with self._lock:
            return self._bench.passing(
                path, new_texts, [self.test], timeout_s=limit_s, total_s=MANY_S
            )

    def outcomes(self, path: Path, new_text: str, tests: Sequence[str]) -> Mapping[str, str]:
        """How tests end with a whole new text of the file at `path`: passed, failed, skipped.

        Raises:
            SandboxError: they cannot be run.
            Cancelled: `cancel` was set.
        """
        with self._changed(path, new_text) as bench:
            return bench.run(tests).outcomes

    @contextlib.contextmanager
    def _changed(self, path: Path, new_text: str) -> Iterator[Bench]:
        """The copy while the file at `path` has another text; nobody else changes it meanwhile."""
        assert self._bench is not None
        with self._lock:
            before = reader(self.root, self.texts)(path.relative_to(self.root).as_posix())
            self._bench.write(path, new_text)
            try:
                yield self._bench
            finally:
                if before is not None:
                    self._bench.write(path, before)

    def _judged(self, bench: Bench, baseline: Baseline) -> RunResult:
        run = bench.run([self.test], timeout_s=self._limit_s(baseline, _LEAST_S))
        if not run.passed or not self._mine(run):
            return _result(run, 1, bench, [])
        whole = bench.run([self.file])
        broken = sorted(baseline.kept - _passed(whole) - set(self._mine(whole)))
        return _result(whole, 1 if broken or whole.timed_out else 0, bench, broken)

    def _limit_s(self, baseline: Baseline, least_s: float) -> float:
        """Many a wrong change never ends; a right one takes about as long as what it mends.

        What hangs says nothing of that.
        """
        took_s = baseline.run.duration_s
        hangs = took_s > HANGS * self.settings.test.timeout_s
        return least_s if hangs else max(least_s, _LONGER * took_s)

    # -- which tests are meant --------------------------------------------------------------------

    def _mine(self, run: TestRun) -> dict[str, str]:
        return {name: outcome for name, outcome in run.outcomes.items() if self._means(name)}

    def _means(self, name: str) -> bool:
        return name == self.test or name.startswith((f"{self.test}[", f"{self.test}::"))

    def _counts(self, context: Mapping[str, object]) -> bool:
        """Another test that fails for a reason of its own would blur the picture."""
        return self._means(str(context["test"])) or not context.get("failed")

    def _is_mine(self, heading: str) -> bool:
        """pytest heads a failure with `TestCart.test_total[1]`."""
        wanted = ".".join(self.test.split("::")[1:])
        named = (heading == wanted, heading.startswith(f"{wanted}["), heading == self.file)
        return not heading or any(named)


@dataclass(frozen=True, slots=True)
class Judge:
    """Runs the failing test with whole new texts of one file."""

    failing: FailingTest
    path: Path

    def __call__(self, new_text: str) -> RunResult:
        return self.failing.judged(self.path, new_text)

    def passing(self, new_texts: Sequence[str]) -> list[bool] | None:
        """Which of the texts may pass; None where only running them one by one can tell."""
        return self.failing.passing(self.path, new_texts)


def one_judge(failing: FailingTest, path: Path) -> TestRunner:
    """A judge that makes a copy of its own each time: for later, when `failing` is closed."""

    def run(new_text: str) -> RunResult:
        again = FailingTest(
            root=failing.root, test=failing.test, settings=failing.settings, texts=failing.texts
        )
        with again:
            again._baseline = failing.baseline()
            return again.judged(path.resolve(), new_text)

    return run


def _passed(run: TestRun) -> set[str]:
    return {name for name, outcome in run.outcomes.items() if outcome == "passed"}


def _result(run: TestRun, status: int, bench: Bench, broken: list[str]) -> RunResult:
    said = "".join(f"breaks {name}\n" for name in broken)
    return RunResult(
        status=_KILLED if run.timed_out else status,
        stdout=said + run.output,
        stderr="",
        timed_out=run.timed_out,
        killed_for="timeout" if run.timed_out else None,
        duration_s=run.duration_s,
        isolation=bench.isolation,
    )


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or [""])[-1]
