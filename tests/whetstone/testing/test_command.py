"""A test command judges many texts of a file at once, where it is a pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from whetstone.problem import Document
from whetstone.sandbox import Limits
from whetstone.testing.command import CommandJudge

from .conftest import CART, FIXED

TESTS = """\
import unittest

from cart import total


class TestTotal(unittest.TestCase):
    def test_large(self):
        self.assertEqual(total([(100, 2)]), 180)
"""
PYTEST = [sys.executable, "-m", "pytest", "-q", "test_totals.py"]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="many versions at once need fork")


def judge(root: Path, command: list[str], text: str = CART) -> CommandJudge:
    (root / "test_totals.py").write_text(TESTS)
    document = Document(text=text, path=root / "cart.py")
    return CommandJudge(document, command, root, Limits(timeout_s=60.0))


@forks
def test_pytest_judges_many_texts_in_one_run(cart: Path) -> None:
    judged = judge(cart, PYTEST)

    assert judged.passing([CART, FIXED, "def"]) == [False, True, False]
    assert judged(FIXED).passed
    assert not judged(CART).passed
    assert (cart / "cart.py").read_text() == CART


@forks
def test_the_other_texts_are_versions_of_what_the_editor_holds(cart: Path) -> None:
    (cart / "conftest.py").write_text(
        "import pathlib\n\n\ndef pytest_sessionfinish():\n"
        "    assert 'held' in pathlib.Path('cart.py').read_text()\n"
    )
    judged = judge(cart, PYTEST, CART + "# held\n")

    assert judged.passing([FIXED + "# held\n"]) == [True]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "unittest", "test_totals"],
        [sys.executable, "-c", "print('no test at all')"],
        [*PYTEST, "-p", "xdist", "-n", "2"],
    ],
    ids=["unittest", "none", "xdist"],
)
def test_other_commands_run_for_one_text_after_the_other(
    cart: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    judged = judge(cart, command)

    assert judged.passing([CART, FIXED]) is None
    assert judged.passing([CART, FIXED]) is None  # and is not run again to find out
