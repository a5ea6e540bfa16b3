"""Slips of one token, mended by rules alone: brackets, quotes, operators, undefined names."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from whetstone import diagnose
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.rules import seen
from whetstone.settings import Settings


def first_fix(text: str) -> str:
    """The whole text after the first fix that is shown; empty when none is."""
    document = Document(text=text, path=Path("module.py"))
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])
    return proposal.candidates[0].new_text if proposal.candidates else ""


BRACKETS = [
    # two words that a bracket parted
    ("def area(width):\n    return width\n\n\ny = areawidth=3)\n", "y = area(width=3)"),
    (
        "rows = [1]\nn = 0\ntotal = rows[n]\nprint(len(rows))\nprint(lenrows))\n",
        "print(len(rows))\n",
    ),
    ("rows = [1, 2]\nn = 0\nprint(rows[n])\nlast = rowsn]\n", "last = rows[n]"),
    ("import argparse\n\nparser = argparse.ArgumentParserprog='x')\n", "ArgumentParser(prog='x')"),
    (
        "def shifted_byamount: int, step: int) -> int:\n    return amount + step\n",
        "_by(amount: int,",
    ),
    # as elsewhere in the file
    ("xs = [3, 4]\nk = 1\nif xs[k] > 2:\n    k = 0\nif xs[k > 3:\n    k = 1\n", "if xs[k] > 3:"),
    ("d = {}\nd.get({3, 4}, {5})\nd.get({6, 7, {8})\n", "d.get({6, 7}, {8})"),
    # doubled, or of another kind
    ("x = [1]\nprint(sum(x)))\n", "print(sum(x))\n"),
    ("x = [1]\nfor i in range((len(x)):\n    print(i)\n", "range(len(x)):"),
    ("x = [3]\nprint{x)\n", "print(x)"),
    ("def f{a):\n    return a\n", "def f(a):"),
    ("x = [1]\ny = sorted[x)\n", "y = sorted(x)"),
    ("import os\n\nos.remove('a']\n", "os.remove('a')"),
    # lost at the end of what it holds
    ("def f(a: int, b: int -> int:\n    return a + b\n", "b: int) -> int:"),
    ("from enum import IntEnum\n\n\nclass Colour(IntEnum:\n    RED = 1\n", "Colour(IntEnum):"),
    ("def f(\n    a: int,\n    b: int,\n -> int:\n    return a + b\n", ") -> int:"),
    ("class A:\n    def f(self):\n        return super(.f()\n", "super().f()"),
    ("import sys\n\nsys.stdout.write'hello')\n", "write('hello')"),
    ("row = {'a': 1}\nprint(row['a'])\nx = row'a']\n", "x = row['a']"),
]
QUOTES = [
    ('names = ["a", "b, "c"]\n', '["a", "b", "c"]'),
    ('print("Total:, max([1]))\n', 'print("Total:", max([1]))'),
    ("x = \"left'\n", 'x = "left"'),
    ("y = 'a'\nx = ['b', c']\nprint(y, x)\n", "['b', 'c']"),
    ('a = "x.y"\nb = a.split("., 1)\n', 'a.split(".", 1)'),
    ('vowels = aeiou"\n', 'vowels = "aeiou"'),
    ("command = ['run', \"-m', 'all']\n", "['run', \"-m\", 'all']"),
    ('mode = "r"\nif mode == w":\n    print(mode)\n', 'mode == "w":'),
]
OPERATORS = [
    ("is-open = False\n", "is_open = False"),
    ("class A:\n    max-size: int = 3\n", "max_size: int = 3"),
    ("x = [1‚ 2]\n", "x = [1, 2]"),
    ("print('\\\\x%.2w' % 10)\n", "%.2x"),
    ("def f(a) => int:\n    return a\n", "def f(a) -> int:"),
    ("def f(a) - list[int]:\n    return a\n", "def f(a) -> list[int]:"),
    ("def f(\n    a,\n) => int:\n    return a\n", ") -> int:"),
    ("low = 1\nhigh = 4\nmiddle = (low + high) / / 2\n", "(low + high) // 2"),
    ("x = 1\nx + = 2\n", "x += 2"),
    ("class A(dict):\n    def f(self):\n        return super() f(1)\n", "super().f(1)"),
    ("line = ' a'\nprint(line.strip())\nprint(line strip())\n", "print(line.strip())\n"),
    ("def f():\n    a b = 1, 2\n    return a + b\n", "a, b = 1, 2"),
    ("def f(a: int,, b: int):\n    return a + b\n", "def f(a: int, b: int):"),
    ("name = * 'Sun'\n", "name = 'Sun'"),
    ("key = 2\nx = [1]\nif x[0] < key:\n    key = 1\nif x[0] ==\n    key = 3\n", "if x[0] == key:"),
    ("x = 1\nassert abs(x) = 1\n", "assert abs(x) == 1"),
    ("table = {\n    'a': dict(x=1).\n    'b': dict(x=2),\n}\n", "'a': dict(x=1),"),
    ("def f(x):\n    return x\n\n\ny = [\n    f(1)\n    f(2),\n]\n", "    f(1),\n"),
]
NAMES = [
    (
        "import re\n\nprint(re.compile('a'))\nfound = re,findall('a', 'aa')\n",
        "re.findall('a', 'aa')",
    ),
    ("stock = {}\nprint(sum(stock,values()))\n", "sum(stock.values())"),
    ("def f(key):\n    return key\n\n\nf(key==1)\n", "f(key=1)"),
    ("class A(dict):\n    def f(self):\n        _check()\n", "self._check()"),
    ("class A(dict):\n    def f(self):\n        self,update({})\n", "self.update({})"),
    ("class A:\n    def run(self):\n        self.x = 1\n        selfrun()\n", "self.run()"),
    (
        "class A:\n    def _go(self):\n        self._go()\n        self_go()\n",
        "        self._go()\n        self._go()",
    ),
    (
        "class A(B):\n    def f(self):\n        fail('x')\n\n\n".replace("(B)", "(dict)"),
        "self.fail('x')",
    ),
    ("row = {'size': 1}\nprint(row['size'])\nx = row[size]\n", "x = row['size']"),
    ("table = dict()\ntable['id'] = 1\nx = table.get(colour)\n", "table.get('colour')"),
    (
        "import os\n\nprint(os.path.join('a', 'b'))\nos.path.join('x', pages)\n",
        "join('x', 'pages')",
    ),
]


@pytest.mark.parametrize(("text", "wanted"), [*BRACKETS, *QUOTES, *OPERATORS, *NAMES])
def test_the_first_fix_is_the_one_that_is_meant(text, wanted):
    fixed = first_fix(text)

    assert wanted in fixed, fixed


@pytest.mark.parametrize(
    "text",
    [
        "kind = 1\nprint(kind)\nfetch_everything(kind)\n",  # like nothing here
        "rows = [1]\nprint(rows)\nprint(colour)\n",  # no text stands beside it
        "x = [1]\ny =\n",  # what was to be assigned is gone
    ],
)
def test_nothing_is_shown_where_nothing_says_what_is_meant(text):
    assert first_fix(text) == ""


def test_names_that_are_only_a_little_alike_are_no_fix():
    text = "import_map = {}\n\n\ndef f(data_path):\n    return data_path, mode_map, import_map\n"

    assert "import_map, import_map" not in first_fix(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('name = "a"\nprint(f"(name}.x")\n', 'f"{name}.x"'),
        ('name = "a"\nprint(f"{name!}.x")\n', 'f"{name}.x"'),
        ('name = "a"\nprint(f"x(y={name!r))")\n', 'f"x(y={name!r})"'),
    ],
)
def test_fields_of_f_strings(text, wanted):
    assert wanted in first_fix(text)


def test_the_examples_in_the_text_hold():
    assert doctest.testmod(seen).failed == 0
