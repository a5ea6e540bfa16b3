"""One program: its failing test leads to lines, and the lines to answers.

The lines come from `whetstone.testing.repair`, the answers from `Fixer.propose`, as in the editor.
Only the visible test is shown to either; both tests judge afterwards, all answers of a suite in one
sandbox (`batch.py`). Where a program fails does not depend on the model, so it is looked up once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.evaluation.programs.batch import Verdict
from trainer.evaluation.programs.sources import FILE, VISIBLE, Program
from whetstone.fixer import Fixer
from whetstone.problem import Diagnostic, Document
from whetstone.settings import Settings
from whetstone.testing.repair import FailingTest

_TEST = f"{VISIBLE}::test_visible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One answer that the static checks let through, in the order in which it would be tried."""

    line: int  # 0-based
    origin: str
    tokens: int
    passes: bool  # the visible test
    right: bool  # the visible and the hidden test


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one program."""

    id: str
    kind: str
    tries: tuple[Try, ...]
    lines: tuple[int, ...]  # that may be at fault, the likeliest first
    seconds: float

    def first_right(self) -> bool:
        """Is the first answer right, before any test was asked?"""
        return bool(self.tries) and self.tries[0].right

    def shown(self, within: int) -> Try | None:
        """The first of `within` tries that passes the visible test: what a user is shown."""
        return next((each for each in self.tries[:within] if each.passes), None)

    def count_right(self) -> int:
        return sum(each.right for each in self.tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How far to go: at most `tries` answers, `per_line` of them asked of the model for a line."""

    tries: int = 8
    per_line: int = 2
    lines: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A line that may be at fault, as serving would ask about it."""

    diagnostic: Diagnostic
    failure: str

    @property
    def line(self) -> int:
        return self.diagnostic.span.start_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """How a program fails, whatever the model. `program` has its halves as they were used."""

    program: Program
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that is to be judged: the whole new text of the program."""

    line: int
    origin: str
    tokens: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A program and what the model says, in the order in which it would be tried."""

    survey: Survey
    answers: tuple[Answer, ...]
    seconds: float

    def judged(self, verdicts: Sequence[Verdict]) -> Attempt:
        """With how each answer ended."""
        tries = tuple(
            Try(
                line=answer.line,
                origin=answer.origin,
                tokens=answer.tokens,
                passes=verdict.visible_passed,
                right=verdict.right,
            )
            for answer, verdict in zip(self.answers, verdicts, strict=True)
        )
        return Attempt(
            id=self.survey.program.id,
            kind=self.survey.program.kind,
            tries=tries,
            lines=tuple(suspect.line for suspect in self.survey.suspects),
            seconds=self.seconds,
        )


def survey(program: Program, settings: Settings, folder: Path) -> Survey:
    """Run the failing test of `program` in the empty `folder` and rank the lines.

    Raises:
        SandboxError: the tests could not be run.
    """
    suspects = _suspects(program, settings, folder)
    if suspects is None and program.visible != program.hidden:
        # The visible half passes although the program is wrong: the other half is what fails.
        program = program.swapped()
        suspects = _suspects(program, settings, folder)
    return Survey(program=program, suspects=suspects or ())


def _suspects(program: Program, settings: Settings, folder: Path) -> tuple[Suspect, ...] | None:
    """None when the visible test passes already."""
    for name, text in program.files().items():
        (folder / name).write_text(text, encoding="utf-8")
    with FailingTest(root=folder, test=_TEST, settings=settings) as failing:
        baseline = failing.baseline()
    if baseline.passed:
        return None
    return tuple(
        Suspect(diagnostic=place.diagnostic, failure=place.failure)
        for place in baseline.places
        if place.path.name == FILE
    )


def ask(fixer: Fixer, found: Survey, budget: Budget) -> Asked:
    """What the model would try. Raises EngineError."""
    begin = time.perf_counter()
    answers = tuple(_answers(fixer, found, budget))
    return Asked(survey=found, answers=answers, seconds=time.perf_counter() - begin)


def _answers(fixer: Fixer, found: Survey, budget: Budget) -> Iterator[Answer]:
    document = Document(text=found.program.buggy, path=Path(FILE))
    seen = {found.program.buggy}
    for suspect in found.suspects[: budget.lines]:
        proposal = fixer.propose(
            document, suspect.diagnostic, n=budget.per_line, failure=suspect.failure
        )
        for candidate in proposal.candidates:
            if candidate.new_text not in seen:
                seen.add(candidate.new_text)
                yield Answer(
                    line=suspect.line,
                    origin=candidate.origin,
                    tokens=candidate.tokens,
                    text=candidate.new_text,
                )
            if len(seen) > budget.tries:
                return
