"""Files with more than one bug, as they are while somebody learns or types: one after the other."""

from __future__ import annotations

from pathlib import Path

from whetstone import diagnose
from whetstone.evidence import Baseline, prove
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings

BROKEN = """\
import re
import argparse


class Shop(dict):
    def __init__(self, rows):
        self.rows = rows

    def add(self, price: int) => int:
        return price

    def show(self):
        For key in self:
            print(key)


def words(text):
    found = re,findall(r"\\w+", text)
    return sorted[set(found))


def main():
    parser = argparse.ArgumentParserdescription="Shop")
    parser.add_argument("--all", action=store_true)
    args = parser.parse_args()
    print("Total:, words(args.text))
    if args.all
        print(args)
"""
MENDED = """\
import re
import argparse


class Shop(dict):
    def __init__(self, rows):
        self.rows = rows

    def add(self, price: int) -> int:
        return price

    def show(self):
        for key in self:
            print(key)


def words(text):
    found = re.findall(r"\\w+", text)
    return sorted(set(found))


def main():
    parser = argparse.ArgumentParser(description="Shop")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    print("Total:", words(args.text))
    if args.all:
        print(args)
"""


def fixed_one_by_one(text: str) -> str:
    """The text after the first fix of its first problem, again and again."""
    fixer = Fixer(None, Settings())
    for _ in range(20):
        document = Document(text=text, path=Path("module.py"))
        found = diagnose.find(document)
        shown = fixer.propose(document, found[0]).candidates if found else ()
        if not shown:
            return text
        text = shown[0].new_text
    raise AssertionError(f"it goes on and on:\n{text}")


def test_a_file_with_eight_bugs_is_mended_fix_by_fix():
    assert fixed_one_by_one(BROKEN) == MENDED


def evidence(text: str, line: int, new: str):
    """What is proved when line `line` of `text` becomes `new`."""
    from whetstone import context

    document = Document(text=text, path=Path("module.py"))
    problem = context.build_problem(document, diagnose.find(document)[0])
    lines = text.splitlines(keepends=True)
    lines[line] = new
    return prove(document, problem, "".join(lines), Baseline.of(document, problem))


TWO = "def f(a) => int:\n    return a\n\n\nprint('a)\n"


def test_an_error_above_is_no_reason_to_refuse_what_mends_the_one_below():
    found = evidence(TWO, 4, "print('a')\n")

    assert found.shown
    assert [check.passed for check in found.checks[1:]] == [None, True, None]
    assert "line 1" in found.checks[1].detail


def test_nor_to_accept_what_does_not():
    assert not evidence(TWO, 4, "print('a'\n").shown
    assert not evidence(TWO, 4, "print 'a'\n").shown
    assert not evidence(TWO, 4, "print('a' b)\n").shown


def test_what_masking_itself_breaks_is_not_taken_for_another_error():
    text = "x = [\n    1,\n    'a,\n    3,\n]\n"

    assert evidence(text, 2, "    'a',\n").complete
    assert not evidence(text, 2, "    'a' 3 4,\n").shown


def test_errors_above_and_below_are_both_waited_for():
    text = f"{TWO}\n\nif x\n    pass\n"

    assert evidence(text, 4, "print('a')\n").shown
    assert not evidence(text, 4, "print 'a'\n").shown
