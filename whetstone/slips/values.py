"""Operators, comparisons and numbers: one off, the wrong way round, or the other one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Statement

_COMPARED: dict[type[ast.cmpop], tuple[tuple[str, float], ...]] = {
    ast.Lt: (("<=", 1.0), (">", 2.0), (">=", 3.0)),
    ast.LtE: (("<", 1.0), (">=", 2.0), (">", 3.0)),
    ast.Gt: ((">=", 1.0), ("<", 2.0), ("<=", 3.0)),
    ast.GtE: ((">", 1.0), ("<=", 2.0), ("<", 3.0)),
    ast.Eq: (("!=", 2.0), ("<=", 3.0), (">=", 3.0)),
    ast.NotEq: (("==", 2.0), ("<", 3.0), (">", 3.0)),
    ast.Is: (("==", 1.5), ("is not", 2.0)),
    ast.IsNot: (("!=", 1.5), ("is", 2.0)),
    ast.In: (("not in", 2.0), ("==", 3.0)),
    ast.NotIn: (("in", 2.0),),
}
_SYMBOLS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: r"is\s+not", ast.In: "in", ast.NotIn: r"not\s+in",
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], tuple[tuple[str, float], ...]] = {
    ast.Add: (("-", 1.5), ("*", 2.8)),
    ast.Sub: (("+", 1.5), ("*", 3.0)),
    ast.Mult: (("/", 2.2), ("+", 2.5), ("**", 2.8), ("//", 3.0)),
    ast.Div: (("//", 1.2), ("*", 2.0), ("%", 3.0)),
    ast.FloorDiv: (("/", 1.2), ("%", 2.2), ("*", 2.8)),
    ast.Mod: (("//", 2.2), ("/", 2.8)),
    ast.Pow: (("*", 2.0),),
    ast.BitAnd: (("|", 1.8), ("^", 2.2)),
    ast.BitOr: (("&", 1.8), ("^", 2.2)),
    ast.BitXor: (("&", 1.8), ("|", 2.0), ("**", 2.2)),
    ast.LShift: ((">>", 1.8),),
    ast.RShift: (("<<", 1.8),),
}
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<",
    ast.RShift: ">>",
}  # fmt: skip
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_ONE_SIDED = ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow
_NO_NUMBER = (
    ast.Compare | ast.BoolOp | ast.Lambda | ast.IfExp | ast.Tuple | ast.List | ast.Dict | ast.Set
    | ast.Starred | ast.JoinedStr | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
    | ast.Await | ast.Yield
)  # fmt: skip
_LARGE = 10**6


def edits(statement: Statement) -> Iterator[Edit]:
    for node in statement.nodes:
        if not isinstance(node, ast.expr | ast.AugAssign | ast.Assign | ast.Slice):
            continue
        match node:
            case ast.Compare():
                yield from _compare(statement, node)
            case ast.BinOp():
                yield from _computed(statement, node)
            case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
                yield statement.put(1.8, node, statement.source(operand))
            case ast.AugAssign():
                yield from _augmented(statement, node)
            case ast.Assign(targets=[target]):
                yield from _added_up(statement, node, target)
            case ast.Constant(value=bool() as value):
                yield statement.put(1.2, node, str(not value))
            case ast.Constant(value=int() | float()):
                yield from _number(statement, node)
            case ast.Slice():
                yield from _slice(statement, node)
        if isinstance(node, ast.expr):
            yield from _one_off(statement, node)


def _between(statement: Statement, pattern: str, begin: int, end: int) -> tuple[int, int] | None:
    """Where an operator stands between its operands."""
    match = re.search(pattern, statement.text[begin:end])
    return (begin + match.start(), begin + match.end()) if match else None


def _compare(statement: Statement, node: ast.Compare) -> Iterator[Edit]:
    left: ast.expr = node.left
    for op, right in zip(node.ops, node.comparators, strict=True):
        at = _between(statement, _SYMBOLS[type(op)], statement.end(left), statement.begin(right))
        if at is not None:
            for other, cost in _COMPARED[type(op)]:
                yield Edit(cost, *at, other)
        left = right


def _computed(statement: Statement, node: ast.BinOp) -> Iterator[Edit]:
    symbol = _OPERATORS.get(type(node.op))
    if symbol is None:
        return
    left, right = statement.source(node.left), statement.source(node.right)
    between = statement.end(node.left), statement.begin(node.right)
    at = _between(statement, re.escape(symbol), *between)
    if at is None or (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)):
        return
    yield from _other_operator(node.op, at, "")
    if (
        isinstance(node.op, _ONE_SIDED)
        and statement.text[between[0] : between[1]].strip() == symbol
    ):
        operands = statement.wrapped(node.right, node), statement.wrapped(node.left, node)
        yield statement.put(2.2, node, f" {symbol} ".join(operands))
    yield statement.put(1.6 if isinstance(node.right, ast.Constant) else 3.0, node, left)
    yield statement.put(2.4 if isinstance(node.left, ast.Constant) else 3.2, node, right)


def _other_operator(operator: ast.operator, at: tuple[int, int], behind: str) -> Iterator[Edit]:
    near = dict(_COMPUTED.get(type(operator), ()))
    if type(operator) in _ARITHMETIC:
        near = {_OPERATORS[kind]: 3.2 for kind in _ARITHMETIC if kind is not type(operator)} | near
    for other, cost in near.items():
        yield Edit(cost, *at, other + behind)


def _augmented(statement: Statement, node: ast.AugAssign) -> Iterator[Edit]:
    symbol = _OPERATORS.get(type(node.op))
    if symbol is None:
        return
    at = _between(
        statement, re.escape(symbol + "="), statement.end(node.target), statement.begin(node.value)
    )
    if at is not None:
        yield from _other_operator(node.op, at, "=")
        yield Edit(2.0, *at, "=")
        yield Edit(3.0, *at, f"= -{statement.source(node.target)} {symbol}")


def _added_up(statement: Statement, node: ast.Assign, target: ast.expr) -> Iterator[Edit]:
    if not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        return
    at = _between(statement, "=", statement.end(target), statement.begin(node.value))
    if at is not None:
        yield Edit(2.2, *at, "+=")
        yield Edit(3.2, *at, "-=")


def _number(statement: Statement, node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _LARGE:
            yield statement.put(2.5, node, repr(value + 1))
            yield statement.put(2.5, node, repr(value - 1) if value >= 1 else repr(-value))
        return
    if not isinstance(value, int) or abs(value) > _LARGE:
        return
    signed = isinstance(statement.parent(node), ast.UnaryOp)
    yield statement.put(1.5, node, str(value + 1))
    if value > 0:
        yield statement.put(1.5, node, str(value - 1))
    elif not signed:
        yield statement.put(1.7, node, "-1")
    if value and not signed:
        yield statement.put(2.6, node, f"-{value}")
    if value == 0:
        yield statement.put(2.8, node, 'float("inf")')
        yield statement.put(2.8, node, 'float("-inf")')
    if value in (10, 100, 1000, 60, 24, 12, 365):
        for near in {10: (100, 2), 100: (1000, 10), 1000: (100,), 60: (3600, 24), 24: (12, 60),
                     12: (24,), 365: (366,)}[value]:  # fmt: skip
            yield statement.put(3.0, node, str(near))


def _slice(statement: Statement, node: ast.Slice) -> Iterator[Edit]:
    lower = "" if node.lower is None else statement.source(node.lower)
    upper = "" if node.upper is None else statement.source(node.upper)
    step = "" if node.step is None else ":" + statement.source(node.step)
    yield statement.put(2.4, node, f"{upper}:{lower}{step}")
    if lower and upper:
        yield statement.put(2.6, node, f"{lower}:{step}")
        yield statement.put(2.6, node, f":{upper}{step}")
    if not lower:
        yield statement.put(2.4, node, f"1:{upper}{step}")
    if not upper:
        yield statement.put(2.4, node, f"{lower}:-1{step}")
    if not step:
        yield statement.put(3.0, node, f"{lower}:{upper}:-1")


def _one_off(statement: Statement, node: ast.expr) -> Iterator[Edit]:
    """One more and one less, where a count, an index or a bound stands."""
    if isinstance(node, _NO_NUMBER) or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    if isinstance(node, ast.Constant | ast.UnaryOp):
        return
    text, parent = statement.source(node), statement.parent(node)
    match parent:
        case ast.Subscript(slice=index) if index is node:
            cost = 1.8
        case ast.Slice():
            cost = 1.8
        case ast.Call(func=ast.Name(id="range")) if node is not parent.func:
            cost = 1.6
        case ast.Compare():
            cost = 2.4
        case ast.Return() | ast.Assign() | ast.AugAssign():
            cost = 2.8
        case ast.Call() if node is not parent.func and node in parent.args:
            cost = 3.0
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod()):
            cost, text = 3.2, f"({text}"
            yield statement.put(cost, node, f"{text} + 1)")
            yield statement.put(cost, node, f"{text} - 1)")
            return
        case _:
            return
    yield statement.put(cost, node, f"{text} + 1")
    yield statement.put(cost, node, f"{text} - 1")
    if isinstance(parent, ast.Return):
        yield statement.put(3.2, node, f"-{statement.wrapped(node, parent)}")
