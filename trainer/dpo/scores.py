"""Log-probabilities of answer tokens, chunk by chunk: the full logits never exist.

For one token, with state h, output matrix W and logits W h:

    log p(t)        = (W h)_t - log sum_v exp (W h)_v
    d log p(t) / dh = W_t - sum_v p(v) W_v

The forward pass has the probabilities of a chunk at hand, so it stores this derivative, as large as
the state itself. The backward pass then only scales it: no logits are kept, none are recomputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_CHUNK_ELEMENTS = 32 << 20  # logits at a time: 128 MB in 32 bit, 220 tokens of Qwen's vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The output matrix, frozen, (vocabulary, hidden), and its bias or None."""

    weight: Tensor
    bias: Tensor | None = None
    chunk_elements: int = _CHUNK_ELEMENTS

    def __post_init__(self) -> None:
        if self.weight.requires_grad:
            raise ValueError("the output matrix must be frozen: its gradient is not computed")

    @property
    def chunk(self) -> int:
        """Tokens at a time."""
        return max(1, self.chunk_elements // self.weight.shape[0])

    def logits(self, states: Tensor) -> Tensor:
        """(tokens, vocabulary) in 32 bit of (tokens, hidden)."""
        return F.linear(states.to(self.weight.dtype), self.weight, self.bias).float()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """Of each scored token: nats (with gradient), and whether it was the likeliest.

    `kept`, (tokens, kept), are the log-probabilities of the tokens that were asked for beside it.
    """

    logprobs: Tensor
    likeliest: Tensor
    kept: Tensor | None


def score_tokens(
    states: Tensor, head: Head, tokens: Tensor, kept_ids: Tensor | None = None
) -> TokenScores:
    """Score `tokens` (T,) from the `states` (T, hidden) that predict them.

    Args:
        kept_ids: (T, kept) further tokens whose log-probabilities are wanted, without gradient.
    """
    logprobs, likeliest, kept = _Score.apply(  # type: ignore[no-untyped-call]
        states, head, tokens, kept_ids
    )
    return TokenScores(logprobs=logprobs, likeliest=likeliest, kept=kept)


class _Score(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, head: Head, tokens: Tensor, kept_ids: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        count = len(tokens)
        logprobs = torch.empty(count, dtype=torch.float32, device=states.device)
        likeliest = torch.empty(count, dtype=torch.bool, device=states.device)
        kept = None if kept_ids is None else torch.empty(kept_ids.shape, device=states.device)
        slope = torch.empty_like(states) if ctx.needs_input_grad[0] else None  # d logprob / d state
        for begin in range(0, count, head.chunk):
            part = slice(begin, begin + head.chunk)
            logits, wanted = head.logits(states[part]), tokens[part, None]
            total = logits.logsumexp(dim=-1, keepdim=True)
            logprobs[part] = (logits.gather(-1, wanted) - total).squeeze(-1)
            likeliest[part] = logits.argmax(dim=-1) == tokens[part]
            if kept is not None and kept_ids is not None:
                kept[part] = logits.gather(-1, kept_ids[part].long()) - total
            if slope is not None:
                pull = logits.sub_(total).exp_().neg_()  # -p(v), in place of the logits
                pull.scatter_add_(-1, wanted, torch.ones_like(wanted, dtype=pull.dtype))
                slope[part] = (pull.to(head.weight.dtype) @ head.weight).to(slope.dtype)
        ctx.save_for_backward(slope)
        ctx.mark_non_differentiable(likeliest, *(() if kept is None else (kept,)))
        return logprobs, likeliest, kept

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return (slope * gradients[0][:, None]).to(slope.dtype), None, None, None


def likeliest_tokens(states: Tensor, head: Head, count: int) -> tuple[Tensor, Tensor]:
    """Ids and log-probabilities, (T, count), of the likeliest next tokens; without gradient."""
    count = min(count, head.weight.shape[0])
    ids, logprobs = [], []
    with torch.no_grad():
        for begin in range(0, len(states), head.chunk):
            logits = head.logits(states[begin : begin + head.chunk])
            top = logits.topk(count, dim=-1)
            ids.append(top.indices)
            logprobs.append(top.values - logits.logsumexp(dim=-1, keepdim=True))
    return torch.cat(ids), torch.cat(logprobs)
