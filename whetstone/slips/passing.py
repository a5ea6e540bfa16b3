"""The small changes with which a failing test passes."""

from __future__ import annotations

from dataclasses import dataclass

from whetstone import context
from whetstone.engine.base import Cancel
from whetstone.evidence import TestRunner
from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.prover import Proof, Prover
from whetstone.slips import propose

_SECONDS = 20.0  # for those of one line
_ENOUGH = 4  # that pass: which of them is likeliest, the model can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """What was tried of one line. `proofs` are those that were looked at closely, in their order;
    `sieved` others are known to fail."""

    problem: Problem
    proofs: tuple[Proof, ...]
    sieved: int


def passing(
    document: Document,
    diagnostic: Diagnostic,
    *,
    test: TestRunner,
    failure: str = "",
    cancel: Cancel | None = None,
) -> Passing:
    """Let `test` judge the slips that may have been made in the line of `diagnostic`.

    Takes as long as `test` takes for a hundred texts, at most some 20 seconds. No model is asked.

    Raises:
        Cancelled: `cancel` was set.
        WhetstoneError: ruff could not be run.
    """
    problem = context.build_problem(document, diagnostic, failure=failure)
    changes = propose(document, problem)
    with Prover(document, problem, test=test, cancel=cancel, propose=_nothing) as prover:
        proofs = prover.first_of(changes, most=_ENOUGH, seconds=_SECONDS)
    return Passing(problem=problem, proofs=proofs, sieved=prover.sieved)


def _nothing(document: Document, problem: Problem) -> list[Replacement]:
    """The rules have had their turn."""
    return []
