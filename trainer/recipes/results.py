"""Statistics over suites and seeds.

A model is compared with another on the same cases. With several seeds, the cases that only one of
the two fixes are pooled for McNemar's exact test; because the seeds share their cases, a second
p-value counts every case once, by the side on which most of its seeds lie. The interval of the
difference comes from drawing cases, not answers, again and again (Efron 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from trainer.evaluation.statistics import mcnemar, wilson

Scores = Mapping[str, Mapping[str, Any]]  # suite -> score
_DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Cases fixed, all seeds together, with the 95 % interval of one seed's cases."""

    fixed: int
    total: int
    seeds: int

    @property
    def share(self) -> float:
        return self.fixed / max(1, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """As wide as for one seed: more seeds are no more cases."""
        cases = self.total // max(1, self.seeds)
        return wilson(round(self.share * cases), cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`after` against `before` on the same cases.

    Attributes:
        gained, lost: cases that only one of them fixes, summed over seeds.
        p: McNemar's over the sums; `p_cases`: every case counted once.
        difference, interval: of the shares.
    """

    gained: int
    lost: int
    p: float
    p_cases: float
    difference: float
    interval: tuple[float, float]


def share(runs: Sequence[Scores], suite: str) -> Share:
    """Over the runs of all seeds."""
    rights = [run[suite]["right"] for run in runs]
    return Share(
        fixed=sum(sum(right.values()) for right in rights),
        total=sum(map(len, rights)),
        seeds=len(rights),
    )


def difference(before: Sequence[Scores], after: Sequence[Scores], suite: str) -> Difference:
    """`before` and `after` by seed; one run alone stands for all seeds."""
    seeds = max(len(before), len(after))
    pairs = [
        (before[n % len(before)][suite]["right"], after[n % len(after)][suite]["right"])
        for n in range(seeds)
    ]
    net: dict[str, int] = {}
    gained = lost = 0
    for first, second in pairs:
        for case, right in second.items():
            change = int(right) - int(first[case])
            gained += change > 0
            lost += change < 0
            net[case] = net.get(case, 0) + change
    signs = list(net.values())
    return Difference(
        gained=gained,
        lost=lost,
        p=mcnemar(lost, gained),
        p_cases=mcnemar(sum(n < 0 for n in signs), sum(n > 0 for n in signs)),
        difference=sum(signs) / max(1, seeds * len(signs)),
        interval=_drawn([n / seeds for n in signs]),
    )


def _drawn(changes: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by drawing cases with replacement."""
    if not changes:
        return 0.0, 0.0
    rng = Random(0)
    means = sorted(sum(rng.choices(changes, k=len(changes))) / len(changes) for _ in range(_DRAWS))
    return means[int(0.025 * _DRAWS)], means[int(0.975 * _DRAWS)]


def by_kind(runs: Sequence[Scores], suite: str) -> dict[str, tuple[int, int]]:
    """Kind -> (fixed, cases), all seeds together."""
    found: dict[str, tuple[int, int]] = {}
    for run in runs:
        score = run[suite]
        for case, right in score["right"].items():
            fixed, total = found.get(score["kinds"][case], (0, 0))
            found[score["kinds"][case]] = (fixed + int(right), total + 1)
    return dict(sorted(found.items()))
