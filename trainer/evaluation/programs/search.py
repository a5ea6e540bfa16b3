"""One program through the whole search that "fix this test" does in an editor.

Line after line, the rules' and the model's answers and then the small slips, each of them run
against the visible test, until one passes or the time is up. The hidden test judges what a user
would be shown first.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.programs.batch import Job, run_batch
from trainer.evaluation.programs.sources import FILE, HIDDEN, VISIBLE, Program
from whetstone.candidate import Proposal
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings
from whetstone.testing.repair import BUDGET_S, MAX_LINES, Baseline, FailingTest

_TEST = f"{VISIBLE}::test_visible"
_LIMIT_S = 2.0  # of processor time for one answer and both tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a user sees of one program. `origin` is "rule" or "model", empty when nothing passes."""

    id: str
    kind: str
    origin: str
    slip: bool  # a small change, to which neither a rule nor the model had come
    right: bool  # what is shown first passes the hidden test, too
    any_right: bool  # or another one of those shown
    lines: int  # looked at
    tried: int  # versions of the program that the test judged, or that were no programs
    seconds: float


def search(program: Program, fixer: Fixer, settings: Settings) -> Found:
    """Search as the editor does.

    Raises:
        SandboxError: the tests cannot be run.
        EngineError: the model failed.
    """
    found = _search(program, fixer, settings)
    if found is None and program.visible != program.hidden:
        # The visible half passes although the program is wrong: the other half is what fails.
        found = _search(program.swapped(), fixer, settings)
    return found or _found(program, [], 0.0)


def _search(program: Program, fixer: Fixer, settings: Settings) -> Found | None:
    """None when the visible test passes already."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="whetstone-search-") as name:
        root = Path(name).resolve()
        for file, text in program.files().items():
            if file != HIDDEN:
                (root / file).write_text(text, encoding="utf-8")
        with FailingTest(root=root, test=_TEST, settings=settings) as failing:
            baseline = failing.baseline()
            if baseline.passed:
                return None
            proposals = _proposals(program, fixer, failing, baseline)
    return _found(program, proposals, time.monotonic() - begin)


def _proposals(
    program: Program, fixer: Fixer, failing: FailingTest, baseline: Baseline
) -> list[Proposal]:
    """One for each line that was looked at; only the last may have candidates."""
    proposals: list[Proposal] = []
    deadline = time.monotonic() + BUDGET_S
    for place in baseline.places[:MAX_LINES]:
        if place.path.name != FILE or time.monotonic() > deadline:
            continue
        document = Document(text=program.buggy, path=place.path)
        judge = failing.judge(place.path)
        asked: dict[str, Any] = {"failure": place.failure, "test": judge}
        proposal = fixer.propose(document, place.diagnostic, **asked)
        if not proposal.candidates:
            proposal = proposal.or_else(fixer.slips(document, place.diagnostic, **asked))
        proposals.append(proposal)
        if proposals[-1].candidates:
            break
    return proposals


def _found(program: Program, proposals: list[Proposal], seconds: float) -> Found:
    shown = proposals[-1].candidates if proposals else ()
    files = program.files()
    versions = tuple(candidate.new_text for candidate in shown)
    job = Job(versions=versions, visible=files[VISIBLE], hidden=files[HIDDEN], limit_s=_LIMIT_S)
    right = [verdict.right for verdict in run_batch([job])[0]]
    return Found(
        id=program.id,
        kind=program.kind,
        origin=shown[0].origin if shown else "",
        slip=bool(shown) and proposals[-1].sieved > 0,
        right=right[:1] == [True],
        any_right=any(right),
        lines=len(proposals),
        tried=sum(proposal.tried for proposal in proposals),
        seconds=seconds,
    )
