"""Words of other languages."""

from __future__ import annotations

import pytest
from by_rules import first_fix


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("import {path, sep} from 'os'", "from os import path, sep"),
        ("import { tool } from './near/by'", "from .near.by import tool"),
        ("import { tool } from '../by'", "from ..by import tool"),
        ("import path from os", "from os import path"),
        ("import * as json from 'json'", "import json as json"),
        ("from os import { path, sep }", "from os import path, sep"),
        ("require 'json'", "import json"),
        ("using json;", "import json"),
        ("def f(int a, String b):\n    return a, b", "def f(a, b):\n    return a, b"),
        ("def f(List<int> a):\n    return a", "def f(a):\n    return a"),
        ("a = 1\nprint(isinstance(var a, int))", "a = 1\nprint(isinstance(a, int))"),
        ("class A:\n    void f(self):\n        pass", "class A:\n    def f(self):\n        pass"),
        ("public def f(a):\n    return a", "def f(a):\n    return a"),
        ("public static int f(a) {\n    return a", "def f(a):\n    return a"),
        ("private int size = 3", "size = 3"),
        ("echo 'a'", "print('a')"),
        ("puts 'a'", "print('a')"),
        ("for each i in (1, 2):\n    print(i)", "for i in (1, 2):\n    print(i)"),
        ("foreach i in (1, 2):\n    print(i)", "for i in (1, 2):\n    print(i)"),
        ("for (var i of [1, 2]) {\n    print(i)", "for i in [1, 2]:\n    print(i)"),
        ("for i, j from [(1, 2)]:\n    print(i, j)", "for i, j in [(1, 2)]:\n    print(i, j)"),
        ("a = 1\nif a & & a:\n    a = 2", "a = 1\nif a and a:\n    a = 2"),
        ("a = 1\nif (a && !a) {\n    a = 2", "a = 1\nif (a and not a):\n    a = 2"),
        ("a = 1\nunless a or a:\n    a = 2", "a = 1\nif not (a or a):\n    a = 2"),
        ("a = 1\nuntil a:\n    a = 2", "a = 1\nwhile not a:\n    a = 2"),
        ("a = 1\nif a !in [1]:\n    a = 2", "a = 1\nif a not in [1]:\n    a = 2"),
        ("try:\n    print()\n} finally {\n    print()", "try:\n    print()\nfinally:\n    print()"),
        (
            "try:\n    print()\ncatch (OSError e) {\n    print(e)",
            "try:\n    print()\nexcept OSError as e:\n    print(e)",
        ),
        ("def f(a) -> null;:\n    print(a)", "def f(a) -> None:\n    print(a)"),
        ("a = {...{'b': 1}, 'c': 2}", "a = {**{'b': 1}, 'c': 2}"),
        ("b = [1]\na = [...b, 2]", "b = [1]\na = [*b, 2]"),
    ],
)
def test_the_line_is_said_in_python(wrong, right):
    assert first_fix(f"{wrong}\n") == f"{right}\n"


def test_text_keeps_its_signs():
    text = "a = 'x && y' && 'z || w'\n"

    assert first_fix(text) == "a = 'x && y' and 'z || w'\n"


def test_a_name_that_the_broken_line_binds_may_wait_for_its_use():
    assert first_fix("def f():\n    size = max(1 2)\n") == "def f():\n    size = max(1, 2)\n"
    assert first_fix("from os import path,\n") == "from os import path\n"


def test_a_word_put_in_front_is_not_taken_for_a_target():
    assert "retrun = " not in first_fix("def f():\n    size = 1\n    retrun size\n")
