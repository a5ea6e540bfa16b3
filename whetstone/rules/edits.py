"""The smallest repairs of a line that does not compile: one token put in, taken out or exchanged.

Where no message and no word says what is meant, what compiles is found by trying, beginning near
the place where the compiler stopped. Whatever compiles is proved and ranked like all else.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.compiles import Compiles
from whetstone.rules.lines import CLOSER, bare, depth, flagged, in_arithmetic, with_lines

_TRIES, _MOST = 80, 6
_LONGEST = 1_000  # characters; every try compiles the statement
# On a bare line, where a string is a run of underscores.
_TOKEN = re.compile(r"_{2,}|\w+|->|[=!<>:]=|=>|\*\*|//|[^\w\s]")
# What a punctuation mark is often typed for.
_FOR = {".": ",:", ",": ".:", ";": ",:", ":": ",=", "=": ":", "-": ("->",), "->": ":", "=>": ":",
        ":=": ":=", "==": "=", "(": "[{", "[": "(", ")": "]", "]": ")"}  # fmt: skip
_LISTS = re.compile(r"\s*(?:for|from|import|global|nonlocal|with|del)\b")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """At most _MOST edits of the flagged line, nearest to the reported place first."""
    found = flagged(problem)
    if problem.diagnostic.code != "SyntaxError" or found is None:
        return
    index, line = found
    if len(line) > _LONGEST:
        return
    compiles = Compiles(document, problem)
    tried = itertools.islice(dict.fromkeys(_edits(line, problem)), _TRIES)
    edits = (with_lines(problem, index, new) for new in tried)
    yield from itertools.islice((edit for edit in edits if compiles(edit.lines)), _MOST)


def _edits(line: str, problem: Problem) -> Iterator[str]:
    span = problem.diagnostic.span
    if "was never closed" in problem.diagnostic.message:
        yield from _closed(line, span.start_column)
        return
    before = [*problem.above, *problem.flagged[: span.start_line - problem.region.start]]
    listed = _LISTS.match(line) is not None or (
        bool(before) and before[-1].rstrip().endswith((",", "(", "[", "{"))
    )
    one_line = span.end_line == span.start_line
    places = (span.start_column, span.end_column if one_line else len(line))
    tokens = [match.span() for match in _TOKEN.finditer(bare(line))]
    numbers = range(len(tokens))
    for number in sorted(numbers, key=lambda n: _distance(tokens[n][0], places)):
        if number:
            yield from _put_in(line, tokens[number - 1][1], tokens[number][0], listed=listed)
        yield from _exchanged(line, *tokens[number])


def _distance(column: int, places: Iterable[int]) -> int:
    return min(abs(column - place) for place in places)


def _closed(line: str, opening: int) -> Iterator[str]:
    """The bracket at `opening` closed behind each of the tokens after it."""
    closer = CLOSER.get(line[opening : opening + 1], "")
    for match in _TOKEN.finditer(bare(line), opening + 1):
        yield line[: match.end()] + closer + line[match.end() :]


def _put_in(line: str, end: int, begin: int, *, listed: bool) -> Iterator[str]:
    """A mark between two tokens, the first of which ends at `end`.

    Args:
        listed: the line goes on with, or begins, what may have commas outside of brackets.
    """
    if end < begin:
        if in_arithmetic(line[:end]):
            return  # an operator, and no one can tell which
        if listed or depth(line[:end]):
            yield f"{line[:end]},{line[end:]}"
        if line[:end].endswith(("self", "cls")):
            yield f"{line[:end]}.{line[begin:]}"
        yield f"{line[:end]} = {line[begin:]}"
        yield f"{line[:end]}:{line[end:]}"
        if line[end - 1].isalnum() and line[begin].isalnum():
            yield f"{line[:end]}_{line[begin:]}"


def _exchanged(line: str, begin: int, end: int) -> Iterator[str]:
    """A punctuation mark left out, or another in its place."""
    mark = line[begin:end]
    if mark[0].isalnum() or mark[0] in "_\"'":
        return
    yield line[:begin] + line[end:]
    for other in _FOR.get(mark, ()):
        yield line[:begin] + other + line[end:]
