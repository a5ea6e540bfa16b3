"""Finding what an edit only moved: tokens that stand in both prompts, at other positions.

Cells can be moved to a new position exactly as far as that position goes, but they were computed
with the old text before them. Reusing them is an approximation; docs/engine.md has what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 32  # tokens; for fewer, moving costs what computing does


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """`size` tokens that stood at `old` and now stand at `new`."""

    old: int
    new: int
    size: int


def moved(old: NDArray[np.int32], new: NDArray[np.int32], begin: int) -> Moved | None:
    """The longest run, from position `begin` on, that both prompts have; None when it is short.

    The last token of `new` is left out: it is computed in any case.
    """
    size = _SHORTEST
    places = {
        old[start : start + size].tobytes(): start for start in range(begin, old.size - size + 1)
    }
    best: Moved | None = None
    at, end = begin, new.size - 1
    while at + max(size, best.size + 1 if best else 0) <= end:
        start = places.get(new[at : at + size].tobytes())
        if start is None:
            at += 1
            continue
        length = size
        while at + length < end and start + length < old.size and (
            new[at + length] == old[start + length]
        ):  # fmt: skip
            length += 1
        if best is None or length > best.size:
            best = Moved(old=start, new=at, size=length)
        at += length
    return best
