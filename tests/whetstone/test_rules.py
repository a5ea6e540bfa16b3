"""Rules: what they propose first, and what they leave alone."""

from __future__ import annotations

import random

import pytest

from whetstone import context, diagnose, rules
from whetstone.problem import Document, Replacement
from whetstone.rules import names
from whetstone.rules.imports import importable


def first(text: str) -> Replacement:
    document = Document(text=text)
    diagnostic = diagnose.find(document)[0]
    return rules.propose(document, context.build_problem(document, diagnostic))[0]


def replace(*lines: str) -> Replacement:
    return Replacement(kind="replace", lines=lines)


def add(line: str) -> Replacement:
    return Replacement(kind="import", lines=(line,))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def f(length):\n    return lenght\n", replace("    return length")),
        ("x = null\n", replace("x = None")),
        ("x = [true]\n", replace("x = [True]")),
        ("prnit('a')\n", replace("print('a')")),
        (
            "class A:\n    def f(self):\n        self.n = 1\n        return n\n",
            replace("        return self.n"),
        ),
        (
            "class A:\n    def g(self):\n        pass\n\n    def f(self):\n        g()\n",
            replace("        self.g()"),
        ),
        ("class A:\n    def f(self):\n        return this\n", replace("        return self")),
        ("x = json.loads('1')\n", add("import json")),
        ("d = defaultdict(int)\n", add("from collections import defaultdict")),
        ("p = Path('a')\n", add("from pathlib import Path")),
        ("n = datetime.now()\n", add("from datetime import datetime")),
        ("n = datetime.timedelta(1)\n", add("import datetime")),
        ("t = time.sleep(1)\n", add("import time")),
        ("def f(x):\n    return x == None\n", replace("    return x is None")),
        ("x = f'abc'\n", replace("x = 'abc'")),
        ("import os\nx = 1\n", replace()),
    ],
)
def test_names_imports_and_lint(text, wanted):
    assert first(text) == wanted


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(x)\n    return x\n", "def f(x):"),
        ("def f(x)  # why\n    return x\n", "def f(x):  # why"),
        ("x = 1\nif x = 2:\n    pass\n", "if x == 2:"),
        ("print 'a'\n", "print('a')"),
        ("x = 'abc\n", "x = 'abc'"),
        ("x = (1 + 2\n", "x = (1 + 2)"),
        ("x = 1)\n", "x = 1"),
        ("x = [1, 2)\n", "x = [1, 2]"),
        ("def f(x):\n    retrun x\n", "    return x"),
        ("x = 1\nwhlie x:\n    pass\n", "while x:"),
        ("x = 1\nif x && x:\n    pass\n", "if x and x:"),
        ("x = 1\nx++\n", "x += 1"),
        ("function f(x):\n    pass\n", "def f(x):"),
        ("def f():\nreturn 1\n", "    return 1"),
        ("x = 1\n    y = 2\n", "y = 2"),
        ("try:\n    x = 1\nexcept OSError, e:\n    pass\n", "except OSError as e:"),
        ("x = [1 2]\n", "x = [1, 2]"),
        ("var x = 1\n", "x = 1"),
        ("x = 'hello, \" + x\n", "x = 'hello, ' + x"),
    ],
)
def test_syntax_rules_offer_the_right_line(text, line):
    document = Document(text=text)
    diagnostic = diagnose.find(document)[0]
    proposals = rules.propose(document, context.build_problem(document, diagnostic))

    assert replace(line) in proposals


def test_text_inside_strings_is_not_translated():
    document = Document(text="x = 'a && b' y\n")
    diagnostic = diagnose.find(document)[0]

    assert not any("&&" in hint for hint in rules.hints(document, diagnostic))


def test_hints_say_what_to_put_for_what():
    document = Document(text="def f(length):\n    return lenght\n")

    assert rules.hints(document, diagnose.find(document)[0])[0] == "lenght -> length"


def test_names_of_another_function_are_not_visible():
    document = Document(
        text="def f(total):\n    return total\n\n\ndef g(cost):\n    return totle\n"
    )
    problem = context.build_problem(document, diagnose.find(document)[0])

    assert replace("    return total") not in rules.propose(document, problem)


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("AttributeError: 'list' object has no attribute 'push'", "append"),
        ("AttributeError: 'str' object has no attribute 'toLowerCase'", "lower"),
        ("AttributeError: 'Cart' object has no attribute 'totl'. Did you mean: 'total'?", "total"),
    ],
)
def test_wrong_attributes_of_a_traceback(message, right):
    wrong = message.split("'")[3]
    document = Document(text=f"x.{wrong}(1)\n")
    diagnostic = diagnose.Diagnostic(
        source="traceback",
        code="AttributeError",
        message=message,
        span=diagnose.Span(start_line=0, end_line=0),
    )
    problem = context.build_problem(document, diagnostic)

    assert rules.propose(document, problem)[0] == replace(f"x.{right}(1)")


@pytest.mark.parametrize(
    "message",
    ['"lenght" is not defined', 'Name "lenght" is not defined', "undefined name 'lenght'"],
)
def test_the_words_of_pyright_mypy_and_pyflakes_are_understood(message):
    document = Document(text="def f(length):\n    return lenght\n")
    span = diagnose.Span(start_line=1, start_column=11, end_line=1, end_column=17)
    diagnostic = diagnose.Diagnostic(source="Pyright", code="x", message=message, span=span)
    problem = context.build_problem(document, diagnostic)

    assert rules.propose(document, problem)[0] == replace("    return length")


def test_a_missing_operator_is_not_taken_for_a_missing_comma():
    document = Document(text="x = 3 / (1 kept)\n")
    problem = context.build_problem(document, diagnose.find(document)[0])

    assert replace("x = 3 / (1, kept)") not in rules.propose(document, problem)


@pytest.mark.parametrize(
    ("line", "exists"),
    [
        ("import json", True),
        ("import hadle", False),
        ("import xml.etree.ElementTree as ET", True),
        ("from collections.abc import Mapping", True),
        ("from collections.abc import datclass", False),
        ("from . import anything", True),
        ("from django.db import models", True),  # the document imports from django already
        ("import flask_that_is_not_here", False),
        ("x = 1", True),
    ],
)
def test_imports_of_what_does_not_exist_are_told_apart(line, exists):
    document = Document(text="from django.http import HttpResponse\n")

    assert importable(document, line) is exists


def test_names_that_are_left_out_of_the_comparison_would_not_have_been_used() -> None:
    rng = random.Random(0)
    letters = "abcdeEF_1"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(4000)]
    for wrong, name in zip(words[::2], words[1::2], strict=True):
        if not names._may_be_close(wrong, name):
            assert names._likeness(wrong, name) + 0.03 < names._CLOSE_ENOUGH
