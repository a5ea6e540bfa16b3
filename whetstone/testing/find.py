"""The tests of a file, from its syntax tree: nothing is imported or run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePath

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTest:
    """`name` is what follows the file in a node id: `TestCart::test_total`. `line` is 0-based.

    `assertions` counts those in its own body: `assert`, `self.assertEqual(...)`, `raises(...)`.
    """

    name: str
    line: int
    assertions: int = 0


def is_test_file(path: PurePath) -> bool:
    """By pytest's and unittest's names."""
    return path.suffix == ".py" and (path.name.startswith("test") or path.stem.endswith("_test"))


def find_tests(text: str) -> list[FoundTest]:
    """Test functions, and the test methods of classes; [] while the text does not parse.

    A parametrised test is found once: its node id without brackets runs all of them.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[FoundTest] = []
    _collect(tree.body, "", found)
    return found


def _collect(body: list[ast.stmt], prefix: str, found: list[FoundTest]) -> None:
    for node in body:
        if isinstance(node, _Function) and node.name.startswith("test"):
            count = sum(map(_asserts, ast.walk(node)))
            found.append(FoundTest(name=prefix + node.name, line=node.lineno - 1, assertions=count))
        elif isinstance(node, ast.ClassDef) and _holds_tests(node):
            _collect(node.body, f"{prefix}{node.name}::", found)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            _collect(node.body, prefix, found)  # `if sys.platform == ...`: around tests


def _asserts(node: ast.AST) -> bool:
    match node:
        case ast.Assert():
            return True
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name.startswith(("assert", "fail")) or name == "raises"
        case _:
            return False


def _holds_tests(node: ast.ClassDef) -> bool:
    if node.name.startswith("Test"):
        return True
    bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
             for base in node.bases]  # fmt: skip
    return any(base.endswith("TestCase") for base in bases)
