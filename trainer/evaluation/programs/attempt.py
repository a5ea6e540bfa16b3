"""One program: its failing test leads to lines, the lines to answers, the answers to verdicts.

The lines come from `whetstone.testing.repair`, the answers from `Fixer.propose`, as in the editor.
Only the visible test is shown to either; the hidden one judges afterwards. All of it runs in the
sandbox.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.evaluation.programs.sources import FILE, HIDDEN, VISIBLE, Program
from whetstone.fixer import Fixer
from whetstone.locate import Place
from whetstone.problem import Document
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


def attempt(
    fixer: Fixer, program: Program, settings: Settings, folder: Path, budget: Budget
) -> Attempt:
    """Try to mend `program` in the empty `folder`.

    Raises:
        EngineError: the model failed.
        SandboxError: the tests could not be run.
    """
    begin = time.perf_counter()
    found = _look(fixer, program, settings, folder, budget)
    if found is None and program.visible != program.hidden:
        # The visible half passes although the program is wrong: the other half is what fails.
        found = _look(fixer, program.swapped(), settings, folder, budget)
    tries, lines = found or ((), ())
    return Attempt(
        id=program.id,
        kind=program.kind,
        tries=tries,
        lines=lines,
        seconds=time.perf_counter() - begin,
    )


def _look(
    fixer: Fixer, program: Program, settings: Settings, folder: Path, budget: Budget
) -> tuple[tuple[Try, ...], tuple[int, ...]] | None:
    """Tries and suspected lines; None when the visible test passes already."""
    for name, text in program.files().items():
        (folder / name).write_text(text, encoding="utf-8")
    with FailingTest(root=folder, test=_TEST, settings=settings) as failing:
        baseline = failing.baseline()
        if baseline.passed:
            return None
        places = [place for place in baseline.places if place.path.name == FILE]
        tries = tuple(_tries(fixer, program, failing, places, budget))
    return tries, tuple(place.line for place in places)


def _tries(
    fixer: Fixer, program: Program, failing: FailingTest, places: Sequence[Place], budget: Budget
) -> list[Try]:
    path = failing.root / FILE
    document = Document(text=program.buggy, path=path)
    tries: list[Try] = []
    seen = {program.buggy}
    for place in places[: budget.lines]:
        proposal = fixer.propose(
            document, place.diagnostic, n=budget.per_line, failure=place.failure
        )
        for candidate in proposal.candidates:
            if candidate.new_text in seen:
                continue
            seen.add(candidate.new_text)
            outcomes = failing.outcomes(path, candidate.new_text, [VISIBLE, HIDDEN])
            passes = outcomes.get(_TEST) == "passed"
            tries.append(
                Try(
                    line=place.line,
                    origin=candidate.origin,
                    tokens=candidate.tokens,
                    passes=passes,
                    right=passes and outcomes.get(f"{HIDDEN}::test_hidden") == "passed",
                )
            )
            if len(tries) == budget.tries:
                return tries
    return tries
