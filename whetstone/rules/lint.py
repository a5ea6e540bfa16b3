"""The fix that ruff itself attaches to a finding, where it stays inside the flagged lines."""

from __future__ import annotations

from collections.abc import Iterator

from whetstone import diagnose
from whetstone.edit import TextEdit, apply
from whetstone.problem import Document, Problem, Replacement, Span, split_lines


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """Ruff's fix for this very finding as a replacement of the region."""
    diagnostic, region = problem.diagnostic, problem.region
    if diagnostic.source != "ruff" or diagnostic.code == "SyntaxError":
        return
    place = (diagnostic.code, diagnostic.span.start_line, diagnostic.span.start_column)
    for code, span, edits in diagnose.ruff_fixes(document):
        if (code, span.start_line, span.start_column) != place:
            continue
        if not all(region.start <= e.span.start_line and _last(e) <= region.stop for e in edits):
            continue
        before = len(document.lines())
        after = split_lines(apply(document.text, edits))
        stop = region.stop + len(after) - before
        if stop >= region.start:
            lines = tuple(line.rstrip("\r\n") for line in after[region.start : stop])
            yield Replacement(kind="replace", lines=lines)


def _last(edit: TextEdit) -> int:
    """The line after the last one that the edit touches."""
    span: Span = edit.span
    return span.end_line + (1 if span.end_column else 0)
