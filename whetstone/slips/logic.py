"""Conditions: the other connective, a lost `not`, a test for None, another grouping."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Statement

_Test = ast.If | ast.While | ast.IfExp | ast.Assert


def edits(statement: Statement) -> Iterator[Edit]:
    for node in statement.nodes:
        match node:
            case ast.BoolOp():
                yield from _connected(statement, node)
                yield from _regrouped(statement, node)
            case ast.BinOp():
                yield from _grouped(statement, node)
            case ast.If() | ast.While() | ast.Assert() | ast.IfExp():
                if statement.holds(node.test):
                    yield from _tested(statement, node.test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from _tested(statement, test)
        if isinstance(node, ast.IfExp):
            body, orelse = statement.source(node.body), statement.source(node.orelse)
            yield statement.put(2.2, node, f"{orelse} if {statement.source(node.test)} else {body}")
            yield statement.put(3.0, node, body)
            yield statement.put(3.0, node, orelse)
        value = node.value if isinstance(node, ast.Return) and statement.holds(node) else None
        if isinstance(value, ast.Compare | ast.BoolOp | ast.Call | ast.Name):
            yield statement.put(2.6, value, f"not {statement.wrapped(value, node)}")


def _connected(statement: Statement, node: ast.BoolOp) -> Iterator[Edit]:
    is_and = isinstance(node.op, ast.And)
    word, other = ("and", "or") if is_and else ("or", "and")
    sources = [statement.source(value) for value in node.values]
    nested = any(isinstance(value, ast.BoolOp) for value in node.values)
    if not nested:
        yield statement.put(1.5, node, f" {other} ".join(sources))
    for number in range(len(sources)):
        left = [source for place, source in enumerate(sources) if place != number]
        yield statement.put(2.6, node, f" {word} ".join(left))
    if not is_and and len(sources) == 2:  # `value or default`: 0 and "" are no values there
        first, second = sources
        if isinstance(node.values[0], ast.Name | ast.Attribute):
            yield statement.put(1.8, node, f"{second} if {first} is None else {first}")


def _regrouped(statement: Statement, node: ast.BoolOp) -> Iterator[Edit]:
    """`a or b and c` as `(a or b) and c`, and the other way round."""
    if len(node.values) != 2:
        return
    first, second = node.values
    outer = "and" if isinstance(node.op, ast.And) else "or"
    for inner, is_left in ((first, True), (second, False)):
        if isinstance(inner, ast.BoolOp) and len(inner.values) == 2:
            word = "and" if isinstance(inner.op, ast.And) else "or"
            a, b = (statement.source(value) for value in inner.values)
            if is_left:
                text = f"{a} {word} ({b} {outer} {statement.source(second)})"
            else:
                text = f"({statement.source(first)} {outer} {a}) {word} {b}"
            yield statement.put(2.0, node, text)


def _grouped(statement: Statement, node: ast.BinOp) -> Iterator[Edit]:
    """`a + b / c` as `(a + b) / c`, and `(a + b) / c` as `a + b / c`."""
    match node:
        case ast.BinOp(right=ast.BinOp() as inner):
            between = statement.text[statement.end(node.left) : statement.begin(inner)]
            left, middle = statement.source(node.left), statement.source(inner.left)
            rest = statement.text[statement.end(inner.left) : statement.end(inner)]
            symbol = between.strip().rstrip("(").strip()
            yield statement.put(2.2, node, f"({left} {symbol} {middle}){rest}")
        case _:
            pass
    match node:
        case ast.BinOp(left=ast.BinOp() as inner):
            head = statement.text[statement.begin(inner) : statement.begin(inner.right)]
            middle = statement.source(inner.right)
            symbol = statement.text[statement.end(inner) : statement.begin(node.right)]
            symbol = symbol.strip().lstrip(")").strip()
            right = statement.source(node.right)
            yield statement.put(2.2, node, f"{head}({middle} {symbol} {right})")
        case _:
            pass


def _tested(statement: Statement, test: ast.expr) -> Iterator[Edit]:
    text = statement.source(test)
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name() | ast.Attribute() as value):
            yield statement.put(1.8, test, f"{statement.source(value)} is None")
        case ast.Name() | ast.Attribute():
            yield statement.put(1.8, test, f"{text} is not None")
            yield statement.put(2.0, test, f"not {text}")
        case ast.Compare():
            pass  # its operator changes
        case ast.UnaryOp():
            pass
        case _:
            yield statement.put(2.0, test, f"not {statement.wrapped(test, statement.parent(test))}")
