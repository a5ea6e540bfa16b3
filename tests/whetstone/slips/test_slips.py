"""What could have been meant by a line that runs."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

import whetstone
from whetstone import context, edit, slips
from whetstone.problem import Diagnostic, Document, Replacement, Span


def proposed(text: str, row: int) -> list[str]:
    """The flagged lines as each proposal has them."""
    return ["\n".join(each.lines) for each in replacements(text, row)[1]]


def replacements(text: str, row: int):
    document = Document(text=text, path=Path("module.py"))
    diagnostic = Diagnostic(
        source="test", code="AssertionError", message="assert 1 == 2",
        span=Span(start_line=row, end_line=row, end_column=99),
    )  # fmt: skip
    problem = context.build_problem(document, diagnostic)
    return problem, slips.propose(document, problem)


# Each: what stands there and what was meant, both inside of `def f(a, b, items, key=None):`.
MEANT = [
    ("return a < b", "return a <= b"),
    ("return a == b", "return a != b"),
    ("return a is 5", "return a == 5"),
    ("return a in b", "return a not in b"),
    ("return a if a else b", "return b if a else a"),
    ("return a - b", "return b - a"),
    ("return a - b", "return abs(a - b)"),
    ("return a / b", "return a // b"),
    ("return a + b / 2", "return (a + b) / 2"),
    ("return a - b + 1", "return a - (b + 1)"),
    ("return a + 1", "return a"),
    ("return -a", "return a"),
    ("return items[a]", "return items[a + 1]"),
    ("return items[a]", "return items[a - 1]"),
    ("return items[0]", "return items[-1]"),
    ("return items[1:a]", "return items[1:a + 1]"),
    ("return items[a:b]", "return items[b:a]"),
    ("return items[a]", "return items.get(a, 0)"),
    ("return range(a)", "return range(a + 1)"),
    ("return range(a)", "return range(1, a)"),
    ("return a and b", "return a or b"),
    ("return a and b or key", "return a and (b or key)"),
    ("return key or 5", "return 5 if key is None else key"),
    ("return max(a, b)", "return min(a, b)"),
    ("return sorted(items)", "return sorted(items, reverse=True)"),
    ("return f(a, b)", "return f(b, a)"),
    ("return a, b", "return b, a"),
    ("return a", "return b"),
    ("return items.sort()", "return sorted(items)"),
    ("return items.append(a)", "items.append(a)\n    return items"),
    ("return [[]] * a", "return [[] for _ in range(a)]"),
    ("return dict.fromkeys(items, [])", "return {key: [] for key in items}"),
    ("return (x for x in items)", "return [x for x in items]"),
    ("return map(str, items)", "return list(map(str, items))"),
    ("return items", "return items.copy()"),
    ("return a == b * 0.1", "return abs(a - (b * 0.1)) < 1e-9"),
    ("return lambda: a + b", "return lambda a=a, b=b: a + b"),
    ("return True", "return False"),
    ("return b.seconds", "return b.total_seconds()"),
    ("return b.strip", "return b.strip()"),
    ("return int(a)", "return a"),
    ("items = items.append(a)", "items.append(a)"),
    ("a.replace('x', 'y')", "a = a.replace('x', 'y')"),
    ("ValueError(a)", "raise ValueError(a)"),
    ("f(a, b)", "return f(a, b)"),
    ("f(a, b)", "pass"),
    ("yield items", "yield from items"),
    ("a += b", "a -= b"),
    ("a += b", "a = b"),
    ("a = b", "a += b"),
    ("a = 3", "nonlocal a\n    a = 3"),
    ("return 'ä' + a[b]", "return 'ä' + a[b + 1]"),
]


@pytest.mark.parametrize(("there", "meant"), MEANT)
def test_what_was_meant_is_proposed(there, meant):
    text = f"def f(a, b, items, key=None):\n    {there}\n"

    assert f"    {meant}" in proposed(text, 1)


@pytest.mark.parametrize(
    ("text", "row", "meant"),
    [
        ("for x in a:\n    if x:\n        break\n", 2, "        continue"),
        ("for x in a:\n    if x:\n        f(x)\n        return x\n", 3, "    return x"),
        ("for x in a:\n    f(x)\nreturn x\n", 2, "    return x"),
        ("for x in a:\n    a.remove(x)\n", 0, "for x in list(a):"),
        ("for x in a:\n    f(x)\n", 0, "for x in reversed(a):"),
        ("if not a:\n    f(a)\n", 0, "if a is None:"),
        ("if a:\n    f(a)\n", 0, "if a is not None:"),
        ("if a > 1:\n    f(a)\nif b:\n    f(b)\n", 2, "elif b:"),
        ("while a:\n    f(a)\n", 0, "if a:"),
        ("while a < 3:\n    f(a)\n", 0, "while a <= 3:"),
        ("try:\n    f(a)\nexcept KeyError:\n    pass\n", 2, "except ValueError:"),
        ("total(\n    a,\n    b - 1,\n)\n", 2, "return total(\n    a,\n    b - 1,\n)"),
        ("total(\n    a,\n    b - 1,\n)\n", 0, "total(\n    a,\n    b,\n)"),
    ],
)
def test_statements_of_every_shape(text, row, meant):
    whole = "def f(a, b):\n" + textwrap.indent(text, "    ")

    assert textwrap.indent(meant, "    ") in proposed(whole, row + 1)


def test_in_a_coroutine_an_await_may_be_missing():
    text = "async def f(a):\n    x = load(a)\n    return load(a).name\n"

    assert "    x = await load(a)" in proposed(text, 1)
    assert "    return (await load(a)).name" in proposed(text, 2)


def test_attributes_of_the_class_are_names_too():
    text = (
        "class A:\n    def __init__(self, size):\n        self.size = size\n"
        "        self.left = 0\n\n    def f(self, left):\n        return self.size - left\n"
    )
    found = proposed(text, 6)

    assert "        return self.left - left" in found
    assert "        return self.size - self.left" in found


@pytest.mark.parametrize("text", ["def f(:\n    return 1\n", "\n\n", "# nothing\n", ""])
def test_nothing_where_there_is_no_statement(text):
    assert proposed(text, 0) == []


def test_a_statement_of_enormous_length_is_left_alone():
    assert proposed(f"x = [{'a + ' * 2000}1]\n", 0) == []


SOURCES = sorted(Path(whetstone.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_proposal_for_real_code_parses_and_changes_something(path):
    text = path.read_text(encoding="utf-8")
    document = Document(text=text, path=path)
    rows = range(0, len(document.lines()), 9)
    for row in rows:
        problem, found = replacements(text, row)
        assert len(found) == len(set(found)) <= slips.MOST
        assert Replacement(kind="replace", lines=problem.flagged) not in found
        for each in found[:12]:
            ast.parse(edit.apply(text, edit.edits_for(document, problem.region, each)))
