from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from trainer.batches import AnswerCollator, PairCollator
from trainer.examples import data_hash, encode, pair_from_json, pair_to_json


@pytest.fixture(scope="module")
def tokenizer(tiny_hf: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_hf)


def test_answers_end_with_the_stop_token_and_prompts_before_them(pair: Any, tokenizer: Any) -> None:
    (example,) = encode([pair(1)], tokenizer, "compact", max_length=512).examples
    assert tokenizer.decode(example.chosen) == "<|fix|>    return length_1<|end|>"
    assert tokenizer.decode(example.rejected) == "<|fix|>    pass<|end|>"
    assert tokenizer.decode(example.prompt).endswith("<|bug|>    return lenght_1")


def test_too_long_prompts_lose_their_farthest_lines(
    pair: Any, problem: Any, tokenizer: Any
) -> None:
    above = tuple(f"    line_{i} = {i} * {i}" for i in range(8))
    long = dataclasses.replace(pair(1), problem=problem(1, above=above))
    whole = encode([long], tokenizer, "compact", max_length=512)
    assert whole.shortened == 0
    limit = len(whole.examples[0].prompt)  # the answer no longer fits beside it
    cut = encode([long], tokenizer, "compact", max_length=limit)
    assert (cut.shortened, cut.dropped) == (1, 0)
    text = tokenizer.decode(cut.examples[0].prompt)
    assert "line_7" in text and "line_0" not in text
    assert cut.examples[0].chosen == whole.examples[0].chosen  # never cut


def test_what_fits_in_no_way_is_dropped_and_counted(pair: Any, tokenizer: Any) -> None:
    encoded = encode([pair(1)], tokenizer, "compact", max_length=20)
    assert (encoded.examples, encoded.dropped) == ((), 1)


def test_pairs_survive_the_run_folder(pair: Any) -> None:
    import json

    stored = json.loads(json.dumps(pair_to_json(pair(3, 0.5))))
    assert pair_from_json(stored) == pair(3, 0.5)


def test_the_hash_names_contents_and_not_order(pair: Any) -> None:
    assert data_hash([pair(1), pair(2)]) == data_hash([pair(2), pair(1)])
    assert data_hash([pair(1), pair(2)]) != data_hash([pair(1), pair(3)])


def test_rows_are_padded_on_the_left() -> None:
    rows = [
        {"prompt": [5, 6], "chosen": [7], "rejected": [8, 9], "weight": 1.0},
        {"prompt": [5], "chosen": [7], "rejected": [8], "weight": 0.5},
    ]
    batch = PairCollator(0)(rows)
    assert batch["input_ids"].tolist() == [[0, 5, 6, 7], [0, 0, 5, 7], [5, 6, 8, 9], [0, 0, 5, 8]]
    assert batch["answer_mask"].tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert batch["position_ids"].tolist()[1] == [0, 0, 0, 1]
    assert batch["weight"].tolist() == [1.0, 0.5]
    assert AnswerCollator(0)(rows)["input_ids"].tolist() == [[5, 6, 7], [0, 5, 7]]


def test_logits_of_a_padded_row_are_those_of_the_row_alone(tiny_hf: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from trainer.batches import answer_logits, pad_left
    from trainer.dpo_loss import token_logprobs

    model = AutoModelForCausalLM.from_pretrained(tiny_hf, dtype=torch.float32).eval()
    rows = [([20, 21, 22, 23, 24, 25], [30, 31, 32]), ([40], [41]), ([50, 51], [52, 53, 54, 55])]

    def sums(some: Any) -> list[float]:
        with torch.no_grad():
            logits, targets, mask = answer_logits(model, pad_left(some, 0))
        return token_logprobs(logits, targets, mask).sum(dim=-1).tolist()

    assert sums(rows) == pytest.approx([sums([row])[0] for row in rows], abs=1e-4)
