"""How like its surroundings a changed line is: code repeats itself, and a slip does not.

A bracket can be put in many places that compile. The one is meant that gives what stands elsewhere
in the file: a name that is called there, `crop((` as in the line above, words that the file knows.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import keyword
import re
import sys

from whetstone.problem import Document, Problem

_TOKEN = re.compile(
    r"(?P<string>[rbfuRBFU]{0,2}(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))"
    r"|(?P<number>\d[\w.]*)|(?P<word>[^\W\d]\w*)|(?P<comment>#.*)"
    r"|->|:=|[=!<>]=|//|\*\*|[^\w\s]"
)
_WORD = re.compile(r"[^\W\d]\w*")
_LONGEST = 6  # tokens of a run
_REACH = 150  # lines above and below that count as surroundings
_COMMON = ("super().", "super().__init__(", "len(", "range(len(", "print(", "print(f'", "[0]")
_BUILTIN_WORDS = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"self", "cls"}
# Calling is all that can be done with these; of `list` and `dict` there are types.
_ONLY_CALLED = frozenset(
    name
    for name, value in vars(builtins).items()
    if callable(value) and not hasattr(value, "__class_getitem__")
)


def spans(line: str) -> list[tuple[int, int]]:
    """Where the tokens of a line begin and end; strings are one each, comments are left out."""
    return [m.span() for m in _TOKEN.finditer(line) if m.lastgroup != "comment"]


def tokens(line: str) -> list[str]:
    """The tokens of a line, texts and numbers as `"` and `0`, without the comment.

    >>> tokens("x = f(1, 'a')  # why")
    ['x', '=', 'f', '(', '0', ',', '"', ')']
    """
    found = []
    for match in _TOKEN.finditer(line):
        if match.lastgroup != "comment":
            plain = {"string": '"', "number": "0"}
            found.append(plain.get(match.lastgroup or "", match.group()))
    return found


class Surroundings:
    """The runs of tokens and the words of a file around a problem, without its flagged lines."""

    def __init__(self, document: Document, problem: Problem) -> None:
        lines = document.bare_lines()
        start, stop = problem.region.start, problem.region.stop
        near = [*lines[max(0, start - _REACH) : start], *lines[stop : stop + _REACH], *_COMMON]
        self._runs: set[tuple[str, ...]] = set()
        for line in near:
            found = tokens(line)
            for length in range(1, _LONGEST + 1):
                self._runs.update(zip(*(found[n:] for n in range(length)), strict=False))
        self._text = "\n".join([*lines[:start], *lines[stop:]])
        self._words = _words_of(self._text) | _BUILTIN_WORDS

    def knows(self, word: str) -> bool:
        return word in self._words

    def imports(self, module: str) -> bool:
        """Is `module` of the standard library, and imported as such?"""
        return module in sys.stdlib_module_names and (
            re.search(rf"^\s*import\s[^#\n]*\b{module}\b", self._text, re.MULTILINE) is not None
        )

    def likeness(self, old: str, new: str) -> int:
        """Length of the longest run that stands elsewhere and holds what was changed, less two for
        every word that nobody knows."""
        before, after = tokens(old), tokens(new)
        same = 0
        while same < min(len(before), len(after)) and before[same] == after[same]:
            same += 1
        tail = 0
        while tail < min(len(before), len(after)) - same and before[~tail] == after[~tail]:
            tail += 1
        begin, end = same, len(after) - tail
        if begin >= end:  # something was taken out: what meets now
            begin, end = max(0, begin - 1), begin + 1
        strange = sum(not self.knows(word) for word in set(_WORD.findall(new)))
        return self._longest(after, begin, end) - 2 * strange - 2 * _misused(after)

    def _longest(self, found: list[str], begin: int, end: int) -> int:
        """Length of the longest known run that overlaps [begin, end) and goes beyond it."""
        best = 0
        for first in range(max(0, begin - _LONGEST + 1), end):
            for stop in range(max(begin + 1, first + 2), min(len(found), first + _LONGEST) + 1):
                if stop - first > best and tuple(found[first:stop]) in self._runs:
                    best = stop - first
        return best


@functools.lru_cache(maxsize=2)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _misused(found: list[str]) -> int:
    """How many functions of Python's own have an index instead of arguments."""
    pairs = itertools.pairwise(found)
    return sum(name in _ONLY_CALLED and mark == "[" for name, mark in pairs)
