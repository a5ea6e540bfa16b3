"""Trying what compiles, without compiling the whole file for every try."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from whetstone.indentation import parser_error
from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import statement_around
from whetstone.rules.lines import indent

_OPENS = re.compile(r":\s*(?:#.*)?\Z")
_FILLERS = (
    "pass", "if True:", "def _():", "else:", "except Exception:", "case _:",
    "'',", "'': '',", "_: int,",  # in brackets
)  # fmt: skip
_UNFINISHED = ("expected 'except' or 'finally' block", "expected an indented block")


class Compiles:
    """Does a region compile with other lines in it, among the top-level statement around it?

    To compile the whole file would take a hundred times as long, and it may have other errors. When
    there is one in the lines below, too, the region is looked at without them.
    """

    def __init__(self, document: Document, problem: Problem) -> None:
        lines = document.bare_lines()
        begin, end = statement_around(lines, problem.region.start, problem.region.stop)
        self._before = lines[begin : problem.region.start]
        self._after = lines[problem.region.stop : end]
        # Behind an open bracket, what follows belongs to it and cannot be left out.
        self._goes_on = "was never closed" in problem.diagnostic.message
        self._margin = indent(next((line for line in problem.flagged if line.strip()), ""))

    def __call__(self, lines: Sequence[str]) -> bool:
        if not parser_error([*self._before, *lines, *self._after]):
            return True
        return not self._goes_on and not self._sound and self._alone(lines)

    def likeliest(
        self, scored: Mapping[Replacement, int], *, tries: int, most: int
    ) -> Iterator[Replacement]:
        """At most `most` that compile of the `tries` with the highest scores, the best first."""
        tried = sorted(scored, key=lambda each: -scored[each])[:tries]
        yield from itertools.islice((each for each in tried if self(each.lines)), most)

    @cached_property
    def _sound(self) -> bool:
        """Does what stands around the region compile, with something else in the region?"""
        return any(
            not parser_error([*self._before, self._margin + filler, *self._after])
            for filler in _FILLERS
        )

    def _alone(self, lines: Sequence[str]) -> bool:
        last = next((line for line in reversed(lines) if line.strip()), "")
        tail = [f"{indent(last)}    pass"] if _OPENS.search(last) else []
        found = parser_error([*self._before, *lines, *tail])
        return not found or any(part in found for part in _UNFINISHED)
