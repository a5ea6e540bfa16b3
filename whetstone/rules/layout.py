"""Indentation: the levels at which a line could stand, judged by the lines above it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Region, Replacement
from whetstone.rules.lines import flagged, indent, with_lines

_OPENS_BLOCK = re.compile(r":\s*(#.*)?\Z")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """The flagged line at another level."""
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    if "expected an indented block" in problem.diagnostic.message:
        return  # what belongs there is found with all its lines, or not at all
    index, line = found
    for new in indentations(document, Region(start=problem.region.start, stop=0), line):
        yield with_lines(problem, index, new)


def indentations(document: Document, region: Region, line: str) -> Iterator[str]:
    """`line` at every indentation that the code above `region.start` allows, nearest first."""
    if not line.strip():
        return
    lines = document.bare_lines()[: region.start]
    above = [text for text in lines if text.strip() and not text.lstrip().startswith("#")]
    levels: list[str] = []
    if above and _OPENS_BLOCK.search(above[-1]):
        levels.append(indent(above[-1]) + unit(lines))
    current = None
    for text in reversed(above):
        margin = indent(text)
        if current is None or len(margin) < len(current):
            levels.append(margin)
            current = margin
        if not margin:
            break
    if not above:
        levels.append("")
    old = indent(line)
    levels.sort(key=lambda level: abs(len(level) - len(old)))
    for level in dict.fromkeys(levels):
        if level != old:
            yield level + line.lstrip()


def unit(lines: list[str]) -> str:
    """One level of indentation as the file writes it."""
    for above, below in itertools.pairwise(lines):
        step = indent(below)[len(indent(above)) :]
        if _OPENS_BLOCK.search(above) and step:
            return step
    return "    "
