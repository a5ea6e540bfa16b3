"""Proving answers beside the model: a thread of its own checks one while the next is decoded.

The checks mostly wait for ruff or for the user's test, and llama.cpp computes without Python's
lock, so both go on at once. One thread proves; what it found is read when it is done. Where nobody
waits and one core must do, the checks take their turn with the model instead.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from whetstone import edit, evidence
from whetstone.edit import TextEdit
from whetstone.engine.base import Cancel
from whetstone.evidence import Baseline, Evidence, TestRunner
from whetstone.problem import Document, Problem, Replacement

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

    def _examine(self, replacement: Replacement) -> Proof:
        if self._cancel is not None:
            self._cancel.raise_if_set()
        if self._baseline is None:
            self._baseline = Baseline.of(self._document, self._problem)
        edits = edit.edits_for(self._document, self._problem.region, replacement)
        new_text = edit.apply(self._document.text, edits)
        found = evidence.prove(
            self._document, self._problem, new_text, self._baseline, test=self._test
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
