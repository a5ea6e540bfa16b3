"""Proving answers beside the model: a thread of its own checks one while the next is decoded.

The checks mostly wait for ruff or for the user's test, and llama.cpp computes without Python's
lock, so both go on at once. One thread proves; what it found is read when it is done. Where nobody
waits and one core must do, the checks take their turn with the model instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from whetstone import diagnose, edit, evidence
from whetstone.edit import TextEdit
from whetstone.engine.base import Cancel
from whetstone.evidence import Baseline, Evidence, ManyRunner, TestRunner
from whetstone.problem import Diagnostic, Document, Problem, Replacement

_AT_ONCE = 30  # of many: what a time limit or a stop has to wait for

Propose = Callable[[Document, Problem], list[Replacement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A replacement, what it makes of the document, and what was seen of that."""

    replacement: Replacement
    edits: tuple[TextEdit, ...]
    new_text: str
    evidence: Evidence


class Prover:
    """Proves replacements for one problem, the rules' own first; a context manager.

    Leaving it waits for the check that runs and drops those that wait.
    """

    def __init__(
        self,
        document: Document,
        problem: Problem,
        *,
        test: TestRunner | None,
        cancel: Cancel | None,
        propose: Propose,
        beside: bool = True,
    ) -> None:
        """Begin with what `propose` says: the rules.

        `beside = False` proves in the thread that asks, before it goes on.
        """
        self._document = document
        self._propose = propose
        self._problem = problem
        self._test = test
        self._cancel = cancel
        self._baseline: Baseline | None = None  # this and the next are the thread's alone
        self._known: dict[Replacement, Proof] = {}
        self.sieved = 0  # replacements that the test turned down among many
        self._thread: Executor = (
            ThreadPoolExecutor(1, thread_name_prefix="whetstone-prover") if beside else _Here()
        )
        self._proofs: dict[Replacement, Future[Proof]] = {}
        self._proposed = self._thread.submit(self._propose, self._document, self._problem)
        self._rules = self._thread.submit(self._prove_by_rules)

    def __enter__(self) -> Prover:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def start(self, replacement: Replacement) -> None:
        """Let it be proved; what is known already is not proved again."""
        self._proofs[replacement] = self._thread.submit(self._prove, replacement)

    def proposed(self) -> list[Replacement]:
        """What the rules propose, before anything of it is proved."""
        return self._proposed.result()

    def rules(self) -> tuple[Proof, ...]:
        """The proofs of what the rules propose, once they are done. Raises as `result` does."""
        return self._rules.result()

    def first_of(
        self, replacements: Sequence[Replacement], *, most: int, seconds: float
    ) -> tuple[Proof, ...]:
        """Proofs of `replacements` in their order, until `most` of them may be shown.

        For many of which few will do: ruff looks at all of them at once, and after `seconds` no
        other is begun.
        """
        return self._thread.submit(self._prove_many, replacements, most, seconds).result()

    def result(self, replacement: Replacement) -> Proof:
        """The proof of what was started, once it is done.

        Raises:
            Cancelled: the request was cancelled before all were proved.
            WhetstoneError: ruff could not be run.
        """
        return self._proofs[replacement].result()

    def _prove_by_rules(self) -> tuple[Proof, ...]:
        return tuple(map(self._prove, self._proposed.result()))

    def _prove(self, replacement: Replacement) -> Proof:
        if replacement not in self._known:
            self._known[replacement] = self._examine(replacement)
        return self._known[replacement]

    def _prove_many(
        self, replacements: Sequence[Replacement], most: int, seconds: float
    ) -> tuple[Proof, ...]:
        end = time.monotonic() + seconds
        left = [each for each in replacements if each not in self._known]
        proofs: list[Proof] = []
        shown = 0
        while left and shown < most and time.monotonic() < end:
            tried, left = left[:_AT_ONCE], left[_AT_ONCE:]
            texts = [self._changed(replacement)[1] for replacement in tried]
            findings = diagnose.ruff_many(self._document, texts)
            may_pass = self._sieved(texts)
            for replacement, found, may in zip(tried, findings, may_pass, strict=True):
                if may and shown < most and time.monotonic() < end:
                    proof = self._known[replacement] = self._examine(replacement, found)
                    shown += proof.evidence.shown
                    proofs.append(proof)
        return tuple(proofs)

    def _sieved(self, texts: Sequence[str]) -> Sequence[bool]:
        if self._cancel is not None:
            self._cancel.raise_if_set()
        found = self._test.passing(texts) if isinstance(self._test, ManyRunner) else None
        if found is None:
            return [True] * len(texts)
        self.sieved += found.count(False)
        return found

    def _changed(self, replacement: Replacement) -> tuple[tuple[TextEdit, ...], str]:
        edits = edit.edits_for(self._document, self._problem.region, replacement)
        return edits, edit.apply(self._document.text, edits)

    def _examine(self, replacement: Replacement, findings: list[Diagnostic] | None = None) -> Proof:
        if self._cancel is not None:
            self._cancel.raise_if_set()
        if self._baseline is None:
            self._baseline = Baseline.of(self._document, self._problem)
        edits, new_text = self._changed(replacement)
        found = evidence.prove(
            self._document,
            self._problem,
            new_text,
            self._baseline,
            test=self._test,
            findings=findings,
        )
        return Proof(replacement=replacement, edits=edits, new_text=new_text, evidence=found)


class _Here(Executor):
    """Does what is submitted at once, in the thread that submits it."""

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
