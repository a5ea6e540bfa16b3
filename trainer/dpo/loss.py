"""The arithmetic of preference training, and nothing else.

With r(y) = log p(y) - log p_ref(y), the margin m = r(chosen) - r(rejected), and e the share of
pairs that are believed to stand the wrong way round:

    sigmoid   -(1 - e) log s(b m) - e log s(-b m)          Rafailov et al., arXiv 2305.18290, eq. 7;
                                                           e: Mitchell, conservative DPO, 2023
    robust    (-(1 - e) log s(b m) + e log s(-b m)) / (1 - 2 e)
                                                           Chowdhury et al., arXiv 2403.00409
    hinge     max(0, 1 - b m)                              Zhao et al., arXiv 2305.10425
    ipo       (r(chosen) / |chosen| - r(rejected) / |rejected| - 1 / (2 b))^2
                                                           Azar et al., arXiv 2310.12036, eq. 17
    kto       1 - s(b (r - z)) chosen alone; 1 - s(b (z - r)) rejected alone
                                                           Ethayarajh et al., arXiv 2402.01306
    sft       the chosen answers' negative log-likelihood per token, beside one of the others
                                                           Pang et al., arXiv 2404.19733, eq. 2

z is the KL divergence of the policy to the reference. All but kto and the e of sigmoid are what TRL
computes; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.dpo.rows import CHOSEN, REJECTED, TRUNK


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Log-ratios to the reference, and what the losses need beside them. All (pairs,)."""

    chosen: Tensor
    rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor
    smoothing: Tensor
    beta: float

    @property
    def scaled(self) -> Tensor:
        return self.beta * (self.chosen - self.rejected)


def sigmoid_loss(m: Margins) -> Tensor:
    right, flipped = -F.logsigmoid(m.scaled), -F.logsigmoid(-m.scaled)
    return (1 - m.smoothing) * right + m.smoothing * flipped


def robust_loss(m: Margins) -> Tensor:
    right, flipped = -F.logsigmoid(m.scaled), -F.logsigmoid(-m.scaled)
    return ((1 - m.smoothing) * right - m.smoothing * flipped) / (1 - 2 * m.smoothing)


def hinge_loss(m: Margins) -> Tensor:
    return torch.relu(1 - m.scaled)


def ipo_loss(m: Margins) -> Tensor:
    per_token = m.chosen / m.chosen_tokens - m.rejected / m.rejected_tokens
    return (per_token - 1 / (2 * m.beta)) ** 2


PAIR_LOSSES: Mapping[str, Callable[[Margins], Tensor]] = {
    "sigmoid": sigmoid_loss,
    "robust": robust_loss,
    "hinge": hinge_loss,
    "ipo": ipo_loss,
}


def kto_loss(ratio: Tensor, wanted: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Of answers without a partner.

    Args:
        ratio: (answers,) log-ratios to the reference.
        wanted: (answers,) True for chosen, False for rejected ones.
        kl: a scalar, nats per answer; no gradient flows into it.
    """
    sign = torch.where(wanted, 1.0, -1.0)
    return 1 - torch.sigmoid(beta * sign * (ratio - kl.detach()))


def answer_sums(values: Tensor, example: Tensor, side: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Per example, what its chosen and its rejected tokens add up to; shared ones count for both.

    Args:
        values, example, side: (tokens,), as `PrefixCollator` and `score_tokens` give them.

    Returns:
        Two of (count,).
    """

    def total(own: int) -> Tensor:
        mine = (side == own) | (side == TRUNK)
        zeros = torch.zeros(count, dtype=values.dtype, device=values.device)
        return zeros.index_add(0, example, values * mine)

    return total(CHOSEN), total(REJECTED)


def weighted_mean(values: Tensor, weights: Tensor, total: Tensor | None = None) -> Tensor:
    """0 of nothing. `total` stands for the sum of the weights where more of them are elsewhere."""
    total = weights.sum() if total is None else total
    return (values * weights).sum() / total.clamp(min=1e-8)


def coarse_kl(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) per token over the likeliest tokens and all others as one.

    Putting outcomes together can only lower a divergence, so this is a lower bound of the whole.

    Args:
        policy, reference: (tokens, kept) log-probabilities of the same tokens.

    Returns:
        (tokens,) in nats, not negative; without gradient.
    """
    policy, reference = (_with_rest(logprobs.detach().float()) for logprobs in (policy, reference))
    return (policy.exp() * (policy - reference)).sum(dim=-1).clamp(min=0.0)


def _with_rest(logprobs: Tensor) -> Tensor:
    """One more column: the logarithm of what the others leave, at least a millionth."""
    rest = (1 - logprobs.exp().sum(dim=-1, keepdim=True)).clamp(min=1e-6)
    return torch.cat([logprobs, rest.log()], dim=-1)
