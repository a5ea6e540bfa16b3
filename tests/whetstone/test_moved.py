"""Lines that stand at another level than where they belong."""

from __future__ import annotations

import random
from textwrap import dedent

import pytest
from by_rules import first_fix, fixes

from whetstone.indentation import MAX_REGION_LINES
from whetstone.moved import Move, moves, region_of

_SHOP = dedent('''\
    class Shop:
        """Sells."""

        name = "corner"
        size = 3

        def __init__(self, owner):
            self.owner = owner
            if owner:
                print(owner)
                self.open = True

        @property
        def large(self):
            for wall in range(self.size):
                print(wall)
            return self.size > 2
''')


def moved(text: str, first: str, last: str, by: int) -> str:
    """`text` with the lines from `first` to `last` moved `by` columns to the right."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip() == first)
    stop = next(n for n, line in enumerate(lines) if n >= start and line.strip() == last) + 1
    return "\n".join(Move(start=start, stop=stop, by=by).applied(lines)) + "\n"


@pytest.mark.parametrize(
    ("first", "last", "by"),
    [
        ('"""Sells."""', '"""Sells."""', 2),
        ('name = "corner"', 'name = "corner"', -4),
        ("size = 3", "size = 3", -4),
        ("size = 3", "size = 3", -3),
        ("size = 3", "size = 3", 2),
        ("def __init__(self, owner):", "self.owner = owner", 2),
        ("self.owner = owner", "self.owner = owner", 1),
        ("self.owner = owner", "self.owner = owner", -8),
        ("print(owner)", "print(owner)", 2),
        ("print(owner)", "print(owner)", -4),
        ("@property", "return self.size > 2", 2),
        ("@property", "def large(self):", -2),
        ("for wall in range(self.size):", "print(wall)", 3),
        ("return self.size > 2", "return self.size > 2", -1),
        ("return self.size > 2", "return self.size > 2", 3),
    ],
)
def test_what_was_moved_goes_back(first, last, by):
    broken = moved(_SHOP, first, last, by)

    assert broken != _SHOP
    assert first_fix(broken) == _SHOP


def test_a_method_at_the_margin_belongs_to_the_class_above():
    text = "class A:\n\ndef f(self):\n    x = 1\n    return x\n\n\ndef g(y):\n    return y\n"
    method = "    def f(self):\n        x = 1\n        return x\n"

    assert first_fix(text) == f"class A:\n\n{method}\n\ndef g(y):\n    return y\n"


def test_lines_that_already_stand_right_stay():
    text = "class A:\n\n@property\ndef f(self):\n        return 1\n"

    assert first_fix(text) == "class A:\n\n    @property\n    def f(self):\n        return 1\n"


def test_a_function_without_self_is_no_method():
    text = "class A:\n\n\ndef f(x):\n    return x\n"

    assert first_fix(text) == "class A:\n    pass\n\n\ndef f(x):\n    return x\n"


def test_what_uses_self_below_a_method_belongs_to_it():
    text = "class A:\n    def f(self):\n        # Both.\n        self.a = 1\n    self.b = 2\n"

    assert first_fix(text) == text.replace("    self.b", "        self.b")


def test_a_text_at_the_margin_is_no_end_of_a_block():
    text = 'class A:\n    def f(self):\n    x = """\nfrom\n"""\n    return x\n\n    y = 1\n'

    assert first_fix(text) == text.replace("    x =", "        x =").replace(
        "    return", "        return"
    )


@pytest.mark.parametrize(
    "text",
    [
        "n = [1]\nfor i in n:\n\nprint(n)\n",  # a blank line stands between
        "n = [1]\nfor i in n:\nprint(n)\n",  # the line does not use i
        "def f(n):\n    for i in n:\n    return n\n",
        "def f(n):\n    while n:\n        for i in n:\n    return n\n",  # it is less deep
        "def f(n):\n    if n > 1:\n    else:\n        return n\n",
        "def f(n):\n    if n > 1:\n    if n < 1:\n        return n\n",
        "def f(n):\n    try:\n    except ValueError:\n        return n\n",
        "def f(n):\n    if n > 1:\n",
        "def f(n):\n    def g(m):\n\n    return g\n",
    ],
)
def test_a_lost_body_is_not_guessed(text):
    assert all("pass" in fix and "def g" in text for fix in fixes(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("n = [1]\nfor i in n:\nprint(i)\n", "    print(i)\n"),
        ("n = [1]\nfor _ in n:\nprint(n)\n", "    print(n)\n"),
        ("n = 2\nif n:\nprint(n)\n", "    print(n)\n"),
        ("try:\n    print()\nexcept ValueError:\nprint(1)\n", "    print(1)\n"),
    ],
)
def test_the_line_below_is_the_body_where_it_may_be(text, wanted):
    assert first_fix(text).endswith(wanted)


@pytest.mark.parametrize("header", ["def g(x):", "class G:", "def g(\n    x,\n):"])
def test_a_stub_is_left_empty(header):
    text = f"{header}\n\n\ndef f(x):\n    return x\n"

    assert first_fix(text) == f"{header}\n    pass\n\n\ndef f(x):\n    return x\n"


def test_an_abstract_stub_raises_where_the_others_do():
    text = (
        "import abc\n\n\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self):\n"
        "        raise NotImplementedError\n\n    @abc.abstractmethod\n    def g(self):\n"
    )

    assert first_fix(text) == f"{text}        raise NotImplementedError\n"


def test_moves_lie_within_one_region():
    lines = _SHOP.splitlines()
    rng = random.Random(3)
    for _ in range(200):
        row = rng.randrange(1, len(lines))
        other = [*lines[:row], " " * rng.randint(0, 12) + lines[row].lstrip(), *lines[row + 1 :]]
        for message in ("unexpected indent", "unindent does not match", "expected an indented"):
            region = region_of(moves("\n".join(other), row, message))
            assert region is None or len(region) <= MAX_REGION_LINES


def test_files_with_tabs_are_left_alone():
    assert moves("def f():\n\tif 1:\n\tprint()\n", 2, "expected an indented block") == ()
