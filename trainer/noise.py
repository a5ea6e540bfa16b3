"""How often the choices of one source contradict each other: the label smoothing of its pairs.

Two judgements are compared when they are about the same two answers to the same problem; an answer
without a partner is judged against the lines as they were. If each is wrong with probability e,
independently, two of them disagree with probability

    d = 2 e (1 - e),    so    e = (1 - sqrt(1 - 2 d)) / 2

d is measured as disagreements / (comparisons + 8): with few comparisons it stays near 0, and a
source that was never compared is believed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

from whetstone.preferences.records import Pair
from whetstone.problem import Replacement

_DOUBT = 8  # comparisons that are taken to have agreed before any was made
_MOST = 0.4  # at 0.5 a pair says nothing, and the robust loss divides by 0


def measured_noise(pairs: Sequence[Pair]) -> dict[str, float]:
    """By source, the share of its pairs that probably stand the wrong way round."""
    judgements: dict[tuple[str, frozenset[Replacement]], list[tuple[str, Replacement]]]
    judgements = defaultdict(list)
    for pair in pairs:
        as_it_was = Replacement(kind="replace", lines=pair.problem.flagged)
        better, worse = pair.chosen or as_it_was, pair.rejected or as_it_was
        if better != worse:
            judgements[pair.problem_id, frozenset((better, worse))].append((pair.source, better))
    compared: Counter[str] = Counter()
    disagreed: Counter[str] = Counter()
    for group in judgements.values():
        for (one, first), (other, second) in combinations(group, 2):
            for source in (one, other):
                compared[source] += 1
                disagreed[source] += first != second
    return {
        source: _flip_rate(disagreed[source] / (compared[source] + _DOUBT))
        for source in sorted({pair.source for pair in pairs})
    }


def _flip_rate(disagreement: float) -> float:
    return min(_MOST, (1 - math.sqrt(max(0.0, 1 - 2 * disagreement))) / 2)
