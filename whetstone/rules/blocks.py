"""Lines moved back to the level where they belong, and bodies of stubs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.moved import moves
from whetstone.problem import Document, Problem, Replacement
from whetstone.rules import layout
from whetstone.rules.lines import indent, with_lines

# Only these are left empty on purpose.
_STUB = re.compile(r"\s*(?:(?:async\s+)?def|class|except)\b|\s*\)")
_ABSTRACT = re.compile(r"^\s*@(?:abc\.)?abstractmethod\s*\Z", re.MULTILINE)
_RAISES = "raise NotImplementedError"


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    diagnostic, region = problem.diagnostic, problem.region
    for move in moves(document.text, diagnostic.span.start_line, diagnostic.message):
        if region.start <= move.start and move.stop <= region.stop:
            lines = tuple(move.applied(problem.flagged, region.start))
            yield Replacement(kind="replace", lines=lines)
    if "expected an indented block" in diagnostic.message:
        yield from _empty_body(document, problem)


def _empty_body(document: Document, problem: Problem) -> Iterator[Replacement]:
    """`pass` below a header without a body; only where the header itself is the region."""
    line = problem.flagged[0]
    header_alone = len(problem.flagged) == 1 and (
        problem.region.start < problem.diagnostic.span.start_line
        or problem.region.stop == len(document.bare_lines())
    )
    if header_alone and _STUB.match(line):
        margin = indent(line) + layout.unit(document.bare_lines())
        if _ABSTRACT.search("\n".join(problem.above[-2:])) and _RAISES in document.text:
            yield with_lines(problem, 0, line, margin + _RAISES)
        yield with_lines(problem, 0, line, f"{margin}pass")
