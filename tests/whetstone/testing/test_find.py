from __future__ import annotations

from pathlib import PurePath

import pytest

from whetstone.testing.find import find_tests, is_test_file

TEXT = """\
import unittest, pytest

def helper(): ...

def test_one():
    def test_inner(): ...

@pytest.mark.parametrize("n", [1])
async def test_two(n):
    assert n

class TestCart:
    def setup_method(self): ...
    def test_total(self): ...
    class TestInner:
        def test_deep(self): ...

class Cases(unittest.TestCase):
    def test_a(self): ...

class Plain:
    def test_not_collected(self): ...

if True:
    def test_three(): ...
"""


def test_functions_methods_and_unittest_cases_are_found() -> None:
    assert [(test.name, test.line) for test in find_tests(TEXT)] == [
        ("test_one", 4), ("test_two", 8), ("TestCart::test_total", 13),
        ("TestCart::TestInner::test_deep", 15), ("Cases::test_a", 18), ("test_three", 24),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["def test(:", "\0", "(" * 10_000])
def test_text_that_does_not_parse_has_no_tests(text: str) -> None:
    assert find_tests(text) == []


def test_test_files_go_by_their_names() -> None:
    names = ["test_a.py", "a_test.py", "tests.py", "conftest.py", "attest.py", "test_a.txt"]
    assert [is_test_file(PurePath(name)) for name in names] == [True, True, True] + [False] * 3


def test_assertions_are_counted() -> None:
    text = (
        "def test_one():\n    assert f() == 1\n\n\n"
        "def test_two():\n    with pytest.raises(ValueError):\n        f()\n    assert f()\n\n\n"
        "class TestIt(TestCase):\n    def test_three(self):\n        self.assertEqual(1, 1)\n\n\n"
        "def test_none():\n    f()\n"
    )

    assert [each.assertions for each in find_tests(text)] == [1, 2, 1, 0]
