"""Rows, packing and masks, worked by hand."""

from __future__ import annotations

import random

import pytest
import torch

from trainer.dpo.attention import row_mask
from trainer.dpo.rows import CHOSEN, REJECTED, TRUNK, PrefixCollator, lay_out, pack


def row(prompt, chosen, rejected, **more):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "weight": 1.0,
            "smoothing": 0.0, "index": 0, **more}  # fmt: skip


def test_an_example_by_hand():
    layout = lay_out([5, 6], [7, 8, 9], [7, 1, 2, 3])
    assert layout.ids == [5, 6, 7, 8, 1, 2]  # 7 is shared; 9 and 3 are only ever predicted
    assert layout.positions == [0, 1, 2, 3, 3, 4]  # the rejected answer begins where its twin does
    assert layout.branches == [TRUNK, TRUNK, TRUNK, CHOSEN, REJECTED, REJECTED]
    assert layout.scores == [
        (1, 7, TRUNK), (2, 8, CHOSEN), (3, 9, CHOSEN),
        (2, 1, REJECTED), (4, 2, REJECTED), (5, 3, REJECTED),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "rejected", "ids", "scores"),
    [
        ([7, 8], None, [5, 7], [(0, 7, CHOSEN), (1, 8, CHOSEN)]),
        (None, [7, 8], [5, 7], [(0, 7, REJECTED), (1, 8, REJECTED)]),
        ([7], [8], [5], [(0, 7, CHOSEN), (0, 8, REJECTED)]),
        ([7], [7, 8], [5, 7], [(0, 7, TRUNK), (1, 8, REJECTED)]),  # one is the other's beginning
    ],
)
def test_answers_left_out_and_of_one_token(chosen, rejected, ids, scores):
    layout = lay_out([5], chosen, rejected)
    assert (layout.ids, layout.scores) == (ids, scores)


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="prompt"):
        lay_out([], [1], [2])


def test_packing_fills_rows_and_loses_nothing():
    assert pack([3, 9, 4, 2, 5], capacity=10) == [[1], [4, 2], [0, 3]]
    rng = random.Random(1)
    lengths = [rng.randrange(1, 50) for _ in range(200)]
    rows = pack(lengths, capacity=50)
    assert sorted(n for numbers in rows for n in numbers) == list(range(200))
    assert all(sum(lengths[n] for n in numbers) <= 50 for numbers in rows)
    assert len(rows) < 1.1 * sum(lengths) / 50


def test_short_examples_share_a_row_and_positions_begin_anew():
    batch = PrefixCollator(pad_token_id=0)(
        [row([5, 6], [7, 1], [8, 1]), row([5, 6, 7], [1], [2]), row([9] * 6, [3], [4])]
    )
    assert batch["input_ids"].tolist() == [[9] * 6, [5, 6, 7, 8, 0, 0], [5, 6, 7, 0, 0, 0]]
    assert batch["position_ids"].tolist()[1] == [0, 1, 2, 2, 0, 0]
    packed = PrefixCollator(pad_token_id=0, capacity=13, multiple=4)(
        [row([5, 6], [7, 1], [8, 1]), row([5, 6, 7], [1], [2]), row([9] * 6, [3], [4])]
    )
    assert packed["input_ids"].tolist() == [[9] * 6 + [5, 6, 7, 8] + [5, 6, 7] + [0] * 3]
    assert packed["position_ids"].tolist() == [[*range(6), 0, 1, 2, 2, 0, 1, 2, 0, 0, 0]]
    assert packed["example"].tolist() == [[2] * 6 + [0] * 4 + [1] * 3 + [-1] * 3]


def test_nobody_sees_another_answer_or_example():
    example = torch.tensor([[0, 0, 0, 0, 1, -1]])
    branch = torch.tensor([[TRUNK, CHOSEN, REJECTED, REJECTED, TRUNK, TRUNK]])
    assert row_mask(example, branch, "sdpa")[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 0],
        [1, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_the_block_mask_is_the_dense_mask():
    rng = random.Random(3)
    rows = [
        row([9] * rng.randrange(1, 90), [1] * rng.randrange(1, 20), [2] * rng.randrange(1, 20))
        for _ in range(9)
    ]
    batch = PrefixCollator(pad_token_id=0, capacity=256, multiple=128)(rows)
    dense = row_mask(batch["example"], batch["branch"], "sdpa")
    blocks = row_mask(batch["example"], batch["branch"], "flex_attention")
    assert blocks.shape == (*dense.shape,)
    width = dense.shape[-1]
    looker, seen = torch.meshgrid(torch.arange(width), torch.arange(width), indexing="ij")
    for number in range(len(dense)):
        again = blocks.mask_mod(torch.tensor(number), torch.tensor(0), looker, seen)
        assert torch.equal(again, dense[number, 0])
    # a block that holds anything to see is not skipped
    whole = dense[:, 0].unflatten(2, (-1, 128)).unflatten(1, (-1, 128)).any(dim=4).any(dim=2)
    assert torch.equal(blocks.to_dense()[:, 0].bool(), whole)
