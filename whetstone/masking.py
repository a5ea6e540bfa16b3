"""Taking lines out of sight, so that the compiler looks at the rest of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whetstone import diagnose
from whetstone.problem import Diagnostic, Document, Region, split_lines
from whetstone.regions import statement_around

_FILLERS = (
    "pass", "if True:", "def _():", "class _:", "else:", "except Exception:", "finally:", "case _:",
    "async def _():",
)  # fmt: skip
_MOST_COVERED = 8


def masked(document: Document, region: Region) -> Document:
    """The document with the region replaced by a line that means nothing and breaks nothing."""
    return document.with_text("".join(_masked(document.lines(), region.start, region.stop)))


def _masked(lines: Sequence[str], start: int, stop: int) -> list[str]:
    """What the line is that breaks nothing depends on what stands around it, so the fillers are
    tried, one of the line's own kind first: the first one that lets the text parse wins, else the
    one that lets the parser get furthest."""
    first = next((line for line in lines[start:stop] if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    furthest, best = -1, list(lines)
    word = first.split(maxsplit=1)[:1]
    for filler in sorted(_FILLERS, key=lambda filler: filler.split()[:1] != word):
        blank = [f"{indent}{filler}\n"] + ["\n"] * (stop - start - 1)
        tried = [*lines[:start], *blank, *lines[stop:]]
        error = diagnose.syntax_error("".join(tried))
        reached = len(lines) + 1 if error is None else error.span.start_line
        if reached > furthest:
            furthest, best = reached, tried
        if error is None:
            break
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Lines with errors above the flagged ones, and what to put in their place while those are
    looked at.

    Python reads texts and brackets to the end of a file before it parses the first line: an error
    in them further down is told first, and once it is mended, the ones above.
    """

    lines: dict[int, str]  # by row
    beyond: Diagnostic | None  # an error that waits below the flagged lines

    @classmethod
    def of(cls, without: Document, error: Diagnostic, region: Region) -> Cover | None:
        """None when an error is not of its own statement, or there are very many.

        Args:
            without: the document with the flagged lines masked.
            error: the first error that it has.
        """
        lines = without.lines()
        covered: dict[int, str] = {}
        first: Diagnostic | None = error
        while first is not None and first.span.start_line < region.stop:
            row = first.span.start_line
            if row >= region.start or row in covered or len(covered) == _MOST_COVERED:
                return None
            begin, end = statement_around(lines, row, row + 1)
            part = lines[begin : min(end, region.start)]
            alone = diagnose.syntax_error("".join(part))
            if alone is None or not is_at(first, alone, begin):
                return None
            covered[row] = lines[row] = _masked(part, row - begin, row - begin + 1)[row - begin]
            first = diagnose.syntax_error("".join(lines))
        return cls(lines=covered, beyond=first)

    def over(self, text: str) -> str:
        return "".join(self.lines.get(row, line) for row, line in enumerate(split_lines(text)))


def is_at(error: Diagnostic, other: Diagnostic, shift: int) -> bool:
    """Is it the same error, `shift` lines further down?"""
    return error.message == other.message and (
        error.span.start_line == other.span.start_line + shift
    )
