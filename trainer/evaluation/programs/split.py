"""One test of many assertions becomes two: what a user has, and what tells whether a fix is right.

Every other statement that asserts, or that calls a test, is visible, the rest is hidden; all else
stands in both.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence


def halves(test: str, call: str = "") -> tuple[str, str]:
    """The two halves of `test`, as bodies of a test function; the same twice for one assertion.

    Args:
        test: statements, or a definition of `check(candidate)`.
        call: what `check` is called with; empty when `test` runs by itself.

    Raises:
        SyntaxError: `test` does not parse.
    """
    tree = ast.parse(test)
    body = _body(tree)
    asserting = [n for n, statement in enumerate(body) if _asserts(statement)]
    if len(asserting) < 2:
        chosen: Sequence[set[int]] = (set(asserting), set(asserting))
    else:
        chosen = (set(asserting[::2]), set(asserting[1::2]))
    found = []
    for half in chosen:
        kept = [s for n, s in enumerate(body) if n in half or n not in asserting]
        found.append(_text(tree, body, kept, call))
    return found[0], found[1]


def _body(tree: ast.Module) -> list[ast.stmt]:
    """Of the function `check` where there is one, else the module's."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "check":
            return statement.body
    return tree.body


def _asserts(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name.startswith("test"):
            return True
    return any(isinstance(node, ast.Assert) for node in ast.walk(statement))


def _text(tree: ast.Module, body: list[ast.stmt], kept: list[ast.stmt], call: str) -> str:
    whole = body[:]
    body[:] = kept or [ast.Pass()]
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
    finally:
        body[:] = whole
    return f"{text}\ncheck({call})" if call else text
