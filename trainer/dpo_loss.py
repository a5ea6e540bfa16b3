"""The arithmetic of preference training, and nothing else.

Source: Rafailov et al., Direct Preference Optimization (arXiv 2305.18290), equation 7; the mix
with the chosen answers' likelihood: Pang et al., Iterative Reasoning Preference Optimization
(arXiv 2404.19733), equation 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceLoss:
    """The loss to minimise and what to log beside it. Rewards are (pairs,), detached."""

    loss: Tensor
    chosen_rewards: Tensor
    rejected_rewards: Tensor


def token_logprobs(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Log-probability of each target token, 0 where `mask` is 0.

    Args:
        logits: (rows, tokens, vocabulary), row t predicting targets[:, t].
        targets: (rows, tokens) token ids.
        mask: (rows, tokens), 1 where the target belongs to the answer.

    Returns:
        (rows, tokens) in nats.
    """
    chosen = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (chosen - logits.logsumexp(dim=-1)) * mask


def weighted_nll(logprobs: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
    """Mean negative log-likelihood per answer token, each row counted `weights` times.

    Args:
        logprobs, mask: (rows, tokens), as `token_logprobs` returns and takes them.
        weights: (rows,).
    """
    tokens = (mask.sum(dim=-1) * weights).sum()
    return -(logprobs.sum(dim=-1) * weights).sum() / tokens.clamp(min=1e-8)


def preference_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    weights: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> PreferenceLoss:
    """DPO's sigmoid loss over summed log-probabilities, averaged with the pairs' weights.

    Args:
        chosen, rejected, reference_chosen, reference_rejected: (pairs,) in nats.
        weights: (pairs,); a pair of weight 0.5 counts half as much as one of weight 1.
        beta: how strongly leaving the reference model is punished.
        label_smoothing: assumed share of pairs that stand the wrong way round.
    """
    chosen_ratio = chosen - reference_chosen
    rejected_ratio = rejected - reference_rejected
    logits = beta * (chosen_ratio - rejected_ratio)  # (pairs,)
    losses = -(1 - label_smoothing) * F.logsigmoid(logits)
    losses = losses - label_smoothing * F.logsigmoid(-logits)
    return PreferenceLoss(
        loss=(losses * weights).sum() / weights.sum().clamp(min=1e-8),
        chosen_rewards=beta * chosen_ratio.detach(),
        rejected_rewards=beta * rejected_ratio.detach(),
    )


def kl_divergence(policy_logits: Tensor, reference_logits: Tensor, mask: Tensor) -> Tensor:
    """KL(policy || reference) per answer token, over the whole vocabulary: measured, not sampled.

    Args:
        policy_logits, reference_logits: (rows, tokens, vocabulary).
        mask: (rows, tokens), 1 where an answer token is predicted.

    Returns:
        The mean over those tokens, in nats; a scalar without gradient.
    """
    with torch.no_grad():
        picked = mask.bool()
        policy = F.log_softmax(policy_logits[picked].float(), dim=-1)  # (answer tokens, vocabulary)
        reference = F.log_softmax(reference_logits[picked].float(), dim=-1)
        divergence = (policy.exp() * (policy - reference)).sum(dim=-1)
        return divergence.mean() if divergence.numel() else divergence.sum()
