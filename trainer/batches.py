"""Examples as tensors. Rows are padded on the left, so that all answers end in the last column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class AnswerCollator:
    """Rows of prompt and chosen answer, for supervised training."""

    pad_token_id: int

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        texts = [(row["prompt"], row["chosen"]) for row in rows]
        return {**pad_left(texts, self.pad_token_id), "weight": _weights(rows)}


@dataclass(frozen=True, slots=True)
class PairCollator:
    """All chosen rows and then all rejected ones, (2 x pairs, tokens); weights are (pairs,)."""

    pad_token_id: int

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        chosen = [(row["prompt"], row["chosen"]) for row in rows]
        rejected = [(row["prompt"], row["rejected"]) for row in rows]
        return {**pad_left([*chosen, *rejected], self.pad_token_id), "weight": _weights(rows)}


def pad_left(
    texts: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int
) -> dict[str, Tensor]:
    """Tensors of (rows, tokens): ids, attention, positions, and which ids belong to the answer."""
    width = max(len(prompt) + len(answer) for prompt, answer in texts)
    ids = torch.full((len(texts), width), pad_token_id)
    attention = torch.zeros((len(texts), width), dtype=torch.long)
    answers = torch.zeros((len(texts), width), dtype=torch.long)
    for row, (prompt, answer) in enumerate(texts):
        length = len(prompt) + len(answer)
        ids[row, width - length :] = torch.tensor([*prompt, *answer])
        attention[row, width - length :] = 1
        answers[row, width - len(answer) :] = 1
    return {
        "input_ids": ids,
        "attention_mask": attention,
        "position_ids": (attention.cumsum(dim=-1) - 1).clamp(min=0),
        "answer_mask": answers,
    }


def _weights(rows: Sequence[dict[str, Any]]) -> Tensor:
    return torch.tensor([float(row["weight"]) for row in rows])


def answer_logits(model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of only those columns that predict an answer token of any row.

    Returns:
        Logits (rows, span, vocabulary), the token ids they predict and the answer mask, both
        (rows, span). Answers end in the last column, so the span is the longest answer's length.
    """
    mask = inputs["answer_mask"]
    span = int(mask.sum(dim=-1).max())
    logits = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        position_ids=inputs["position_ids"],
        use_cache=False,
        logits_to_keep=span + 1,  # the last one predicts what follows the answer: dropped
    ).logits[:, :-1]
    return logits, inputs["input_ids"][:, -span:], mask[:, -span:]
