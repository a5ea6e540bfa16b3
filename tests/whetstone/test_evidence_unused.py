"""What is unused already is not held against a repair of a line that cannot be parsed."""

from __future__ import annotations

import pytest

from whetstone import context, diagnose, edit, evidence
from whetstone.evidence import Baseline
from whetstone.problem import Document, Replacement


def shown(text: str, *lines: str) -> bool:
    """Is the flagged line of `text`, with `lines` in its place, proved?"""
    document = Document(text=text)
    problem = context.build_problem(document, diagnose.find(document)[0])
    replacement = Replacement(kind="replace", lines=lines)
    new = edit.apply(text, edit.edits_for(document, problem.region, replacement))
    return evidence.prove(document, problem, new, Baseline.of(document, problem)).shown


def test_what_the_line_binds_may_wait_for_its_use():
    assert shown("def f():\n    size = max(1 2)\n", "    size = max(1, 2)")
    assert shown("from os import path,\n", "from os import path")


def test_a_new_name_may_not():
    text = "def f():\n    size = 1\n    retrun size\n"

    assert not shown(text, "    retrun = size")
    assert shown(text, "    return size")


@pytest.mark.parametrize(
    ("head", "use"),
    [
        ("from os import path", "path.sep"),
        ("import os.path", "os.sep"),
        ("import json as j", "j.dumps(1)"),
        ("from os import path as p", "p.sep"),
    ],
)
def test_an_import_that_loses_its_use_is_new(head, use):
    # Without the flagged line this file does not parse either: nothing else could tell.
    text = f"{head}\n\n\nclass A:\n    x = 1\n\n      y = {use}\n    z = 3\n"

    assert not shown(text, "    y = 2")
    assert shown(text, f"    y = {use}")


def test_an_import_that_the_line_does_not_mention_was_unused_before():
    assert shown("import json\n\n\nclass A:\n    x = 1\n\n      y = 2\n    z = 3\n", "    y = 2")
