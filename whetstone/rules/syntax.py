"""Syntax errors: what the compiler's own message says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import CLOSER, depth, in_arithmetic, split_comment, with_colon
from whetstone.rules.lines import bare as code_of


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """Repairs of a syntax error that follow from its message."""
    if problem.diagnostic.source != "python":
        return
    index = problem.diagnostic.span.start_line - problem.region.start
    if not 0 <= index < len(problem.flagged):
        return
    if "was never closed" in problem.diagnostic.message:
        yield from _closed_where_indentation_says(problem)
        yield from _closed_below(problem)
    line = problem.flagged[index]
    for new in _lines(problem, line):
        kept = (new,) if new.strip() else ()  # a line that was one stray bracket goes as a whole
        lines = (*problem.flagged[:index], *kept, *problem.flagged[index + 1 :])
        yield Replacement(kind="replace", lines=lines)


def _closed_where_indentation_says(problem: Problem) -> Iterator[Replacement]:
    """A closing bracket on its own line, before the line that is no longer indented for it."""
    opened: list[tuple[str, int]] = []
    next_below = next((line for line in problem.below if line.strip()), "pass")
    for index, line in enumerate((*problem.flagged, next_below)):
        margin = len(line) - len(line.lstrip())
        code = code_of(line)
        if opened and line.strip() and margin <= opened[-1][1] and code.strip()[:1] not in ")]}":
            closer, outer = opened[-1]
            if index == len(problem.flagged) and not _hangs(problem, closer, outer):
                return
            comma = "," if len(opened) > 1 else ""
            lines = (
                *problem.flagged[:index], f"{' ' * outer}{closer}{comma}", *problem.flagged[index:]
            )  # fmt: skip
            yield Replacement(kind="replace", lines=lines)
            return
        for char in code:
            if char in CLOSER:
                opened.append((CLOSER[char], margin))
            elif opened and char == opened[-1][0]:
                opened.pop()


def _hangs(problem: Problem, closer: str, margin: int) -> bool:
    """Does a line with this margin end with the bracket that `closer` closes?"""
    return any(
        CLOSER.get(code_of(line).rstrip()[-1:]) == closer
        and len(line) - len(line.lstrip()) == margin
        for line in problem.flagged
    )


def _closed_below(problem: Problem) -> Iterator[Replacement]:
    """The bracket closed at the end of a later line of the region, the last one first."""
    for index in range(len(problem.flagged) - 1, 0, -1):
        if problem.flagged[index].strip():
            for new in _never_closed(problem.flagged[index], problem):
                lines = (*problem.flagged[:index], new, *problem.flagged[index + 1 :])
                yield Replacement(kind="replace", lines=lines)


def _lines(problem: Problem, line: str) -> Iterator[str]:
    message = problem.diagnostic.message
    for part, repair in _BY_MESSAGE:
        if part in message:
            yield from repair(line, problem)


def _colon(line: str, problem: Problem) -> Iterator[str]:
    yield with_colon(line.rstrip().rstrip(";,.{").rstrip())
    column = problem.diagnostic.span.start_column
    yield line[:column] + ":" + line[column:]


def _equality(line: str, problem: Problem) -> Iterator[str]:
    for match in re.finditer(r"(?<![=!<>:+\-*/%&|^])=(?!=)", line):
        yield line[: match.start()] + "==" + line[match.end() :]


def _never_closed(line: str, problem: Problem) -> Iterator[str]:
    opening = re.search(r"'([(\[{])' was never closed", problem.diagnostic.message)
    if not opening:
        return
    closer = CLOSER[opening[1]]
    code, comment = split_comment(line)
    bare = code.rstrip()
    if bare.strip() == opening[1]:
        yield ""
    if bare.endswith(opening[1]) and _deeper_below(problem, line):
        return  # what it holds stands on the next lines
    for tail in re.finditer(r"[\s:,)\]}]*\Z", bare):
        for at in sorted({tail.start(), *range(tail.start(), len(bare) + 1)}, reverse=True)[:4]:
            if bare[at:].startswith(",") and _alone(problem):
                continue  # the comma would make a tuple of the statement
            yield bare[:at] + closer + bare[at:] + code[len(bare) :] + comment


def _alone(problem: Problem) -> bool:
    """Is one bracket of the flagged lines open, and no more?"""
    return depth("\n".join(problem.flagged)) == 1


def _deeper_below(problem: Problem, line: str) -> bool:
    below = (*problem.flagged[1:], *problem.below)[:1]
    return bool(below) and len(below[0]) - len(below[0].lstrip()) > len(line) - len(line.lstrip())


def _unmatched(line: str, problem: Problem) -> Iterator[str]:
    column = problem.diagnostic.span.start_column
    if column >= len(line) or line[column] not in ")]}":
        return
    if called := re.search(r"\w\.\w+(?=\)+\Z)", line[: column + 1]):  # `x.strip))`
        yield line[: called.end()] + "(" + line[called.end() :]
    yield line[:column] + line[column + 1 :]


def _mismatched(line: str, problem: Problem) -> Iterator[str]:
    match = re.search(r"'(.)' does not match opening parenthesis '(.)'", problem.diagnostic.message)
    column = problem.diagnostic.span.start_column
    if match and column < len(line):
        closer = CLOSER[match[2]]
        yield line[:column] + closer + line[column + 1 :]
        yield line[:column] + closer + line[column:]


def _comma(line: str, problem: Problem) -> Iterator[str]:
    span = problem.diagnostic.span
    stop = span.end_column if span.end_line == span.start_line else len(line)
    for match in re.finditer(r"(?<=[\w\"')\]}])\s+(?=[\w\"'(\[{])", line[: stop + 1]):
        if match.start() >= span.start_column and not in_arithmetic(line[: match.start()]):
            yield line[: match.start()] + "," + line[match.start() :]


def _print(line: str, problem: Problem) -> Iterator[str]:
    yield re.sub(r"\b(print|exec)\s+(?!\()(.*\S)\s*$", r"\1(\2)", line)


_BY_MESSAGE: tuple[tuple[str, Callable[[str, Problem], Iterator[str]]], ...] = (
    ("expected ':'", _colon),
    ("instead of '='", _equality),
    ("was never closed", _never_closed),
    ("unmatched '", _unmatched),
    ("does not match opening", _mismatched),
    ("forgot a comma", _comma),
    ("Missing parentheses in call", _print),
)
