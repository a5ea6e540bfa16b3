"""`x if c` without an `else`: the word, or the word and its value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import bare, depth, flagged, split, with_lines

_OPPOSITE = {"True": "False", "False": "True", "1": "0", "0": "1"}
_LOOP = re.compile(r"\s+for\s+(?P<target>\w+)\s+in\s+")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if "expected 'else' after 'if' expression" not in problem.diagnostic.message or found is None:
        return
    span = problem.diagnostic.span
    index, line = found
    if span.end_line != span.start_line:
        return
    for new in _with_else(line, span.start_column, span.end_column, document.text):
        yield with_lines(problem, index, new)


def _with_else(line: str, start: int, stop: int, text: str) -> Iterator[str]:
    """Args:
    start: first column of the value.
    stop: the column after the condition.
    """
    head, tail = line[:stop], line[stop:]
    if re.match(r"\s+(?!for\b|async\b|if\b|#)[\w\"'({\[-]", tail):
        yield f"{head} else{tail}"
        return
    value, _, condition = line[start:stop].partition(" if ")
    loop = _LOOP.match(tail)
    for other in _elsewhere(line[start:stop], text):
        yield f"{head} else {other}{tail}"
    if f"/ {condition}" in value:
        yield f"{head} else 0{tail}"
    if re.fullmatch(r"[\"'](?:e?s|n|en)[\"']", value) and not loop:
        yield f"{head} else {value[0] * 2}{tail}"  # the s of a plural
    elif value in _OPPOSITE:
        yield f"{head} else {_OPPOSITE[value]}{tail}"
    elif loop:
        filtered = _filtered(line, start, stop, loop)
        mapped = f"{head} else {loop['target']}{tail}"
        # A value that is the same for all stands in the place of some.
        yield from [filtered] if value == loop["target"] else (
            [filtered, mapped] if loop["target"] in _words(value) else [mapped, filtered]
        )  # fmt: skip
    elif _looked_at(condition, value):
        yield f"{head} else None{tail}"


def _filtered(line: str, start: int, stop: int, loop: re.Match[str]) -> str:
    """The condition behind the loop of the comprehension, where it chooses."""
    value, _, condition = line[start:stop].partition(" if ")
    tail = line[stop:]
    closing = _closing(tail, loop.end())
    return f"{line[:start]}{value}{tail[:closing]} if {condition}{tail[closing:]}"


def _elsewhere(said: str, text: str) -> Iterator[str]:
    """What the file says behind `else` where it says the same before."""
    for match in re.finditer(rf"{re.escape(said)} else ([^\n]+)", text):
        rest = match[1]
        stop = next((at for at in range(len(rest)) if depth(rest[: at + 1]) < 0), len(rest))
        yield split(rest[:stop])[0]


def _looked_at(condition: str, value: str) -> bool:
    """Does the value begin with what the condition asks for, or is it a call with that alone? Then
    there is none without."""
    match = re.fullmatch(
        r"(?:(?:any|all|len|bool)\()?([A-Za-z_][\w.]*)\)?(?: is not None)?", condition
    )
    return match is not None and (
        re.match(rf"{re.escape(match[1])}\b", value) is not None
        or re.fullmatch(rf"[\w.]+\({re.escape(match[1])}\b[^,]*\).*", value) is not None
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", bare(text))


def _closing(tail: str, start: int) -> int:
    """Where the bracket closes that a comprehension stands in."""
    code = bare(tail)
    return next((at for at in range(start, len(code)) if depth(code[: at + 1]) < 0), len(tail))
