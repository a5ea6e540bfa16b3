"""All programs of a suite with one model, and the figures that are compared."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.cases import spread
from trainer.evaluation.programs.attempt import (
    Asked,
    Attempt,
    Budget,
    Survey,
    Suspect,
    ask,
    survey,
)
from trainer.evaluation.programs.batch import Job, run_batch
from trainer.evaluation.programs.sources import HIDDEN, VISIBLE, Program
from trainer.evaluation.statistics import pass_at_k, wilson
from whetstone.engine.base import Engine
from whetstone.fixer import Fixer
from whetstone.problem import Diagnostic, Span
from whetstone.settings import Settings

_TIMEOUT_S = 60.0  # of the first, watched run of a test: once per program, on a busy machine too
_LIMIT_S = 2.0  # of processor time for one answer; many wrong ones loop for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """One model on one suite of programs with tests."""

    suite: str
    model_id: str
    seed: int
    budget: Budget
    attempts: tuple[Attempt, ...]
    wall_s: float

    @property
    def total(self) -> int:
        return len(self.attempts)

    def unproved(self) -> list[bool]:
        """Is the first answer right, without asking the test?"""
        return [each.first_right() for each in self.attempts]

    def proved(self) -> list[bool]:
        """Is the first answer that passes the visible test right?"""
        shown = [each.shown(self.budget.tries) for each in self.attempts]
        return [each is not None and each.right for each in shown]

    def shown(self) -> int:
        """For how many programs an answer passed the visible test."""
        return sum(each.shown(self.budget.tries) is not None for each in self.attempts)

    def pass_at(self, k: int) -> float:
        """Mean unbiased estimate, over programs, that one of `k` of their answers is right."""
        return sum(_estimate(each, k) for each in self.attempts) / max(1, self.total)

    def to_json(self) -> dict[str, Any]:
        k = self.budget.tries
        return {
            "suite": self.suite,
            "model": self.model_id,
            "seed": self.seed,
            "budget": dataclasses.asdict(self.budget),
            "programs": self.total,
            "first_answer_right": _share(sum(self.unproved()), self.total),
            "proved_right": _share(sum(self.proved()), self.total),
            "right_of_shown": _share(sum(self.proved()), self.shown()),
            **{f"pass_at_{n}": self.pass_at(n) for n in sorted({1, min(4, k), k})},
            "tokens": sum(t.tokens for each in self.attempts for t in each.tries),
            "wall_s": self.wall_s,
            "by_kind": self.by_kind(),
            "attempts": [dataclasses.asdict(each) for each in self.attempts],
        }

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Counts of programs, of right first answers and of right proved ones."""
        rows: dict[str, dict[str, int]] = {}
        for each, first, proved in zip(self.attempts, self.unproved(), self.proved(), strict=True):
            row = rows.setdefault(each.kind, {"programs": 0, "first": 0, "proved": 0})
            row["programs"] += 1
            row["first"] += first
            row["proved"] += proved
        return dict(sorted(rows.items()))


def _estimate(each: Attempt, k: int) -> float:
    """Fewer answers than `k` came where the model repeated itself: then all of them count."""
    n = len(each.tries)
    return pass_at_k(n=n, c=each.count_right(), k=min(k, n)) if n else 0.0


def _share(count: int, total: int) -> dict[str, Any]:
    return {"count": count, "total": total, "interval": wilson(count, total)}


class Surveys:
    """How programs fail, looked up once for all models; kept in a file where one is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Survey] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").split("\n"):
                if line.endswith("}"):  # a kill can cut the last line
                    stored = json.loads(line)
                    self._known[stored["key"]] = _survey_from_json(stored)

    def of(self, program: Program, settings: Settings) -> Survey:
        """Raises SandboxError when its tests cannot be run."""
        key = hashlib.sha256(json.dumps(dataclasses.asdict(program)).encode()).hexdigest()
        if key not in self._known:
            with tempfile.TemporaryDirectory(prefix="whetstone-program-") as name:
                self._known[key] = survey(program, settings, Path(name).resolve())
            if self._path is not None:
                row = {"key": key, **dataclasses.asdict(self._known[key])}
                with self._path.open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(row))
        return self._known[key]


def _survey_from_json(stored: dict[str, Any]) -> Survey:
    suspects = (
        Suspect(
            diagnostic=Diagnostic(
                **{**each["diagnostic"], "span": Span(**each["diagnostic"]["span"])}
            ),
            failure=each["failure"],
        )
        for each in stored["suspects"]
    )
    return Survey(program=Program(**stored["program"]), suspects=tuple(suspects))


def run_programs(
    engine: Engine | None,
    settings: Settings,
    programs: Sequence[Program],
    *,
    suite: str,
    budget: Budget | None = None,
    limit: int | None = None,
    seed: int = 0,
    surveys: Surveys | None = None,
    on_program: Callable[[int, int], None] = lambda done, total: None,
) -> SuiteResult:
    """Measure `engine`, or the rules alone when it is None.

    Args:
        limit: only so many programs, taken evenly.
        surveys: what is known of the programs already.
        on_program: called with (programs done, programs in all).

    Raises:
        EngineError: the model failed.
        SandboxError: the tests could not be run.
    """
    begin = time.perf_counter()
    budget = budget or Budget()
    limits = dataclasses.replace(settings.test, timeout_s=_TIMEOUT_S)
    settings = dataclasses.replace(settings, seed=seed, test=limits)
    fixer = Fixer(engine, settings)
    surveys = surveys or Surveys()
    chosen = spread(programs, limit)
    asked = []
    for number, program in enumerate(chosen, start=1):
        asked.append(ask(fixer, surveys.of(program, settings), budget))
        on_program(number, len(chosen))
    verdicts = run_batch([_job(each) for each in asked])
    return SuiteResult(
        suite=suite,
        model_id=fixer.model_id,
        seed=seed,
        budget=budget,
        attempts=tuple(e.judged(ended) for e, ended in zip(asked, verdicts, strict=True)),
        wall_s=time.perf_counter() - begin,
    )


def _job(asked: Asked) -> Job:
    files = asked.survey.program.files()
    return Job(
        versions=tuple(answer.text for answer in asked.answers),
        visible=files[VISIBLE],
        hidden=files[HIDDEN],
        limit_s=_LIMIT_S,
    )
