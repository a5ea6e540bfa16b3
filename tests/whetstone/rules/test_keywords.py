"""Keywords that are misspelt, capitalised, doubled or left out."""

from __future__ import annotations

import pytest
from by_rules import first_fix, fixes

from whetstone import diagnose, rules
from whetstone.problem import Document


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = [1]\nFor i in x:\n    print(i)\n", "For i in x:", ),
        ("x = [1]\nofr i in x:\n    print(i)\n", "ofr i in x:"),
        ("x = [1]\nfoh i in x:\n    print(i)\n", "foh i in x:"),
    ],
)  # fmt: skip
def test_a_loop_is_recognised(text, line):
    assert first_fix(text) == text.replace(line, "for i in x:")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("dfe area(w):\n    return w", "def area(w):\n    return w"),
        ("de area(w):\n    return w", "def area(w):\n    return w"),
        ("lcass Shop:\n    size = 1", "class Shop:\n    size = 1"),
        ("form os import path", "from os import path"),
        ("from os importimport path", "from os import path"),
        ("a = 1\nif a And a:\n    a = 2", "a = 1\nif a and a:\n    a = 2"),
        ("a = 1\nif a is not not None:\n    a = 2", "a = 1\nif a is not None:\n    a = 2"),
        ("x = [n fro n in (1, 2)]", "x = [n for n in (1, 2)]"),
        ("x = (\n    abs(1)\n    oor abs(2)\n)", "x = (\n    abs(1)\n    or abs(2)\n)"),
        ("def f():\n    Return -1", "def f():\n    return -1"),
        ("def f():\n    retrun(1)", "def f():\n    return (1)"),
        ("for i in (1, 2):\n    Break", "for i in (1, 2):\n    break"),
        ("for i in (1, 2):\n    contineu", "for i in (1, 2):\n    continue"),
        ("x = (\n    abs(1) annd\n    abs(2)\n)", "x = (\n    abs(1) and\n    abs(2)\n)"),
        ("if print():\n    x = 1\nele:\n    x = 2", "if print():\n    x = 1\nelse:\n    x = 2"),
        ("x = sorted([], key=lmabda y: -y)", "x = sorted([], key=lambda y: -y)"),
        ("from os Import *", "from os import *"),
        ("whilewhile print():\n    pass", "while print():\n    pass"),
    ],
)
def test_a_slip_in_a_keyword_is_corrected(wrong, right):
    assert first_fix(f"{wrong}\n") == f"{right}\n"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("area(w, h=2):\n    return w * h", "def area(w, h=2):\n    return w * h"),
        (
            "class A:\n    size(self) -> int:\n        return 1",
            "class A:\n    def size(self) -> int:\n        return 1",
        ),
        ("Shop(dict):\n    size = 1", "class Shop(dict):\n    size = 1"),
        (
            "x = 3\n\n\ndef f():\n    callable(x):\n        return 1",
            "x = 3\n\n\ndef f():\n    if callable(x):\n        return 1",
        ),
        (".near import one", "from .near import one"),
        ("os.path import join", "from os.path import join"),
        ("from os.path join, split", "from os.path import join, split"),
        ("import json j", "import json as j"),
        ("with open('a') f:\n    print(f)", "with open('a') as f:\n    print(f)"),
        (
            "try:\n    print()\nexcept ValueError e:\n    print(e)",
            "try:\n    print()\nexcept ValueError as e:\n    print(e)",
        ),
        ("x = 2\nx > 1:\n    print(x)", "x = 2\nif x > 1:\n    print(x)"),
        ("i in range(3):\n    print(i)", "for i in range(3):\n    print(i)"),
        ("print(sum(i * 2 i in range(3)))", "print(sum(i * 2 for i in range(3)))"),
        ("x = 2\nif x not None:\n    x = 1", "x = 2\nif x is not None:\n    x = 1"),
        ("x = 2\nif x not (1, 3):\n    x = 1", "x = 2\nif x not in (1, 3):\n    x = 1"),
        ("x = 2\nif x None:\n    x = 1", "x = 2\nif x is None:\n    x = 1"),
        ("os.path\n\nprint(os.path.sep)", "import os.path\n\nprint(os.path.sep)"),
        (
            "import json\nxml.dom\nimport xml.sax\n\nprint(json, xml.dom, xml.sax)",
            "import json\nimport xml.dom\nimport xml.sax\n\nprint(json, xml.dom, xml.sax)",
        ),
    ],
)
def test_a_lost_keyword_is_put_back(wrong, right):
    assert first_fix(f"{wrong}\n") == f"{right}\n"


def test_a_name_between_a_name_and_a_bracket_is_no_operator():
    text = "lines = [1]\nno = 2\nprint(lines no (1))\n"

    assert not any("not" in fix or " or " in fix for fix in fixes(text))


def test_words_in_strings_and_comments_are_left_alone():
    document = Document(text="x = 'a And b' y  # c And d\n")

    assert rules.hints(document, diagnose.find(document)[0]) == ()


def test_a_call_without_a_block_below_is_no_definition():
    assert not any("def " in fix for fix in fixes("x = 1\nprint(x):\nx = 2\n"))
