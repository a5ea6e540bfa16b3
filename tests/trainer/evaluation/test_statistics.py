"""The arithmetic, by hand."""

from __future__ import annotations

import pytest

from trainer.evaluation.statistics import mcnemar, pass_at_k, wilson


def test_pass_at_k_counts_draws_without_replacement() -> None:
    assert pass_at_k(n=4, c=2, k=2) == pytest.approx(5 / 6)  # 1 - C(2,2)/C(4,2) = 1 - 1/6
    assert pass_at_k(n=10, c=3, k=1) == pytest.approx(3 / 10)  # k = 1 is the plain share
    assert pass_at_k(n=5, c=3, k=3) == 1.0  # only two wrong answers: three draws must hit


def test_pass_at_k_of_nothing_right_is_zero() -> None:
    assert pass_at_k(n=8, c=0, k=8) == 0.0


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, 1, 5), (4, 1, 0), (4, -1, 1)])
def test_pass_at_k_refuses_what_means_nothing(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="means nothing"):
        pass_at_k(n=n, c=c, k=k)


def test_wilson_of_eight_in_ten() -> None:
    # z = 1.96, z^2 = 3.8415: center (0.8 + 0.19207) / 1.38415 = 0.71674,
    # half 1.96 * sqrt(0.016 + 0.0096) / 1.38415 = 0.22658
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.71674 - 0.22658, abs=1e-4)
    assert high == pytest.approx(0.71674 + 0.22658, abs=1e-4)


def test_wilson_stays_within_zero_and_one() -> None:
    assert wilson(0, 3)[0] == pytest.approx(0.0, abs=1e-12)
    assert wilson(3, 3)[1] == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)


def test_mcnemar_is_the_binomial_test_of_the_discordant_pairs() -> None:
    # 6 discordant pairs, 1 against 5: 2 * (C(6,0) + C(6,1)) / 2^6 = 14/64
    assert mcnemar(1, 5) == pytest.approx(14 / 64) == mcnemar(5, 1)
    assert mcnemar(0, 8) == pytest.approx(2 / 256)


def test_mcnemar_without_a_difference_says_nothing() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(3, 3) == 1.0
