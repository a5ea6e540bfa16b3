"""The wrong name of several that are at hand, and things in the wrong order."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Statement

_MOST = 6  # other names for one place
_LONGEST_CALL = 4  # arguments
_BRACKETS = "()[]{}<>"


def edits(statement: Statement) -> Iterator[Edit]:
    names, attributes = statement.names, statement.attributes
    for node in statement.nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in names:
                yield from _others(statement, node, names, 2.3)
                if name in attributes:
                    yield statement.put(2.2, node, f"self.{name}")
                yield from _lengths(statement, node, names)
            case ast.Name(id=name, ctx=ast.Store()) if name in names:
                yield from _others(statement, node, names, 3.6)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                if name in names:
                    yield statement.put(2.2, node, name)
                if name in attributes:
                    for place, other in enumerate(attributes[:_MOST]):
                        if other != name:
                            yield statement.put(2.6 + 0.1 * place, node, f"self.{other}")
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield from _fields(statement, node, owner, name)
            case ast.Constant(value=str() as value):
                yield from _texts(statement, node, value)
            case ast.Call(args=args) if 2 <= len(args) <= _LONGEST_CALL:
                yield from _swapped(statement, args, 2.2)
                yield from _left_out(statement, args, 3.2)
            case ast.Tuple(elts=elts) if 2 <= len(elts) <= _LONGEST_CALL:
                yield from _swapped(statement, elts, 2.6)


def _others(statement: Statement, node: ast.Name, names: list[str], cost: float) -> Iterator[Edit]:
    beside = _beside(statement, node)
    others = [name for name in names if name != node.id][:_MOST]
    for place, other in enumerate(others):
        if other not in beside:
            yield statement.put(cost + 0.1 * place, node, other)


def _beside(statement: Statement, node: ast.Name) -> list[str]:
    """What would stand on both sides: nobody means `a == a`, `a - a` or `a = a`."""
    match statement.parent(node):
        case ast.Compare(left=left, comparators=comparators):
            parts = [left, *comparators]
        case ast.BinOp(
            left=left, op=ast.Sub() | ast.Div() | ast.FloorDiv() | ast.Mod(), right=right
        ):
            parts = [left, right]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Assign(targets=targets, value=value) if statement.holds(value):
            parts = [*targets, value]
        case _:
            return []
    return [statement.source(part) for part in parts if part is not node]


def _lengths(statement: Statement, node: ast.Name, names: list[str]) -> Iterator[Edit]:
    """How many there are, for one of them."""
    if isinstance(statement.parent(node), ast.BinOp | ast.Compare | ast.Call | ast.Return):
        for place, other in enumerate(names[:_MOST]):
            yield statement.put(3.2 + 0.1 * place, node, f"len({other})")


def _texts(statement: Statement, node: ast.Constant, value: str) -> Iterator[Edit]:
    """Another text of the function, a bracket of another kind, a character more or less."""
    if isinstance(statement.parent(node), ast.JoinedStr | ast.Expr):
        return
    known = [
        part.value
        for part in ast.walk(statement.function or statement.tree)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    others = [other for other in dict.fromkeys(known) if len(other) <= 2 * len(value) + 2]
    pair = _BRACKETS.find(value) if len(value) == 1 else -1
    near = [_BRACKETS[pair ^ 1]] if pair >= 0 else []
    near += {"": [" ", "\n"], " ": ["", "\n"], "\n": ["", " "]}.get(value, [value[:-1], value[1:]])
    for place, other in enumerate(dict.fromkeys([*near, *others[:_MOST]])):
        if other != value:
            yield statement.put(2.8 + 0.1 * place, node, repr(other))


def _fields(statement: Statement, node: ast.Attribute, owner: str, name: str) -> Iterator[Edit]:
    """What else of the same thing the lines around use."""
    around = "\n".join((*statement.above, statement.text))
    known = re.findall(rf"\b{re.escape(owner)}\.(\w+)(?!\w*\()", around)
    for place, other in enumerate(dict.fromkeys(reversed(known))):
        if other != name and place < _MOST:
            yield Edit(3.0, statement.end(node.value) + 1, statement.end(node), other)


def _swapped(statement: Statement, parts: list[ast.expr], cost: float) -> Iterator[Edit]:
    for one, other in itertools.pairwise(parts):
        if ast.dump(one) != ast.dump(other):
            begin, end = statement.begin(one), statement.end(other)
            between = statement.text[statement.end(one) : statement.begin(other)]
            text = statement.source(other) + between + statement.source(one)
            yield Edit(cost, begin, end, text)


def _left_out(statement: Statement, parts: list[ast.expr], cost: float) -> Iterator[Edit]:
    """Without the last argument, and without the first."""
    yield Edit(cost, statement.end(parts[-2]), statement.end(parts[-1]), "")
    yield Edit(cost + 0.2, statement.begin(parts[0]), statement.begin(parts[1]), "")
