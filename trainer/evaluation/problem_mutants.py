"""Mutants of a program: one small change each, made on the syntax tree.

They measure tests: a test that no mutant fails says little about the program.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATOR: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_REMOVABLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A changed program; `line` is where the original was changed."""

    line: int
    change: str
    text: str


def mutants(program: str) -> list[Mutant]:
    """Every mutant of `program`, each text once, the program itself never."""
    tree = ast.parse(program)
    seen = {ast.unparse(tree)}
    found = []
    for parent, field, index in list(_slots(tree)):
        node = _get(parent, field, index)
        for change, other in _variants(node):
            _put(parent, field, index, other)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, index, node)
            if text not in seen:
                seen.add(text)
                found.append(Mutant(line=getattr(node, "lineno", 0), change=change, text=text))
    return found


def _slots(node: ast.AST, inside: bool = False) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Where a node hangs in the tree. Annotations, decorators and docstrings stay as they are.

    Outside of functions only values are changed: a removed class or constant tests nothing.
    """
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.expr_context):
                continue
            if inside or isinstance(child, ast.expr):
                yield node, field, index
            yield from _slots(child, inside)


def _get(parent: ast.AST, field: str, index: int | None) -> ast.AST:
    value = getattr(parent, field)
    node: ast.AST = value if index is None else value[index]
    return node


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.expr):
        yield from _expressions(node)


def _statements(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, _REMOVABLE) and not _is_docstring(node):
        yield "statement removed", ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None:
        yield "returns None", ast.Return(value=ast.Constant(None))
    if isinstance(node, ast.AugAssign) and type(node.op) in _OPERATOR:
        other = _OPERATOR[type(node.op)]()
        yield "operator", ast.AugAssign(target=node.target, op=other, value=node.value)
    if isinstance(node, ast.If):
        test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", ast.If(test=test, body=node.body, orelse=node.orelse)


def _expressions(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(left, [operator, *more], comparators):
            yield "comparison", ast.Compare(left, [_COMPARE[type(operator)](), *more], comparators)
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATOR:
            yield "operator", ast.BinOp(left, _OPERATOR[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield (
                "and/or",
                ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values),
            )
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield "sign or not removed", operand
        case ast.IfExp(test, body, orelse):
            yield "branches swapped", ast.IfExp(test, orelse, body)
        case ast.Constant(bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield "constant + 1", ast.Constant(value + 1)
            yield "constant - 1", ast.Constant(value - 1)
        case ast.Call(function, [first, second, *rest], keywords) if not any(
            isinstance(argument, ast.Starred) for argument in (first, second)
        ):
            yield "arguments swapped", ast.Call(function, [second, first, *rest], keywords)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
