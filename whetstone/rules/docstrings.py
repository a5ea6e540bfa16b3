"""A docstring that lost some of its quotes, or all of them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import bare, flagged, indent, with_lines

_TEXT = re.compile(
    r"(?P<prefix>\s*[rRuU]?)(?P<opening>\"{0,3}|'{0,3})(?P<text>[^\"'\s].*?)(?P<closing>\"{0,3}|'{0,3})\s*\Z"
)
_HEADER = re.compile(r"\s*(?:async\s+def|def|class)\b")
# Words one after another: code has something between them.
_PROSE = re.compile(r"[A-Z][\w'-]*(?: [\w'`(-][\w'`.,;:()/-]*){2,}[.!?)`]?\Z")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if found is None:  # the docstring is at fault that stands further up
        found = (0, problem.flagged[0]) if len(problem.flagged) == 1 else None
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    match = _TEXT.match(line)
    if match is None:
        return
    opening, closing = match["opening"], match["closing"]
    quote = (opening or closing or '"')[0] * 3
    whole = f"{match['prefix']}{quote}{match['text']}{quote}"
    if "unterminated" in problem.diagnostic.message:
        if max(len(opening), len(closing)) == 3 and len(opening) != len(closing):
            yield with_lines(problem, index, whole)
    elif not opening and not closing and _says(document, problem.region.start + index, line):
        yield with_lines(problem, index, whole)


def _says(document: Document, row: int, line: str) -> bool:
    """Is this prose, where a docstring stands: first in a module, a class or a function?"""
    text = line.strip()
    first = text.split(" ")[0].lower()
    if not _PROSE.match(text) or (keyword.iskeyword(first) and text[-1] not in ".!?"):
        return False
    above = [other for other in document.bare_lines()[:row] if other.split("#")[0].strip()]
    if not above:
        return not indent(line)
    closes = bare(above[-1]).split("#")[0].rstrip(" _").endswith(":")
    return closes and len(indent(line)) > len(indent(above[-1])) and (
        _HEADER.match(above[-1]) is not None or above[-1].lstrip().startswith(")")
    )  # fmt: skip
