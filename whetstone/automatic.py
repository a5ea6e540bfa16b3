"""Fixing while nobody looks: in which order, and what may be taken unread.

`whetstone fix --yes` and the editor's "fix all" decide alike.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING

from whetstone.problem import Diagnostic, Document

if TYPE_CHECKING:
    from whetstone.candidate import Candidate

UNSEEN_CONFIDENCE = 0.25  # what was taken unread counts a quarter of a choice
MAX_ROUNDS = 200  # a file whose every fix uncovers another problem still ends

_LOOKS_UNUSED = ("F401", "F841", "F811")

Key = tuple[str, str, str]


def problem_key(document: Document, diagnostic: Diagnostic) -> Key:
    """A problem is the same one when its line reads the same, wherever that line moved."""
    lines = document.lines()
    at = diagnostic.span.start_line
    text = lines[at].strip() if at < len(lines) else ""
    return (diagnostic.code, diagnostic.message, text)


def next_problem(
    document: Document,
    found: Iterable[Diagnostic],
    done: Container[Key],
    *,
    unread: bool,
    wanted: Callable[[Diagnostic], bool] = lambda diagnostic: True,
) -> Diagnostic | None:
    """The first wanted problem that is not done, errors first.

    A misspelt use makes an import or a variable look unused: deleting it would destroy what was
    meant, so that is not done `unread` while an undefined name is left.
    """
    ordered = sorted(found, key=lambda each: each.severity != "error")
    broken = bool(ordered) and ordered[0].severity == "error"
    for diagnostic in ordered:
        if broken and unread and diagnostic.code in _LOOKS_UNUSED:
            continue
        if wanted(diagnostic) and problem_key(document, diagnostic) not in done:
            return diagnostic
    return None


def takes_unread(candidate: Candidate) -> bool:
    """Only what is seen to mend the problem is taken unread.

    While another error hides what is new, a guess of the model alone is not taken either.
    """
    evidence = candidate.evidence
    return evidence.decisive and (evidence.complete or candidate.origin != "model")


def is_certain(candidate: Candidate) -> bool:
    """Mends the problem, and nothing stayed undecided: what an editor may do to a whole file."""
    return candidate.evidence.decisive and candidate.evidence.complete
