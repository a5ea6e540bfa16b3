"""Lines that stand at another level than where they belong, found by trying where they would fit.

The compiler stops at the first line that fits nowhere. Which lines were moved, that one and those
below it, or those above it, and how far, is what lets the file parse again and its blocks be one
step deeper than their headers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whetstone import indentation
from whetstone.indentation import MAX_REGION_LINES
from whetstone.problem import Document, Region

_MOST_MOVES = 4
_METHOD = re.compile(r"\s*(?:async\s+)?def\s+\w+\s*\(\s*(?:self|cls)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Lines `start` to `stop`, exclusive, moved `by` columns to the right, or left if negative."""

    start: int
    stop: int
    by: int

    def applied(self, lines: Sequence[str], first: int = 0) -> list[str]:
        """`lines`, whose first has row `first`, with the move made.

        A text over several lines goes along where all of it is as deep as the code around it.
        """
        start, stop = self.start - first, min(len(lines), self.stop - first)
        margin = indentation.width(lines[start])
        moved = list(lines)
        for rows in indentation.with_texts(lines, start, stop):
            said = [row for row in rows if lines[row].strip()]
            if all(indentation.width(lines[row]) >= margin for row in said):
                for row in said:
                    moved[row] = self._of(lines[row])
            else:
                moved[rows[0]] = self._of(lines[rows[0]])
        return moved

    def _of(self, line: str) -> str:
        return " " * self.by + line if self.by > 0 else line[-self.by :]


def region_of(moves: Sequence[Move]) -> Region | None:
    """The lines that the moves are about."""
    if not moves:
        return None
    return Region(start=min(m.start for m in moves), stop=max(m.stop for m in moves))


@functools.lru_cache(maxsize=4)  # the region and the proposals ask for the same
def moves(text: str, row: int, message: str) -> tuple[Move, ...]:
    """What would put the lines around `row` right, likeliest first, within one region."""
    lines = Document(text=text).bare_lines()
    if row >= len(lines) or any("\t" in line[: indentation.width(line)] for line in lines):
        return ()
    step = indentation.usual_step(lines)
    for part, find in _BY_MESSAGE:
        if part in message:
            found = sorted(
                dict.fromkeys(move for move in find(lines, row, step) if _fits(lines, move)),
                key=lambda move: _irregular(lines, move, step),
            )
            return tuple(_together(found))
    return ()


def _together(found: Sequence[Move]) -> list[Move]:
    kept: list[Move] = []
    for move in found[:_MOST_MOVES]:
        region = region_of([*kept, move])
        if region is not None and len(region) <= MAX_REGION_LINES:
            kept.append(move)
    return kept


# -- where lines may have come from, each in the order of its likelihood ------------------------


def _into_block(lines: Sequence[str], row: int, step: int) -> Iterator[Move]:
    """What stands below a header, if it can be its body: else that was lost, and who knows it?"""
    above = indentation.code_above(lines, row)
    header = indentation.header_above(lines, row)
    if above is None or header is None or indentation.GOES_ON.match(lines[row]):
        return
    if lines[row].rstrip() == lines[header].rstrip():
        return  # typed twice
    match = indentation.HEADER.match(lines[header])
    word = match["word"] if match else ""
    margin, outer = indentation.width(lines[row]), indentation.width(lines[header])
    gap = any(not line.strip() for line in lines[above + 1 : row])
    if word == "class" and indentation.DEFINITION.match(lines[row]):
        if not any(_METHOD.match(line) for line in lines[row : row + 8]):
            return
    elif gap or indentation.DEFINITION.match(lines[row]):
        return
    if margin < outer and not _uses_self(lines, header, row):
        return
    stops = [
        stop for stop in indentation.stops(lines, row)
        if _fits(lines, Move(start=row, stop=stop, by=outer + step - margin))
    ]  # fmt: skip
    if word not in ("def", "class"):  # all of a function is its body; of a loop, perhaps one line
        stops = [stop for stop in stops if _may_follow(lines, header, row, stop)]
        stops = stops[:1] + stops[-1:]
    else:
        stops.reverse()
    for stop in stops:
        yield Move(start=row, stop=stop, by=outer + step - margin)


def _may_follow(lines: Sequence[str], header: int, row: int, stop: int) -> bool:
    """False for the next statement after a block whose body was lost."""
    above, first = lines[header].strip(), lines[row].strip()
    if re.match(r"(?:el)?if\b", above) and first.startswith("if "):
        return False
    loop = re.match(r"(?:async\s+)?for\s+(.+?)\s+in\b", above)
    names = re.findall(r"[A-Za-z]\w*", loop[1]) if loop else []
    body = set(re.findall(r"\w+", "\n".join(lines[row:stop])))
    return not names or bool(body & set(names))


