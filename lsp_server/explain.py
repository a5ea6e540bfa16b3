"""Why nothing is offered, in words that fit a status bar's tooltip."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.problem import Diagnostic

_FAILED = {
    "changes something": "changed nothing",
    "parses": "did not parse",
    "diagnostic gone": "did not make the diagnostic go away",
    "nothing new": "brought a new finding",
    "import exists": "imported what is not installed",
    "test passes": "did not make the test pass",
}


def why_none(proposal: Proposal) -> str:
    """For example: 3 answers: 2 did not parse, 1 brought a new finding."""
    total = len(proposal.rejected) + proposal.unparsable
    if total == 0:
        return "no rule knows an answer" if proposal.model_id == "rules" else "no answer came"
    failed = Counter(
        next((check.name for check in candidate.evidence.checks if check.passed is False), "")
        for candidate in proposal.rejected
    )
    parts = [(count, _FAILED.get(name, name)) for name, count in failed.most_common()]
    if proposal.unparsable:
        parts.append((proposal.unparsable, "could not be read"))
    if len(parts) == 1:
        return f"{answers(total)}: {_all(total)} {parts[0][1]}"
    return f"{answers(total)}: " + ", ".join(f"{count} {what}" for count, what in parts)


def answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def place(diagnostic: Diagnostic) -> str:
    """`F821 line 12`, the line counted from 1."""
    return f"{diagnostic.code or 'problem'} line {diagnostic.span.start_line + 1}"


def _all(count: int) -> str:
    return {1: "it", 2: "both"}.get(count, "all")
