from __future__ import annotations

import math
import random

import pytest

from trainer.sequential import sequential_test


def test_the_capital_after_one_problem_by_hand() -> None:
    # the only difference is its own median: stakes 1/2, 1, 2, 4 times 1
    expected = sum(math.exp(x) / math.cosh(x) for x in (0.5, 1.0, 2.0, 4.0)) / 4
    found = sequential_test([3.0])
    assert found.better == pytest.approx(expected)
    assert found.worse == pytest.approx(2 - expected)  # the two gamblers share the table
    assert (found.answer, found.used) == ("undecided", 1)


def test_five_alike_decide_and_four_do_not() -> None:
    assert sequential_test([1.0] * 4).answer == "undecided"
    found = sequential_test([1.0] * 20)
    assert (found.answer, found.used) == ("better", 5)
    assert sequential_test([-1.0] * 5).answer == "worse"


def test_a_small_step_back_weighs_little() -> None:
    assert sequential_test([1.0, 1.2, 0.9, 1.1, -0.05, 1.0, 1.0]).answer == "better"
    assert sequential_test([1.0, 1.2, 0.9, 1.1, -1.0, 1.0, 1.0]).answer == "undecided"


def test_no_difference_is_no_evidence() -> None:
    found = sequential_test([0.0] * 50)
    assert (found.answer, found.better, found.used) == ("undecided", 1.0, 50)
    assert sequential_test([]).answer == "undecided"


def test_sizes_far_apart_do_not_overflow() -> None:
    assert sequential_test([1e-300, 1e300, -1e300]).answer == "undecided"


def test_equal_models_are_told_apart_in_no_more_than_one_of_twenty() -> None:
    """Read after every problem, as long as it goes: the promise that no fixed test keeps."""
    rng = random.Random(0)
    wrong = sum(
        sequential_test([rng.gauss(0, 1) for _ in range(200)]).answer == "better"
        for _ in range(1000)
    )
    assert 0 < wrong <= 50


def test_a_real_difference_is_found() -> None:
    rng = random.Random(0)
    found = sum(
        sequential_test([rng.gauss(0.8, 1) for _ in range(40)]).answer == "better"
        for _ in range(200)
    )
    assert found > 180
