"""What a model's file says of its user's choices."""

from __future__ import annotations

import json

import pytest

from whetstone.models.gguf_info import GGUF_HABITS_KEY
from whetstone.models.habits import Habits, habits_in, together

GUARD, TUPLE = "ruff:B006 [guard]", "ruff:B006 [tuple]"


def test_what_happened_more_often_counts_and_a_tie_says_nothing() -> None:
    habits = Habits.of_counts({TUPLE: 3, GUARD: 1, "tie": 2}, {TUPLE: 1, GUARD: 2, "tie": 2})
    assert habits == Habits(taken=frozenset({TUPLE}), turned_down=frozenset({GUARD}))


def test_later_choices_win_and_the_others_stay() -> None:
    before = Habits(taken=frozenset({TUPLE, "a"}), turned_down=frozenset({GUARD, "b"}))
    later = Habits(taken=frozenset({GUARD}), turned_down=frozenset({TUPLE}))
    assert before.then(later) == Habits(
        taken=frozenset({GUARD, "a"}), turned_down=frozenset({TUPLE, "b"})
    )


def test_of_a_model_and_an_adapter_over_it() -> None:
    model, adapter = Habits(taken=frozenset({GUARD})), Habits(turned_down=frozenset({GUARD}))
    assert together((None, None)) is None
    assert together((model, None)) == model
    assert together((model, adapter)) == Habits(turned_down=frozenset({GUARD}))


def test_written_and_read_again() -> None:
    habits = Habits(taken=frozenset({TUPLE}), turned_down=frozenset({GUARD}))
    assert habits_in({GGUF_HABITS_KEY: json.dumps(habits.to_json())}) == habits
    assert habits_in({}) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '"x"', '{"taken": 1}', '{"taken": {"a": 1}}', "[" * 100_000]
)
def test_a_strange_file_says_nothing_about_anybody(text: str) -> None:
    """It still counts as tuned: a rule's fix comes first then."""
    assert habits_in({GGUF_HABITS_KEY: text}) == Habits()


def test_a_file_may_not_fill_the_memory() -> None:
    many = json.dumps({"taken": [str(number) for number in range(5_000)]})
    found = habits_in({GGUF_HABITS_KEY: many})
    assert found is not None and len(found.taken) == 1_000
