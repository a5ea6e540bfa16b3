"""`else` left out of a conditional expression."""

from __future__ import annotations

import pytest
from by_rules import first_fix, fixes


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("x = (1 if n 0)", "x = (1 if n else 0)"),
        ("x = 'a' if n 'b'", "x = 'a' if n else 'b'"),
        ("x = n.real if n", "x = n.real if n else None"),
        ("x = abs(n) if n is not None", "x = abs(n) if n is not None else None"),
        ("x = [str(n) if n, 2]", "x = [str(n) if n else None, 2]"),
        ("x = True if n > 1", "x = True if n > 1 else False"),
        ("x = 0 if n == 'a'", "x = 0 if n == 'a' else 1"),
        ("x = 6 / n if n", "x = 6 / n if n else 0"),
        ("x = [v if v for v in n]", "x = [v for v in n if v]"),
        ("x = [str(v) if v for v in n]", "x = [str(v) for v in n if v]"),
        ("x = ['b' if v == 'a' for v in n]", "x = ['b' if v == 'a' else v for v in n]"),
        ("x = sum(1 if v > 2 for v in n)", "x = sum(1 if v > 2 else 0 for v in n)"),
    ],
)  # fmt: skip
def test_the_other_side_is_put_back(wrong, right):
    assert first_fix(f"n = input()\n{wrong}\n") == f"n = input()\n{right}\n"


def test_what_the_file_says_elsewhere_is_said_again():
    text = "n = input()\nprint('a' if n else 'b')\nx = ('a' if n)\n"

    assert first_fix(text) == text.replace("('a' if n)\n", "('a' if n else 'b')\n")


def test_the_s_of_a_plural_is_there_or_not():
    assert first_fix("n = 2\nx = 's' if n > 1\n") == "n = 2\nx = 's' if n > 1 else ''\n"


@pytest.mark.parametrize(
    "line",
    ["x = 'a' if n", "x = n if y > 1", "x = 3 if n", "x = y if y != 0", "x = max(n, y) if n"],
)
def test_another_value_is_not_guessed(line):
    assert fixes(f"n = y = 1\n{line}\n") == []
