"""Finding what an edit only moved: tokens that stand in both prompts, at other positions.

Cells can be moved to a new position exactly as far as that position goes, but they were computed
with the old text before them. Reusing them is an approximation; docs/engine.md has what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 32  # tokens; for fewer, moving costs what computing does

Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """`size` tokens that stood at `old` and now stand at `new`."""

    old: int
    new: int
    size: int

    def after(self, other: Moved) -> Moved | None:
        """What is left of it behind `other`: their old tokens may overlap where text repeats."""
        if self.old <= other.old or self.new <= other.new:
            return None
        cut = max(0, other.old + other.size - self.old)
        if cut >= self.size:
            return None
        return Moved(old=self.old + cut, new=self.new + cut, size=self.size - cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """What one known prompt holds of another: its beginning, and runs that stand elsewhere now."""

    prefix: int  # tokens
    runs: tuple[Moved, ...] = ()

    @property
    def size(self) -> int:
        """Tokens that need not be computed."""
        return self.prefix + sum(run.size for run in self.runs)


def reuse(old: Tokens, new: Tokens, *, runs: int) -> Reuse:
    """What `new` can take over from `old`: the beginning, and at most `runs` runs behind it."""
    prefix = common(old, new)
    if not runs:
        return Reuse(prefix=prefix)
    return Reuse(prefix=prefix, runs=tuple(moved(old, new, prefix, most=runs)))


def common(one: Tokens, other: Tokens) -> int:
    """How many tokens two prompts share from their beginning."""
    size = min(one.size, other.size)
    different = np.flatnonzero(one[:size] != other[:size])
    return int(different[0]) if different.size else size


def moved(old: Tokens, new: Tokens, begin: int, *, most: int) -> list[Moved]:
    """At most `most` runs, from position `begin` on, that both prompts have in the same order.

    Those that save the most together. The last token of `new` is left out: it is computed in any
    case.
    """
    # For each run the series that ends with it and holds the most tokens.
    series: list[list[Moved]] = []
    for run in _runs(old, new, begin):
        longer = [[*known, rest] for known in series if (rest := run.after(known[-1]))]
        series.append(max([[run], *longer], key=_tokens))
    best = max(series, key=_tokens, default=[])
    largest = sorted(best, key=lambda run: -run.size)[:most]
    return sorted(largest, key=lambda run: run.new)


def _tokens(series: list[Moved]) -> int:
    return sum(run.size for run in series)


def _runs(old: Tokens, new: Tokens, begin: int) -> list[Moved]:
    """All runs of _SHORTEST tokens or more, as long as they go, in the order of `new`."""
    size = _SHORTEST
    places = {
        old[start : start + size].tobytes(): start for start in range(begin, old.size - size + 1)
    }
    found: list[Moved] = []
    at, end = begin, new.size - 1
    while at + size <= end:
        start = places.get(new[at : at + size].tobytes())
        if start is None:
            at += 1
            continue
        length = size
        while at + length < end and start + length < old.size and (
            new[at + length] == old[start + length]
        ):  # fmt: skip
            length += 1
        found.append(Moved(old=start, new=at, size=length))
        at += length
    return found
