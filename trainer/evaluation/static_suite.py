"""Run hand-written files as a user would run `whetstone fix --yes`, and judge what is left.

For each case the best shown candidate of each problem is applied until nothing is left or nothing
is shown. When that is not right, the other candidates shown for the first problem are tried in the
same way: "within k" counts the cases where a user who looks at k candidates finds a right one.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from trainer.evaluation import judge
from trainer.evaluation.cases import Case, SuiteName, cases_of, spread
from whetstone.engine.base import Engine
from whetstone.fixer import Fixer
from whetstone.settings import Settings
from whetstone.terminal.ask import accept_proved
from whetstone.terminal.session import FixSession, Step, Target

Verdict = Literal["right", "wrong", "silent"]
OnCase = Callable[[int, int], None]  # cases done, cases in all

_MAX_STEPS = 10  # a repair that uncovers problem after problem is not a repair


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one case. "silent": nothing was shown, so nothing was changed."""

    case: str
    kind: str
    group: str
    verdict: Verdict
    within_k: bool
    steps: int
    origin: str  # of the first candidate shown: "model", "rule", "both", or "" when silent
    title: str
    latency_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticResult:
    """One model on the suite; also what the gate compares."""

    suite: SuiteName
    model_id: str
    k: int
    seed: int
    outcomes: tuple[Outcome, ...]
    false_alarms: tuple[str, ...]
    clean_files: int
    wall_s: float

    @property
    def total(self) -> int:
        return len(self.outcomes)

    @property
    def solved(self) -> int:
        """Right with the first candidate shown."""
        return sum(outcome.verdict == "right" for outcome in self.outcomes)

    @property
    def solved_within_k(self) -> int:
        return sum(outcome.within_k for outcome in self.outcomes)

    @property
    def shown(self) -> int:
        return sum(outcome.verdict != "silent" for outcome in self.outcomes)

    @property
    def silent(self) -> int:
        return self.total - self.shown

    def to_json(self) -> dict[str, Any]:
        return {
            **dataclasses.asdict(self),
            "total": self.total,
            "solved": self.solved,
            "solved_within_k": self.solved_within_k,
            "shown": self.shown,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A case after its run: the text it ended with, and those of the other candidates."""

    case: Case
    text: str
    others: tuple[str, ...]
    steps: tuple[Step, ...]


def run_static(
    engine: Engine | None,
    settings: Settings,
    *,
    suite: SuiteName = "static",
    limit: int | None = None,
    k: int = 4,
    seed: int | None = None,
    clean: bool = False,
    on_case: OnCase | None = None,
) -> StaticResult:
    """Measure `engine`, or the rules alone when it is None.

    Args:
        suite: which hand-written files.
        limit: only so many cases, taken evenly from all kinds.
        k: candidates of the first problem that count for "within k".
        seed: of the sampler; None keeps that of the settings.
        clean: also run the repaired files, on which nothing must be offered.
        on_case: called after each case.

    Raises:
        EngineError: the model failed.
        SandboxError: the checks could not be run.
    """
    begin = time.perf_counter()
    settings = settings if seed is None else dataclasses.replace(settings, seed=seed)
    fixer = Fixer(engine, settings)
    cases = spread(cases_of(suite), limit)
    with tempfile.TemporaryDirectory(prefix="whetstone-evaluate-") as name:
        trials = []
        for number, case in enumerate(cases, start=1):
            trials.append(_try(fixer, case, k, Path(name)))
            if on_case is not None:
                on_case(number, len(cases))
        alarms = tuple(c.name for c in cases if clean and _fix(fixer, c, c.fixed, Path(name))[1])
    return StaticResult(
        suite=suite,
        model_id=fixer.model_id,
        k=k,
        seed=settings.seed,
        outcomes=_outcomes(trials),
        false_alarms=alarms,
        clean_files=len(cases) if clean else 0,
        wall_s=time.perf_counter() - begin,
    )


def _try(fixer: Fixer, case: Case, k: int, folder: Path) -> _Trial:
    text, steps = _fix(fixer, case, case.buggy, folder)
    candidates = steps[0].proposal.candidates[1:k] if steps else ()
    others = tuple(_fix(fixer, case, other.new_text, folder)[0] for other in candidates)
    return _Trial(case=case, text=text, others=others, steps=steps)


def _fix(fixer: Fixer, case: Case, text: str, folder: Path) -> tuple[str, tuple[Step, ...]]:
    """`whetstone fix --yes` on a file with `text`: the text it leaves, and each step."""
    path = folder / case.file
    path.write_bytes(text.encode("utf-8"))
    session = FixSession(fixer=fixer, store=None, ask=accept_proved, automatic=True)
    steps: list[Step] = []
    for step in session.run(Target(path=path, root=folder)):
        steps.append(step)
        if len(steps) == _MAX_STEPS:
            break
    return path.read_bytes().decode("utf-8"), tuple(steps)


def _outcomes(trials: Sequence[_Trial]) -> tuple[Outcome, ...]:
    """Judge every text that a trial ended with, all in one go."""
    first = judge.right([(trial.case, trial.text) for trial in trials])
    rest = [
        (trial.case, other)
        for trial, good in zip(trials, first, strict=True)
        if not good
        for other in trial.others
    ]
    rescued = {case.name for (case, _), good in zip(rest, judge.right(rest), strict=True) if good}
    return tuple(
        _outcome(trial, good, trial.case.name in rescued)
        for trial, good in zip(trials, first, strict=True)
    )


def _outcome(trial: _Trial, right: bool, rescued: bool) -> Outcome:
    accepted = [step.accepted for step in trial.steps if step.accepted is not None]
    return Outcome(
        case=trial.case.name,
        kind=trial.case.kind,
        group=trial.case.group,
        verdict="right" if right else "wrong" if accepted else "silent",
        within_k=right or rescued,
        steps=len(trial.steps),
        origin=accepted[0].origin if accepted else "",
        title=accepted[0].title if accepted else "",
        latency_s=sum(step.proposal.latency_s for step in trial.steps),
    )
