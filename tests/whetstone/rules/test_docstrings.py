"""Docstrings that lost some of their quotes, or all of them."""

from __future__ import annotations

import pytest
from by_rules import first_fix

_WHOLE = 'def size(x):\n    """Give back how large x is."""\n    return len(x)\n'


@pytest.mark.parametrize(
    "line",
    [
        '"""Give back how large x is.',
        '"""Give back how large x is."',
        '"""Give back how large x is.""',
        'Give back how large x is."""',
        '""Give back how large x is."""',
        "Give back how large x is.",
    ],
)
def test_the_quotes_are_put_back(line):
    text = _WHOLE.replace('"""Give back how large x is."""', line)

    assert first_fix(text) == _WHOLE
    assert first_fix(text + "\n\n" + _WHOLE.replace("size", "other")) == (
        _WHOLE + "\n\n" + _WHOLE.replace("size", "other")
    )


def test_a_module_may_begin_with_prose():
    assert first_fix("Tools for the shop.\n\nx = 1\n") == '"""Tools for the shop."""\n\nx = 1\n'


def test_single_quotes_stay_single():
    text = "class A:\n    '''Holds one of the two.\n    size = 1\n"

    assert first_fix(text) == text.replace("two.", "two.'''")


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nGive back how large it is.\n",
        "if print():\n    Give back how large it is.\n",
        "def f(a):\n    Return a if b\n",
    ],
)
def test_prose_elsewhere_is_no_docstring(text):
    assert '"""' not in first_fix(text)
