"""Problems that no diagnostic tool reports: a traceback's line, a failing test's suspect.

    session.extra.add(uri, diagnostic, failure=output, test=runner)

From then on the code actions, resolve, `whetstone.candidates` and the preparing treat it like any
other problem of that document: `failure` goes into the prompt, and with `test` only candidates that
make the test pass are offered. The document need not be open. A problem follows edits above it; it
is dropped when its own lines change, which is what a fix does, or with `remove`. Call
`session.extras_changed(uri)` after adding or removing, so that preparing starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lsp_server.text import Hunk, moved_span
from whetstone.problem import Diagnostic

if TYPE_CHECKING:
    from whetstone.evidence import TestRunner

_MOST = 32  # for each document: a recursion's traceback names one line a thousand times


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """One problem, with the output that showed it and the test that a fix must pass."""

    diagnostic: Diagnostic
    failure: str = ""
    test: TestRunner | None = None


class ExtraProblems:
    """By document. Only the event loop touches it."""

    def __init__(self) -> None:
        self._of: dict[str, list[Extra]] = {}

    def add(
        self, uri: str, diagnostic: Diagnostic, *, failure: str = "", test: TestRunner | None = None
    ) -> Extra:
        """Remember a problem; a newer one at the same place with the same code takes its place."""
        extra = Extra(diagnostic=diagnostic, failure=failure, test=test)
        kept = [old for old in self._of.get(uri, ()) if not _same(old.diagnostic, diagnostic)]
        self._of[uri] = [*kept, extra][-_MOST:]
        return extra

    def of(self, uri: str) -> list[Extra]:
        return list(self._of.get(uri, ()))

    def remove(self, uri: str, extra: Extra) -> None:
        self._of[uri] = [other for other in self._of.get(uri, ()) if other is not extra]

    def clear(self, uri: str | None = None) -> None:
        """Forget those of a document, or all."""
        if uri is None:
            self._of.clear()
        else:
            self._of.pop(uri, None)

    def changed(self, uri: str, hunk: Hunk) -> None:
        """Lines of the document were replaced: follow, or drop what stood in them."""
        if uri in self._of:
            moved = [_moved(extra, hunk) for extra in self._of[uri]]
            self._of[uri] = [extra for extra in moved if extra is not None]


def _same(one: Diagnostic, other: Diagnostic) -> bool:
    return (one.code, one.source, one.span.start_line) == (
        other.code,
        other.source,
        other.span.start_line,
    )


def _moved(extra: Extra, hunk: Hunk) -> Extra | None:
    span = moved_span(extra.diagnostic.span, hunk)
    if span is None:
        return None
    return replace(extra, diagnostic=replace(extra.diagnostic, span=span))
