from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from trainer.noise import measured_noise
from whetstone.problem import Replacement


def flipped(pair: Any) -> Any:
    return dataclasses.replace(pair, chosen=pair.rejected, rejected=pair.chosen)


def test_a_source_that_was_never_compared_is_believed(pair: Any) -> None:
    assert measured_noise([pair(1), pair(2)]) == {"test": 0.0}


def test_agreement_is_no_noise(pair: Any) -> None:
    assert measured_noise([pair(1), pair(1), pair(1)]) == {"test": 0.0}


def test_disagreement_by_hand(pair: Any) -> None:
    pairs = [pair(1), flipped(pair(1)), *(pair(n) for n in (2, 2, 3, 3, 4, 4))]
    # 4 comparisons, both sides of each are of this source: 2 of 8 + 8
    d = 2 / 16
    assert measured_noise(pairs)["test"] == pytest.approx((1 - math.sqrt(1 - 2 * d)) / 2)


def test_the_estimate_finds_the_rate_of_flips(pair: Any) -> None:
    """Of judgements flipped with chance 0.1, two of one thing disagree in 18 of 100."""
    agreeing = [p for n in range(820) for p in (pair(n), pair(n))]
    opposed = [p for n in range(820, 1000) for p in (pair(n), flipped(pair(n)))]
    assert measured_noise([*agreeing, *opposed])["test"] == pytest.approx(0.1, abs=0.002)


def test_an_answer_alone_is_judged_against_the_lines_as_they_were(pair: Any) -> None:
    one = pair(1)
    flagged = Replacement(kind="replace", lines=one.problem.flagged)
    taken = dataclasses.replace(one, rejected=flagged, source="accepted")
    thrown = dataclasses.replace(one, chosen=None, rejected=one.chosen, source="reverted")
    noise = measured_noise([taken, thrown])
    assert noise["accepted"] == noise["reverted"] > 0


def test_it_never_reaches_a_coin(pair: Any) -> None:
    pairs = [p for n in range(300) for p in (pair(n), flipped(pair(n)))]
    assert measured_noise(pairs)["test"] == 0.4
