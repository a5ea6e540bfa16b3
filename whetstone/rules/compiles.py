"""Trying what compiles, without compiling the whole file for every try."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from whetstone.problem import Document, Problem

_GOES_ON = re.compile(r"(?:else|elif|except|finally|case)\b|[)\]}#@]")


class Compiles:
    """Does a region compile with other lines in it, among the top-level statement around it?

    To compile the whole file would take a hundred times as long, and it may have another error.
    """

    def __init__(self, document: Document, problem: Problem) -> None:
        lines = document.bare_lines()
        begin, end = problem.region.start, problem.region.stop
        while begin > 0 and (not lines[begin].strip() or _inside(lines[begin])):
            begin -= 1
        while end < len(lines) and (not lines[end].strip() or _inside(lines[end])):
            end += 1
        self._before = lines[begin : problem.region.start]
        self._after = lines[problem.region.stop : end]

    def __call__(self, lines: Sequence[str]) -> bool:
        text = "\n".join([*self._before, *lines, *self._after]) + "\n"
        try:
            with warnings.catch_warnings():  # about escapes in the user's text
                warnings.simplefilter("ignore")
                ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return True


def _inside(line: str) -> bool:
    return line[0] in " \t" or _GOES_ON.match(line) is not None
