"""Indentation, and characters or lines that do not belong."""

from __future__ import annotations

from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

_STRAY_LINES = ("}", "end", "```", "```python", "{", "...)", ")", ">>>", "fi", "endif", "];", "};")
_STRAY_ENDS = (")", "]", "}", " {", ":", " then", "\\", " =", " +", ",,", "'", '"', "?", "!", "$")


def indent(source: Source, rng: Random) -> Mutation | None:
    """One line, seldom two, moved to the left or the right."""
    rows = [row for row in source.code_rows if row > 0]
    if not rows:
        return None
    row = rng.choice(rows)
    after_header = [r for r in rows if source.lines[r - 1].rstrip().endswith(":")]
    if after_header and rng.random() < 0.4:
        row = rng.choice(after_header)
    stop = row + 1
    if rng.random() < 0.15 and stop in source.code_rows:
        stop += 1
    by = rng.choice([4, 4, 4, 2, 1, 3, -4, -4, -4, -4, -2, -1, -3, -8])
    moved = tuple(_moved(line, by) for line in source.lines[row:stop])
    if moved == tuple(source.lines[row:stop]):
        return None
    return Mutation(start=row, stop=stop, lines=moved)


def block(source: Source, rng: Random) -> Mutation | None:
    """Some lines of one level moved together, or their header moved away from them."""
    runs = [run for run in _runs(source) if len(run) > 1]
    if not runs:
        return None
    run = rng.choice(runs)
    size = rng.randint(2, min(6, len(run)))
    first = run[0] if rng.random() < 0.7 else rng.choice(run[: len(run) - size + 1])
    by = rng.choice([4, 4, -4, -4, -4, 2, -2, -8])
    moved = tuple(_moved(line, by) for line in source.lines[first : first + size])
    if moved == tuple(source.lines[first : first + size]):
        return None
    return Mutation(start=first, stop=first + size, lines=moved)


def _runs(source: Source) -> list[list[int]]:
    """Rows without a gap whose indentation is that of the first, or deeper."""
    runs: list[list[int]] = []
    margin = 0
    for row in source.code_rows:
        line = source.lines[row]
        indent = len(line) - len(line.lstrip())
        if runs and runs[-1][-1] == row - 1 and indent >= margin and indent:
            runs[-1].append(row)
        else:
            runs.append([row])
            margin = indent
    return runs


def _moved(line: str, by: int) -> str:
    if by > 0:
        return " " * by + line
    width = len(line) - len(line.lstrip(" "))
    return line[min(width, -by) :]


def stray(source: Source, rng: Random) -> Mutation | None:
    """A line to delete, a character at the end or the start of a line, a line twice."""
    if not source.code_rows:
        return None
    row = rng.choice(source.code_rows)
    line = source.lines[row]
    margin = line[: len(line) - len(line.lstrip())]
    chance = rng.random()
    if chance < 0.35:
        extra = rng.choice(_STRAY_LINES)
        return Mutation(start=row, stop=row, lines=(margin + extra,))
    if chance < 0.45 and line.rstrip().endswith(":"):  # a header typed twice
        return Mutation(start=row, stop=row, lines=(line,))
    if chance < 0.85:
        return Mutation.line(row, line + rng.choice(_STRAY_ENDS))
    return Mutation.line(row, margin + rng.choice([")", ">>> ", "+ ", "- ", ". "]) + line.lstrip())
