"""Which lines the model sees of a file, and which of them it may replace."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whetstone.edit import import_line
from whetstone.indentation import MAX_REGION_LINES
from whetstone.problem import Diagnostic, Document, Problem, Region
from whetstone.prompt import CHAT_ABOVE, CHAT_BELOW, CHAT_HEAD
from whetstone.regions import (
    down_to_next_statement,
    elsewhere,
    header_above,
    own_lines,
    with_line_above,
)

_MAX_LINE = 400  # minified or generated lines would push everything else out of the window
_MAX_FAILURE = 4_000
# The window begins and ends at lines that many places have in common, so that the next problem near
# by has the same text in front of it, which an engine need not compute again. At least 80 lines
# above and 20 below are in it, 120 and 40 on average.
_STEP_ABOVE = CHAT_ABOVE // 2
_STEP_BELOW = CHAT_BELOW * 2 // 3


def region_for(document: Document, diagnostic: Diagnostic) -> Region:
    """The lines a diagnostic points at, at most MAX_REGION_LINES of them, never past the end.

    A failing test points at a line, and means its statement.
    """
    count = max(1, len(document.lines()))
    start = min(diagnostic.span.start_line, count - 1)
    if diagnostic.source == "test" and (whole := own_lines(document, start)) is not None:
        return whole
    stop = min(max(start + 1, diagnostic.span.end_line + 1), count)
    if diagnostic.span.end_column == 0 and stop - start > 1:
        stop -= 1  # an end at column 0 lies before that line
    if stop - start > MAX_REGION_LINES:
        stop = start + 1
    return Region(start=start, stop=stop)


def regions_for(document: Document, diagnostic: Diagnostic) -> list[Region]:
    """Regions to try in order: where the message says the fault lies, the flagged lines, and wider.

    An unclosed bracket is reported where it opens and is often mended where its statement ends.
    Most other faults of a syntax error stand on the flagged line or on the code line above it.
    """
    region = region_for(document, diagnostic)
    wider: list[Region | None] = []
    if "was never closed" in diagnostic.message:
        wider = [down_to_next_statement(document, region)]
    elif diagnostic.code in ("SyntaxError", "IndentationError"):
        wider = [
            with_line_above(document, region),
            header_above(document, diagnostic),
        ]
    found = [*elsewhere(document, diagnostic), region, *filter(None, wider)]
    return list(dict.fromkeys(found))


def _window(region: Region, count: int) -> tuple[int, int]:
    """First line of the window, and the line after its last."""
    top = max(0, region.start - _STEP_ABOVE) // _STEP_ABOVE * _STEP_ABOVE
    least = region.stop + CHAT_BELOW - _STEP_BELOW
    return top, min(count, -(-least // _STEP_BELOW) * _STEP_BELOW)


def build_problem(
    document: Document,
    diagnostic: Diagnostic,
    *,
    region: Region | None = None,
    failure: str = "",
    hints: Sequence[str] = (),
) -> Problem:
    """The Problem for `diagnostic`: a window of the file around the region, and its imports."""
    region = region or region_for(document, diagnostic)
    lines = document.bare_lines()
    top, bottom = _window(region, len(lines))
    head_stop = min(import_line(lines), top) if top else 0
    head = [line for line in lines[:head_stop] if re.match(r"(import|from)\s", line)]
    return Problem(
        name=document.name,
        diagnostic=diagnostic,
        region=region,
        head=tuple(head[:CHAT_HEAD]),
        above=tuple(line[:_MAX_LINE] for line in lines[top : region.start]),
        flagged=tuple(lines[region.start : region.stop]),
        below=tuple(line[:_MAX_LINE] for line in lines[region.stop : bottom]),
        hints=tuple(hints),
        failure=failure[-_MAX_FAILURE:],
    )
