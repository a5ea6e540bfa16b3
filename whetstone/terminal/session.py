"""One run of `whetstone fix` over a file: find, propose, ask, write, record, look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from whetstone import diagnose, locate, source_file
from whetstone.automatic import MAX_ROUNDS, Key, next_problem, problem_key
from whetstone.candidate import Candidate, Proposal
from whetstone.engine.base import Cancel
from whetstone.evidence import TestRunner
from whetstone.fixer import Fixer
from whetstone.problem import Diagnostic, Document
from whetstone.source_file import SourceFile

if TYPE_CHECKING:
    from whetstone.locate import Coverage
    from whetstone.preferences.store import PreferenceStore
    from whetstone.sandbox import RunResult

Answer = Literal["accept", "reject", "next", "skip", "quit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to fix: a file, perhaps one line of it, a failing test, a traceback."""

    path: Path
    root: Path
    line: int | None = None  # 0-based
    traceback: str = ""
    run_test: TestRunner | None = None
    watch_test: Callable[[str], tuple[RunResult, Coverage]] | None = None  # with the lines it ran
    ignore_codes: tuple[str, ...] = ()
    budget_s: float = 180.0  # for the lines that a failing test may be due to


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of one problem."""

    proposal: Proposal
    accepted: Candidate | None
    suggestion_id: str | None


@dataclass(slots=True)
class FixSession:
    """`ask` decides about each shown candidate; `on_step` hears of each finished problem."""

    fixer: Fixer
    store: PreferenceStore | None
    ask: Callable[[Proposal, int], Answer]
    n: int | None = None
    client: str = "whetstone fix"
    confidence: float = 1.0
    automatic: bool = False
    on_problem: Callable[[Document, Diagnostic], None] = lambda document, diagnostic: None
    cancel: Cancel = field(default_factory=Cancel)
    _done: set[Key] = field(default_factory=set)
    _quit: bool = False
    _traceback_fixed: bool = False
    _last_test: tuple[str, RunResult] | None = None

    def run(self, target: Target) -> Iterator[Step]:
        """Yield a step for each problem until none is left that was not yet looked at."""
        file = source_file.read(target.path)
        for _ in range(MAX_ROUNDS):
            diagnostic = self._next_problem(file, target)
            if diagnostic is None or self._quit:
                break
            step, file = self._one(file, diagnostic, target, failure="")
            yield step
        if not self._quit:
            yield from self._failing(file, target)

    def _next_problem(self, file: SourceFile, target: Target) -> Diagnostic | None:
        """The first problem not yet handled, errors first. Only on the line asked for, if any."""

        def wanted(diagnostic: Diagnostic) -> bool:
            at_line = target.line in (None, diagnostic.span.start_line)
            return at_line and diagnostic.code not in target.ignore_codes

        found = diagnose.find(file.document)
        return next_problem(file.document, found, self._done, unread=self.automatic, wanted=wanted)

    def _one(
        self, file: SourceFile, diagnostic: Diagnostic, target: Target, *, failure: str
    ) -> tuple[Step, SourceFile]:
        self._done.add(problem_key(file.document, diagnostic))
        self.on_problem(file.document, diagnostic)
        test = target.run_test if failure else None
        proposal = self.fixer.propose(
            file.document, diagnostic, n=self.n, cancel=self.cancel, test=test, failure=failure
        )
        if test is not None and not proposal.candidates:
            small = self.fixer.slips(
                file.document, diagnostic, test=test, failure=failure, cancel=self.cancel
            )
            proposal = proposal.or_else(small)
        suggestion = self._record(proposal, target)
        accepted = None
        try:
            chosen = self._decide(proposal, suggestion)
            if chosen is not None:
                file = source_file.write(file, chosen.new_text)
                accepted = chosen
        finally:
            self._settle(suggestion, accepted)
        return Step(proposal=proposal, accepted=accepted, suggestion_id=suggestion), file

    def _failing(self, file: SourceFile, target: Target) -> Iterator[Step]:
        """The problems that a traceback or a failing test shows, once the file itself is clean."""
        output, coverage = target.traceback, locate.Coverage()
        if not output and target.watch_test is not None:
            result, coverage = target.watch_test(file.document.text)
            self._last_test = (file.document.text, result)
            if result.passed:
                return
            output = f"{result.stdout}\n{result.stderr}".strip()
        if not output:
            return
        found = locate.parse(output)
        failure = found[0].text if found else output
        deadline = time.monotonic() + target.budget_s
        for diagnostic in locate.suspects(file.document, output, target.root, coverage):
            if time.monotonic() > deadline:
                return
            step, file = self._one(file, diagnostic, target, failure=failure)
            yield step
            if step.accepted is not None:
                self._traceback_fixed = True
            if step.accepted is not None or self._quit:
                return

    def remaining(self, target: Target) -> list[str]:
        """What is still wrong, one line each: findings, and the failure that was asked about."""
        document = source_file.read(target.path).document
        left = [
            f"{document.name}:{found.span.start_line + 1} {found.headline}"
            for found in diagnose.find(document)
            if found.code not in target.ignore_codes
            and target.line in (None, found.span.start_line)
        ]
        result = self._tested(target, document.text)
        if result is not None and result.status != 0:
            timed_out = (
                f"timed out after {result.duration_s:.0f} s" if result.timed_out else "fails"
            )
            left.append(f"the test {timed_out}")
        elif target.traceback and not self._traceback_fixed:
            left.append("the failure of the traceback")
        return left

    def _tested(self, target: Target, text: str) -> RunResult | None:
        """The test's result for a text, run once; None without a test."""
        if target.run_test is None:
            return None
        if self._last_test is None or self._last_test[0] != text:
            self._last_test = (text, target.run_test(text))
        return self._last_test[1]

    # -- the user's choice ------------------------------------------------------------------------

    def _decide(self, proposal: Proposal, suggestion: str | None) -> Candidate | None:
        index = 0
        while index < len(proposal.candidates):
            answer = self.ask(proposal, index)
            candidate = proposal.candidates[index]
            if answer == "accept":
                return candidate
            if answer == "reject":
                self._event(suggestion, "rejected", candidate)
            if answer == "quit":
                self._quit = True
            if answer in ("quit", "skip"):
                return None
            index += 1
        return None

    def _record(self, proposal: Proposal, target: Target) -> str | None:
        if self.store is None or not proposal.candidates:
            return None
        return self.store.record_suggestion(
            proposal, client=self.client, workspace=str(target.root)
        )

    def _event(self, suggestion: str | None, kind: str, candidate: Candidate) -> None:
        if self.store is None or suggestion is None:
            return
        from whetstone.preferences.outcome import EventKind

        self.store.record_event(suggestion, EventKind(kind), candidate_id=candidate.id)

    def _settle(self, suggestion: str | None, accepted: Candidate | None) -> None:
        if self.store is None or suggestion is None:
            return
        from whetstone.preferences.outcome import Outcome

        if accepted is not None:
            self._event(suggestion, "applied", accepted)
            self.store.settle(
                suggestion,
                Outcome.ACCEPTED,
                candidate_id=accepted.id,
                confidence=self.confidence,
            )
        else:
            self.store.settle(suggestion, Outcome.IGNORED)
