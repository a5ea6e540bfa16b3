"""Is the new model better on held-out problems? A test that may be read after every one of them.

Each problem gives one difference d = margin of the new model - margin of the active one, in nats.
If neither is better, d is as likely to be above 0 as below, whatever its size. A gambler who bets
on "above" then cannot expect to win: with stake l the capital is multiplied by

    exp(l d) / cosh(l d)        mean over the two signs: 1

so the chance that it ever reaches 20 is at most 1 in 20 (Ville 1939), however often one looks and
whenever one stops. Stakes are 1/2, 1, 2 and 4 over the median size so far; the capital is their
average. A second gambler bets on "below".

Source: the bets on signs are those of de la Peña 1999, "A general class of exponential
inequalities", and Ramdas et al. 2020, "Admissible anytime-valid sequential inference", section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

LEVEL = 0.05
_STAKES = (0.5, 1.0, 2.0, 4.0)

Answer = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the differences say.

    Attributes:
        answer: "better" or "worse" as soon as a capital has reached 1 / LEVEL, else "undecided".
        better, worse: the capitals when the test ended: odds against "no difference".
        used: differences read until then.
    """

    answer: Answer
    better: float
    worse: float
    used: int


def sequential_test(differences: Sequence[float], level: float = LEVEL) -> Evidence:
    """Read `differences` in order until one gambler has won, or none are left."""
    sizes: list[float] = []
    up, down = [0.0] * len(_STAKES), [0.0] * len(_STAKES)  # logarithms of the capitals
    better = worse = 1.0
    for used, difference in enumerate(differences, start=1):
        if difference == 0:
            continue  # no sign, no bet
        sizes.append(abs(difference))
        unit = difference / median(sizes)
        for number, stake in enumerate(_STAKES):
            up[number] += _gain(stake * unit)
            down[number] += _gain(-stake * unit)
        better, worse = _mean_exp(up), _mean_exp(down)
        if max(better, worse) >= 1 / level:
            answer: Answer = "better" if better > worse else "worse"
            return Evidence(answer=answer, better=better, worse=worse, used=used)
    return Evidence(answer="undecided", better=better, worse=worse, used=len(differences))


def _gain(x: float) -> float:
    """log(exp(x) / cosh(x)) = log 2 - log(1 + exp(-2 x)), without overflow."""
    if x > 0:
        return math.log(2) - math.log1p(math.exp(-2 * x))
    return math.log(2) + 2 * x - math.log1p(math.exp(2 * x))


def _mean_exp(logs: Sequence[float]) -> float:
    return sum(math.exp(value) for value in logs) / len(logs)
