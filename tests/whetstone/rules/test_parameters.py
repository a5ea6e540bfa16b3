"""Parameters of a definition, and findings that have one answer."""

from __future__ import annotations

import pytest
from by_rules import first_fix, fixes


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("def f((a, b)):\n    return a + b", "def f(a, b):\n    return a + b"),
        ("def f(x, (a, b)):\n    return x, a, b", "def f(x, a, b):\n    return x, a, b"),
        ("f = sorted([], key=lambda (a, b): b)", "f = sorted([], key=lambda a, b: b)"),
        # Parameters are mostly used in their order.
        ("def f(b, b):\n    return a + b", "def f(a, b):\n    return a + b"),
        ("def f(a, a):\n    return a + b", "def f(a, b):\n    return a + b"),
        (
            "def f(a, a: int, c=1):\n    return a + b + c",
            "def f(a, b: int, c=1):\n    return a + b + c",
        ),
        (
            "def g(k, b):\n    return k, b\n\n\ndef f(a, a):\n    return a + b",
            "def g(k, b):\n    return k, b\n\n\ndef f(a, b):\n    return a + b",
        ),
    ],
)
def test_the_signature_is_put_right(wrong, right):
    assert first_fix(f"{wrong}\n") == f"{right}\n"


def test_both_places_are_offered():
    found = fixes("def f(a, a):\n    return a + b\n")

    assert found[1] == "def f(b, a):\n    return a + b\n"


def test_a_name_of_the_module_is_no_lost_parameter():
    text = "import os\n\nk = 1\n\n\ndef f(a, a):\n    return a, k, os, len\n"

    assert first_fix(text) == text.replace("a, a", "a")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (
            "class A:\n    def f(self):\n        self.flush\n        self.n = 1",
            "class A:\n    def f(self):\n        self.flush()\n        self.n = 1",
        ),
        ("def f(q):\n    q.start\n    return q", "def f(q):\n    q.start()\n    return q"),
        ("x = 3\nprint(type(x) == int)", "x = 3\nprint(isinstance(x, int))"),
    ],
)
def test_a_finding_has_one_answer(wrong, right):
    assert first_fix(f"{wrong}\n") == f"{right}\n"
    assert not any("return self" in fix or "return q.start" in fix for fix in fixes(f"{wrong}\n"))
