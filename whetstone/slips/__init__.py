"""The small slips that a failing test finds: what could have been meant by a line that runs.

    statement.py  the lines, their syntax tree, and the text of each part of it
    values.py     operators, comparisons, numbers, slices
    logic.py      conditions and groups
    names.py      the wrong name of several, things in the wrong order
    calls.py      functions taken for one another, arguments, conversions
    sharing.py    aliases, late binding, what can be gone through once, nearly equal floats
    flow.py       whole statements: `return`, `await`, levels, keywords

No message says what is wrong there, so each is tried: the test decides, and the model's likelihood
among those that pass. Common slips come first.
"""

from __future__ import annotations

import ast

from whetstone.problem import Document, Problem, Replacement
from whetstone.slips import calls, flow, logic, names, sharing, values
from whetstone.slips.statement import Edit, Statement

MOST = 120  # for one statement
_LONGEST = 2_000  # characters

__all__ = ["MOST", "propose"]


def propose(document: Document, problem: Problem) -> list[Replacement]:
    """Other versions of the flagged lines, the commonest slips first; all of them parse.

    Nothing when the file does not parse or the lines hold no statement.
    """
    text = "\n".join(problem.flagged)
    if len(text) > _LONGEST:
        return []
    try:
        statement = Statement(document, problem)
    except (SyntaxError, ValueError, RecursionError):
        return []
    edits = sorted(_edits(statement), key=lambda edit: edit.cost)
    found: dict[str, None] = {}
    for edit in edits:
        new = text[: edit.begin] + edit.text + text[edit.end :]
        if new != text and new not in found and _sensible(new):
            found[new] = None
        if len(found) == MOST:
            break
    return [Replacement(kind="replace", lines=tuple(new.split("\n"))) for new in found]


def _edits(statement: Statement) -> list[Edit]:
    modules = (values, logic, names, calls, sharing, flow)
    return [edit for module in modules for edit in module.edits(statement)]


def _sensible(text: str) -> bool:
    """Is this a statement, or the head of one, at some level, that somebody could have meant?"""
    margin = text[: len(text) - len(text.lstrip())]
    body = text.lstrip()
    before = ""
    if body.startswith(("elif", "else")):
        before = f"{margin}if x:\n{margin} pass\n"
    elif body.startswith(("except", "finally")):
        before = f"{margin}try:\n{margin} pass\n"
    for behind in ("", f"\n{margin} pass"):
        try:
            tree = ast.parse(f"async def f():\n while x:\n{_in(before + text + behind)}")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return not any(map(_says_nothing, ast.walk(tree)))
    return False


def _says_nothing(node: ast.AST) -> bool:
    """`a < a` and `-0`."""
    match node:
        case ast.Compare(left=left, comparators=[right]):
            return ast.dump(left) == ast.dump(right)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=0)):
            return True
        case _:
            return False


def _in(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))
