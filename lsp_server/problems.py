"""Which problems a request is about: our own findings and what other tools told the editor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from lsprotocol import types

from lsp_server.documents import OpenDocument
from lsp_server.extra import Extra
from whetstone.problem import Diagnostic, Span

if TYPE_CHECKING:
    from whetstone.evidence import TestRunner

SOURCE = "whetstone"
MAX_PROBLEMS = 8

Severity = Literal["error", "warning", "information", "hint"]
_NAMES: dict[types.DiagnosticSeverity, Severity] = {
    types.DiagnosticSeverity.Error: "error",
    types.DiagnosticSeverity.Warning: "warning",
    types.DiagnosticSeverity.Information: "information",
    types.DiagnosticSeverity.Hint: "hint",
}
_SEVERITIES = {name: severity for severity, name in _NAMES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAt:
    """One problem of one revision of a document.

    `reported` are the editor's diagnostics that it stands for; `checkable` says whether our own
    tools can tell when it is gone. `failure` and `test` are those of an extra problem.
    """

    uri: str
    revision: int
    diagnostic: Diagnostic
    reported: tuple[types.Diagnostic, ...] = ()
    checkable: bool = True
    failure: str = ""
    test: TestRunner | None = None

    @property
    def key(self) -> str:
        """The same problem of the same text has the same key."""
        text = repr((self.uri, self.revision, self.diagnostic))
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def problems_at(
    document: OpenDocument, wanted: Span, problems: Iterable[ProblemAt]
) -> list[ProblemAt]:
    """Those of `problems` on the requested lines, nearest first."""
    kept = [problem for problem in problems if _lines_meet(problem.diagnostic.span, wanted)]
    kept.sort(key=lambda problem: _distance(problem.diagnostic.span, wanted))
    return kept[:MAX_PROBLEMS]


def all_problems(
    document: OpenDocument,
    own: Sequence[Diagnostic],
    reported: Sequence[types.Diagnostic],
    extras: Sequence[Extra] = (),
    *,
    ignore_codes: Iterable[str] = (),
) -> list[ProblemAt]:
    """Problems of the document, each place once.

    Where one of our findings and another tool's touch, ours stands for both: it can be checked.
    An extra problem stands beside them when it brings a test, or when nothing else is there.
    """
    ignored = set(ignore_codes)
    others = [(each, from_lsp(document, each)) for each in reported]
    mine = list(own) or [core for each, core in others if each.source == SOURCE]
    problems: list[ProblemAt] = []
    merged: set[int] = set()
    for diagnostic in mine:
        touching = [n for n, (_, core) in enumerate(others) if touch(core.span, diagnostic.span)]
        merged |= set(touching)
        problems.append(_problem(document, diagnostic, [others[n][0] for n in touching]))
    for number, (each, core) in enumerate(others):
        if number not in merged and each.source != SOURCE:
            problems.append(_problem(document, core, [each], checkable=False))
    lines = {problem.diagnostic.span.start_line for problem in problems}
    for extra in extras:
        if extra.test is not None or extra.diagnostic.span.start_line not in lines:
            problems.append(_extra(document, extra))
    return [problem for problem in problems if problem.diagnostic.code not in ignored]


def covered_codes(
    document: OpenDocument, own: Sequence[Diagnostic], reported: Sequence[types.Diagnostic]
) -> set[str]:
    """Codes of our findings that another tool is seen to report at the same place."""
    others = [from_lsp(document, each).span for each in reported if each.source != SOURCE]
    return {mine.code for mine in own if any(touch(mine.span, other) for other in others)}


def from_lsp(document: OpenDocument, diagnostic: types.Diagnostic) -> Diagnostic:
    """A diagnostic as the editor passed it in, in our terms."""
    code = "" if diagnostic.code is None else str(diagnostic.code)
    source = diagnostic.source or "editor"
    if source == SOURCE:  # one of ours, sent back
        source = "python" if code in ("SyntaxError", "IndentationError") else "ruff"
    return Diagnostic(
        source=source,
        code=code,
        message=str(diagnostic.message),
        span=span_of(document, diagnostic.range),
        severity=_NAMES.get(diagnostic.severity or types.DiagnosticSeverity.Error, "error"),
    )


def to_lsp(document: OpenDocument, diagnostic: Diagnostic) -> types.Diagnostic:
    return types.Diagnostic(
        range=range_of(document, diagnostic.span),
        message=diagnostic.message,
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code or None,
        source=SOURCE,
    )


def span_of(document: OpenDocument, asked: types.Range) -> Span:
    start, end = asked.start, asked.end
    return document.buffer.span((start.line, start.character), (end.line, end.character))


def range_of(document: OpenDocument, span: Span) -> types.Range:
    start = document.buffer.units(span.start_line, span.start_column)
    end = document.buffer.units(span.end_line, span.end_column)
    return types.Range(start=types.Position(*start), end=types.Position(*end))


def touch(one: Span, other: Span) -> bool:
    """Do the two start on one line and overlap or meet?"""
    return (
        one.start_line == other.start_line
        and _start(one) <= _end(other)
        and _start(other) <= _end(one)
    )


def _start(span: Span) -> tuple[int, int]:
    return (span.start_line, span.start_column)


def _end(span: Span) -> tuple[int, int]:
    return (span.end_line, span.end_column)


def _lines_meet(one: Span, other: Span) -> bool:
    return one.start_line <= other.end_line and other.start_line <= one.end_line


def _distance(span: Span, wanted: Span) -> tuple[int, int]:
    """Problems under the cursor first, then by the distance of their starts."""
    inside = _start(span) <= _end(wanted) and _start(wanted) <= _end(span)
    lines = abs(span.start_line - wanted.start_line)
    return (0 if inside else 1, lines * 10_000 + abs(span.start_column - wanted.start_column))


def _extra(document: OpenDocument, extra: Extra) -> ProblemAt:
    return ProblemAt(
        uri=document.uri,
        revision=document.revision,
        diagnostic=extra.diagnostic,
        checkable=False,
        failure=extra.failure,
        test=extra.test,
    )


def _problem(
    document: OpenDocument,
    diagnostic: Diagnostic,
    reported: Sequence[types.Diagnostic],
    *,
    checkable: bool = True,
) -> ProblemAt:
    return ProblemAt(
        uri=document.uri,
        revision=document.revision,
        diagnostic=diagnostic,
        reported=tuple(reported),
        checkable=checkable,
    )
