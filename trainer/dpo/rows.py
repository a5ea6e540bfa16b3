"""Examples laid out so that what two answers share is computed once.

    prompt  common  | chosen's own tokens | rejected's own tokens      one example
    0 .. p  .. t    | t+1 ..              | t+1 ..                     position_ids

`common` are the first tokens that both answers have. Neither answer sees the other
(`attention.py`). The last token of an answer predicts nothing that is scored, so it is only ever a
target and stands in no row. Several examples share a row where they fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainer.dpo.reference import Reference

PADDING = -1  # in `example`
TRUNK, CHOSEN, REJECTED = 0, 1, 2  # in `branch` and `score_side`; TRUNK scores count for both

_Tokens = Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One example as it stands in a row; `scores` are (index of the predicting token, id, side)."""

    ids: list[int]
    positions: list[int]
    branches: list[int]
    scores: list[tuple[int, int, int]]


def lay_out(prompt: _Tokens, chosen: _Tokens | None, rejected: _Tokens | None) -> Layout:
    """Lay out one example with one or two answers.

    Raises:
        ValueError: the prompt is empty: nothing would predict the first token of an answer.
    """
    if not prompt:
        raise ValueError("an example needs a prompt of at least one token")
    shared = _common(chosen, rejected) if chosen is not None and rejected is not None else 0
    common = list((chosen or ())[:shared])
    ids = [*prompt, *common]
    trunk = len(ids)
    positions, branches = list(range(trunk)), [TRUNK] * trunk
    scores = [(len(prompt) - 1 + i, token, TRUNK) for i, token in enumerate(common)]
    for side, answer in ((CHOSEN, chosen), (REJECTED, rejected)):
        own = list((answer or ())[shared:])
        begin = len(ids)
        ids += own[:-1]
        positions += range(trunk, trunk + len(own) - 1)
        branches += [side] * (len(ids) - begin)
        scores += [(begin + i - 1 if i else trunk - 1, token, side) for i, token in enumerate(own)]
    return Layout(ids=ids, positions=positions, branches=branches, scores=scores)


def _common(one: _Tokens, other: _Tokens) -> int:
    """How many first tokens are the same."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return count
    return min(len(one), len(other))


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Which examples share a row: first fit, longest first. None is longer than `capacity`."""
    rows: list[list[int]] = []
    room: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        place = next((i for i, free in enumerate(room) if free >= lengths[number]), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(capacity)
        rows[place].append(number)
        room[place] -= lengths[number]
    return rows


@dataclass(slots=True, kw_only=True)
class PrefixCollator:
    """Examples to tensors.

    Attributes:
        capacity: tokens that a row may hold, where a mask skips what lies between examples. None
            makes rows as wide as the batch's longest example: short ones fill the rows of the
            others, and a dense mask costs no more than it must.
        multiple: the width of rows is rounded up to it, as block masks want.
        reference: adds what the reference model said of each example's tokens.

    Returns of `__call__` (tokens scored in all: T; examples: N):
        input_ids, position_ids, example, branch: (rows, width); `example` is PADDING in between.
        score_at: (T,) places of the predicting tokens in the flattened rows.
        score_token, score_example, score_side: (T,).
        weight, smoothing, has_chosen, has_rejected, index: (N,).
        reference_chosen, reference_rejected: (N,) nats, 0 where there is no such side.
        kept_ids, kept_logprobs: (T, kept), the reference's likeliest tokens.
    """

    pad_token_id: int
    capacity: int | None = None
    multiple: int = 1
    reference: Reference | None = field(default=None)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        layouts = [lay_out(row["prompt"], row["chosen"], row["rejected"]) for row in rows]
        lengths = [len(layout.ids) for layout in layouts]
        wanted = max(*lengths, min(sum(lengths), self.capacity or 0), 1)
        width = -(-wanted // self.multiple) * self.multiple
        packed = pack(lengths, width)
        batch = self._rows(layouts, packed, width)
        batch |= {
            "weight": torch.tensor([float(row["weight"]) for row in rows]),
            "smoothing": torch.tensor([float(row["smoothing"]) for row in rows]),
            "has_chosen": torch.tensor([row["chosen"] is not None for row in rows]),
            "has_rejected": torch.tensor([row["rejected"] is not None for row in rows]),
            "index": torch.tensor([int(row["index"]) for row in rows]),
        }
        if self.reference is not None:
            batch |= self.reference.of(batch["index"])
        return batch

    def _rows(
        self, layouts: Sequence[Layout], packed: Sequence[Sequence[int]], width: int
    ) -> dict[str, Tensor]:
        shape = (len(packed), width)
        batch = {
            "input_ids": torch.full(shape, self.pad_token_id),
            "position_ids": torch.zeros(shape, dtype=torch.long),
            "example": torch.full(shape, PADDING),
            "branch": torch.zeros(shape, dtype=torch.long),
        }
        starts = [0] * len(layouts)  # of each example in the flattened rows
        for row, numbers in enumerate(packed):
            column = 0
            for number in numbers:
                layout = layouts[number]
                part = slice(column, column + len(layout.ids))
                batch["input_ids"][row, part] = torch.tensor(layout.ids)
                batch["position_ids"][row, part] = torch.tensor(layout.positions)
                batch["branch"][row, part] = torch.tensor(layout.branches)
                batch["example"][row, part] = number
                starts[number] = row * width + column
                column = part.stop
        scores = [
            (starts[number] + place, token, number, side)
            for number, layout in enumerate(layouts)
            for place, token, side in layout.scores
        ]
        names = ("score_at", "score_token", "score_example", "score_side")
        columns = torch.tensor(scores, dtype=torch.long).reshape(-1, 4).unbind(dim=1)
        return batch | dict(zip(names, columns, strict=True))
