"""The arithmetic, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.dpo.loss import (
    Margins,
    answer_sums,
    coarse_kl,
    hinge_loss,
    ipo_loss,
    kto_loss,
    robust_loss,
    sigmoid_loss,
    weighted_mean,
)


def margins(
    chosen: float, rejected: float, *, beta: float = 0.5, smoothing: float = 0.0
) -> Margins:
    one = torch.ones(1)
    return Margins(
        chosen=chosen * one, rejected=rejected * one, chosen_tokens=2 * one,
        rejected_tokens=4 * one, smoothing=smoothing * one, beta=beta,
    )  # fmt: skip


RIGHT = math.log(1 + math.exp(-2))  # -log s(2)
FLIPPED = math.log(1 + math.exp(2))


def test_sigmoid() -> None:
    assert float(sigmoid_loss(margins(0.0, 0.0))) == pytest.approx(math.log(2))
    assert float(sigmoid_loss(margins(1.0, -3.0))) == pytest.approx(RIGHT)  # 0.5 x (1 - -3) = 2
    smoothed = float(sigmoid_loss(margins(1.0, -3.0, smoothing=0.1)))
    assert smoothed == pytest.approx(0.9 * RIGHT + 0.1 * FLIPPED)


def test_robust() -> None:
    assert float(robust_loss(margins(1.0, -3.0))) == pytest.approx(RIGHT)
    found = float(robust_loss(margins(1.0, -3.0, smoothing=0.1)))
    assert found == pytest.approx((0.9 * RIGHT - 0.1 * FLIPPED) / 0.8)


def test_robust_is_unbiased_under_flips() -> None:
    """A tenth of the pairs stands the wrong way: on average the loss is that of clean pairs."""
    right = float(robust_loss(margins(1.0, -3.0, smoothing=0.1)))
    wrong = float(robust_loss(margins(-3.0, 1.0, smoothing=0.1)))
    assert 0.9 * right + 0.1 * wrong == pytest.approx(RIGHT)


def test_hinge() -> None:
    assert float(hinge_loss(margins(1.0, -3.0))) == 0.0
    assert float(hinge_loss(margins(1.0, 0.0))) == 0.5  # 1 - 0.5 x 1


def test_ipo_is_per_token() -> None:
    # 1 / 2 - -3 / 4 = 1.25, and 1 / (2 x 0.5) = 1
    assert float(ipo_loss(margins(1.0, -3.0))) == pytest.approx(0.25**2)


def test_kto_of_answers_alone() -> None:
    ratio, wanted = torch.tensor([3.0, 3.0]), torch.tensor([True, False])
    good, bad = kto_loss(ratio, wanted, torch.tensor(1.0), beta=0.5).tolist()
    # 0.5 x (3 - 1) = 1: chosen 1 - s(1), rejected 1 - s(-1)
    assert good == pytest.approx(1 - 1 / (1 + math.exp(-1)))
    assert bad == pytest.approx(1 - 1 / (1 + math.exp(1)))


def test_shared_tokens_count_for_both_sides() -> None:
    values = torch.tensor([-1.0, -2.0, -4.0, -8.0])
    example, side = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 2, 2])
    chosen, rejected = answer_sums(values, example, side, 2)
    assert chosen.tolist() == [-3.0, 0.0]
    assert rejected.tolist() == [-5.0, -8.0]


def test_weights_average() -> None:
    values = torch.tensor([2.0, 6.0])
    assert float(weighted_mean(values, torch.tensor([1.0, 0.25]))) == pytest.approx(2.8)
    assert float(weighted_mean(values, torch.zeros(2))) == 0.0


def test_kl_of_two_dice() -> None:
    # of three faces two are kept; the third is the rest
    policy, reference = torch.tensor([[1 / 2, 1 / 4]]).log(), torch.tensor([[1 / 4, 1 / 4]]).log()
    expected = 1 / 2 * math.log(2) + 1 / 4 * math.log((1 / 4) / (1 / 2))
    assert float(coarse_kl(policy, reference)) == pytest.approx(expected, rel=1e-5)
    assert float(coarse_kl(policy, policy)) == 0.0


def test_what_is_kept_bounds_the_whole_from_below() -> None:
    torch.manual_seed(0)
    policy, reference = (torch.randn(5, 40).log_softmax(-1) for _ in range(2))
    whole = (policy.exp() * (policy - reference)).sum(-1)
    top = reference.topk(8).indices
    kept = coarse_kl(policy.gather(-1, top), reference.gather(-1, top))
    assert (kept > 0).all() and (kept <= whole).all()
    everything = torch.arange(40).expand(5, -1)
    full = coarse_kl(policy.gather(-1, everything), reference.gather(-1, everything))
    assert torch.allclose(full, whole, atol=1e-4)
