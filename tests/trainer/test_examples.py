from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

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


def test_as_many_context_lines_stay_as_fit(pair: Any, problem: Any, tokenizer: Any) -> None:
    above = tuple(f"    line_{i} = {i} * {i}" for i in range(8))
    long = dataclasses.replace(pair(1), problem=problem(1, above=above))
    whole = encode([long], tokenizer, "compact", max_length=512).examples[0]
    sizes = []
    for limit in range(len(whole.prompt) + len(whole.chosen), 40, -5):
        (example,) = encode([long], tokenizer, "compact", max_length=limit).examples or (None,)
        if example is None:
            break
        longest = max(len(example.chosen), len(example.rejected))
        assert len(example.prompt) + longest <= limit
        assert example.prompt[0] == whole.prompt[0]  # the beginning stays
        # and the end (without any context the format no longer dedents it)
        assert tokenizer.decode(example.prompt).endswith("return lenght_1")
        sizes.append(tokenizer.decode(example.prompt).count("line_"))
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 4  # line by line


def test_an_answer_without_a_partner_is_an_example(pair: Any, tokenizer: Any) -> None:
    alone = dataclasses.replace(pair(1), chosen=None)
    (example,) = encode([alone], tokenizer, "compact", max_length=512).examples
    assert example.chosen is None and example.rejected is not None and example.pair_id == 1


def test_smoothing_is_that_of_the_source(pair: Any, tokenizer: Any) -> None:
    noise = {"test": 0.1}
    (example,) = encode([pair(1)], tokenizer, "compact", max_length=512, noise=noise).examples
    assert example.smoothing == 0.1
