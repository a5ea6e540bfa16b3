"""What is mixed in beside a user's choices."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trainer.rehearsal import rehearsal
from whetstone.preferences.records import Pair
from whetstone.problem import Diagnostic, Replacement, Span
from whetstone.prompt import BUG, END, FIX, IMP, MSG


@pytest.fixture(scope="module")
def tokenizer(tiny_hf: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_hf)


def undefined(pair: Pair, fix: Replacement) -> Pair:
    """The same pair, chosen for a name that is undefined."""
    diagnostic = Diagnostic(
        source="ruff", code="F821", message="...", span=Span(start_line=2, end_line=2)
    )
    problem = dataclasses.replace(pair.problem, diagnostic=diagnostic)
    return dataclasses.replace(pair, problem=problem, chosen=fix)


def answers_to_undefined(tokenizer: Any, pairs: list[Pair]) -> Counter[str]:
    """How many of the problems about an undefined name are answered by which mark."""
    found = rehearsal(pairs, tokenizer, "compact", count=80, max_length=900, seed=0)
    prompts = (tokenizer.decode(list(example.prompt)) for example in found)
    return Counter(
        tokenizer.decode(list(example.chosen or ())[:1])
        for example, prompt in zip(found, prompts, strict=True)
        if prompt.split(MSG)[1].startswith("F821")
    )


def test_they_are_problems_with_answers_and_of_no_stored_pair(tokenizer: Any, pair: Any) -> None:
    found = rehearsal([pair(1)], tokenizer, "compact", count=12, max_length=900, seed=0)
    assert len(found) == 12
    for example in found:
        prompt, answer = (tokenizer.decode(list(ids)) for ids in (example.prompt, example.chosen))
        assert MSG in prompt and BUG in prompt
        assert answer.startswith((FIX, IMP)) and answer.endswith(END)
        assert example.rejected is None and example.pair_id < 0
    assert len({example.pair_id for example in found}) == 12


def test_the_users_word_counts_on_what_they_chose_about(tokenizer: Any, pair: Any) -> None:
    """No answer of ours that does what a choice was about; others to the same finding stay."""
    assert all(answers_to_undefined(tokenizer, [])[mark] for mark in (FIX, IMP))
    mine = undefined(pair(1), Replacement(kind="import", lines=("import os",)))
    answers = answers_to_undefined(tokenizer, [mine])
    assert answers[FIX] and not answers[IMP]


def test_the_same_seed_gives_the_same(tokenizer: Any) -> None:
    """A run that is resumed finds its stored reference by its rows."""
    one, two = (
        rehearsal([], tokenizer, "compact", count=5, max_length=900, seed=3) for _ in range(2)
    )
    assert one == two


def test_too_long_ones_and_large_models_get_none(tokenizer: Any) -> None:
    short = rehearsal([], tokenizer, "compact", count=12, max_length=120, seed=0)
    assert all(len(example.prompt) < 120 for example in short) and len(short) < 12
    assert rehearsal([], tokenizer, "chat", count=12, max_length=900, seed=0) == ()