def _uses_self(lines: Sequence[str], header: int, row: int) -> bool:
    """Has the line fallen out of its method?"""
    return indentation.width(lines[row]) == 0 < indentation.width(lines[header]) and (
        re.search(r"\bself\.", lines[row]) is not None
    )


def _out_of_block(lines: Sequence[str], row: int, step: int) -> Iterator[Move]:
    """The line is too deep, or those above it are not deep enough."""
    margin = indentation.width(lines[row])
    found = [
        Move(start=row, stop=stop, by=level - margin)
        for level in indentation.levels(lines, row)
        if level < margin
        for stop in indentation.stops(lines, row)
    ]
    start = indentation.code_above(lines, row)
    while (
        start is not None
        and row - start < MAX_REGION_LINES // 2
        and indentation.width(lines[start]) < margin
    ):
        found.append(Move(start=start, stop=row, by=margin - indentation.width(lines[start])))
        if indentation.HEADER.match(lines[start]):
            break
        start = indentation.code_above(lines, start)
    yield from sorted(found, key=lambda move: move.stop - move.start)


def _between_levels(lines: Sequence[str], row: int, step: int) -> Iterator[Move]:
    """The line stands at no level, or those above it, with which a block begins, are too deep."""
    margin = indentation.width(lines[row])
    start = indentation.code_above(lines, row)
    while start is not None:
        above = indentation.code_above(lines, start)
        if above is None or indentation.width(lines[above]) < margin:
            break
        start = above
    if start is not None and indentation.width(lines[start]) > margin:
        header = indentation.header_above(lines, start)
        if header is not None and indentation.width(lines[header]) + step == margin:
            yield Move(start=start, stop=row, by=margin - indentation.width(lines[start]))
    for level in sorted(indentation.levels(lines, row), key=lambda level: _far(lines, row, level)):
        for stop in reversed(list(indentation.stops(lines, row))):
            yield Move(start=row, stop=stop, by=level - margin)


def _far(lines: Sequence[str], row: int, level: int) -> tuple[bool, int]:
    """How unlikely a level is: a loop whose body ends with `return` is run through once."""
    header = next(
        (
            n
            for n in range(row - 1, -1, -1)
            if lines[n].strip() and indentation.width(lines[n]) < level
        ),
        None,
    )
    returns = re.match(r"\s*return\b", lines[row]) is not None and header is not None
    loop = returns and re.match(r"\s*(?:async\s+)?(?:for|while)\b", lines[header or 0])
    return bool(loop), abs(level - indentation.width(lines[row]))


def _into_method(lines: Sequence[str], row: int, step: int) -> Iterator[Move]:
    """What uses `self` in a class, right below a method."""
    margin = indentation.width(lines[row])
    above = indentation.code_above(lines, row)
    while above is not None and (
        indentation.width(lines[above]) > margin or lines[above].lstrip().startswith(")")
    ):  # fmt: skip
        above = indentation.code_above(lines, above)
    if margin and above is not None and _METHOD.match(lines[above]):
        stops = [
            s
            for s in indentation.stops(lines, row)
            if not any(map(indentation.DEFINITION.match, lines[row:s]))
        ]
        for stop in reversed(stops):
            yield Move(start=row, stop=stop, by=step)


def _fits(lines: Sequence[str], move: Move) -> bool:
    """Does the statement at the left margin that the lines belong to parse after the move?"""
    begin, end = max(0, move.start - 1), move.stop
    while begin > 0 and (not lines[begin].strip() or indentation.inside(lines[begin])):
        begin -= 1
    while end < len(lines) and (not lines[end].strip() or indentation.inside(lines[end])):
        end += 1
    part = move.applied(lines[begin:end], begin)
    message = indentation.parser_error(part)
    if message and ("unterminated" in message or "never closed" in message):
        return not indentation.parser_error(
            move.applied(lines)
        )  # the margin that was found lies in a text
    return not message


def _irregular(lines: Sequence[str], move: Move, step: int) -> int:
    """Blocks near the move that would not be one step deeper than their header."""
    begin, end = max(0, move.start - 4), min(len(lines), move.stop + 4)
    after = move.applied(lines[begin:end], begin)
    return sum(deeper != step for deeper in indentation.steps(after))


_BY_MESSAGE = (
    ("expected an indented block", _into_block),
    ("unexpected indent", _out_of_block),
    ("unindent does not match", _between_levels),
    ("Undefined name 'self'", _into_method),
)
