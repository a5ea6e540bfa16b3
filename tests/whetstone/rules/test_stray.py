"""Lines and characters that do not belong."""

from __future__ import annotations

import pytest
from by_rules import first_fix, fixes


@pytest.mark.parametrize(
    "line", ["end", "endif", "fi", "```", "```python", "};", "];", ">>>", "=======", "<<<<<<< HEAD"]
)
def test_a_line_of_another_world_goes(line):
    text = "def f(x):\n    print(x)\n{}    return x\n"

    assert first_fix(text.format(f"    {line}\n")) == text.format("")


@pytest.mark.parametrize("prompt", [">>> ", "... ", "+ ", "- ", ". ", ") ", "$ "])
def test_a_pasted_prompt_goes(prompt):
    text = "def f(x):\n    {}y = x\n    return y\n"

    assert first_fix(text.format(prompt)) == text.format("")


def test_a_header_typed_twice_is_there_once():
    text = "for i in range(3):\n    print(i)\n"

    assert first_fix("for i in range(3):\n" + text) == text


def test_two_loops_over_the_same_are_kept_where_their_names_differ():
    text = "def f(r):\n    for i in r:\n    for j in r:\n        print(i, j)\n"

    assert "for i in r:" in first_fix(text)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_quote_behind_the_end_goes(quote):
    assert first_fix(f"import os\nprint(os.sep){quote}\n") == "import os\nprint(os.sep)\n"


def test_a_quote_that_may_close_a_text_is_not_taken_away():
    assert "x = a\n" not in fixes("a = 1\nx = a'\n")


def test_a_word_that_is_used_is_not_taken_away():
    assert first_fix("def f(x):\n    print(end)\n    return x\n") != "def f(x):\n    return x\n"


@pytest.mark.parametrize("end", [" then", "?", "!", "$", " ="])
def test_what_ends_a_line_elsewhere_goes(end):
    assert first_fix(f"x = abs(1){end}\ny = x\n") == "x = abs(1)\ny = x\n"


def test_a_header_keeps_its_colon():
    assert first_fix("if print() then\n    x = 1\n") == "if print():\n    x = 1\n"
