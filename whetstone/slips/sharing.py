"""One object where there should be several, and what can be gone through only once.

Aliases, rows made by multiplication, names that a lambda reads too late, iterators, floats that
are nearly equal.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Statement

_MUTABLE = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.Call
_ONCE = frozenset({"map", "filter", "zip", "reversed", "iter", "enumerate"})
_NAMED = ast.Name | ast.Attribute | ast.Subscript


def edits(statement: Statement) -> Iterator[Edit]:
    for node in statement.nodes:
        match node:
            case ast.BinOp(left=ast.List(elts=[element]), op=ast.Mult(), right=times):
                if not isinstance(element, ast.Constant):
                    yield statement.put(1.0, node, _rows(statement, element, times))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="dict"), attr="fromkeys"),
                args=[keys, value],
            ) if isinstance(value, _MUTABLE):
                text = f"{{key: {statement.source(value)} for key in {statement.source(keys)}}}"
                yield statement.put(1.0, node, text)
            case ast.Lambda():
                yield from _early(statement, node)
            case ast.GeneratorExp():
                yield from _kept(statement, node)
            case ast.Call(func=ast.Name(id=name)) if name in _ONCE:
                if isinstance(statement.parent(node), ast.Assign | ast.Return | ast.keyword):
                    yield statement.put(1.6, node, f"list({statement.source(node)})")
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                yield from _nearly(statement, node, left, right)
            case ast.For(iter=items) if statement.holds(items):
                yield statement.put(1.8, items, f"list({statement.source(items)})")
        if isinstance(node, _NAMED) and isinstance(node.ctx, ast.Load):
            yield from _copied(statement, node)


def _rows(statement: Statement, element: ast.expr, times: ast.expr) -> str:
    return f"[{statement.source(element)} for _ in range({statement.source(times)})]"


def _early(statement: Statement, node: ast.Lambda) -> Iterator[Edit]:
    """`lambda: f(x)` with `x=x`, so that each has its own."""
    taken = {argument.arg for argument in node.args.args}
    used = {part.id for part in ast.walk(node.body) if isinstance(part, ast.Name)}
    bound = [name for name in statement.names if name in used - taken]
    if not bound or node.args.vararg or node.args.kwarg or node.args.defaults:
        return
    for names in dict.fromkeys([tuple(bound), *((name,) for name in bound)]):
        begin, body = statement.begin(node) + len("lambda"), statement.begin(node.body)
        head = statement.text[begin:body].strip().removesuffix(":").strip()
        parts = [*([head] if head else []), *(f"{name}={name}" for name in names)]
        yield Edit(1.2, begin, body, f" {', '.join(parts)}: ")


def _kept(statement: Statement, node: ast.GeneratorExp) -> Iterator[Edit]:
    """A list, which can be gone through again."""
    text = statement.source(node)
    if text.startswith("(") and text.endswith(")"):
        parent = statement.parent(node)
        if not isinstance(parent, ast.Call) or len(parent.args) > 1:
            yield statement.put(1.5, node, f"[{text[1:-1]}]")
            yield statement.put(3.0, node, f"{{{text[1:-1]}}}")


def _nearly(
    statement: Statement, node: ast.Compare, left: ast.expr, right: ast.expr
) -> Iterator[Edit]:
    one, other = statement.source(left), statement.source(right)
    if isinstance(right, ast.Constant) and not isinstance(right.value, float):
        return
    if "isclose" in statement.modules:
        yield statement.put(2.4, node, f"isclose({one}, {other})")
    elif "math" in statement.modules:
        yield statement.put(2.4, node, f"math.isclose({one}, {other})")
    else:
        yield statement.put(2.8, node, f"abs({one} - ({other})) < 1e-9")


def _copied(statement: Statement, node: ast.expr) -> Iterator[Edit]:
    """A copy, where something is stored, given out or handed on."""
    parent, text = statement.parent(node), statement.source(node)
    match parent:
        case ast.Assign() | ast.Return() | ast.AnnAssign() | ast.Dict() | ast.Yield():
            cost = 2.0
        case ast.Call(func=ast.Attribute(attr="append" | "add" | "insert" | "extend")):
            cost = 1.8
        case ast.Call() | ast.keyword() | ast.Tuple() | ast.List():
            cost = 2.8
        case _:
            return
    if isinstance(parent, ast.Call) and node not in parent.args:
        return
    if "deepcopy" in statement.modules:
        yield statement.put(cost, node, f"deepcopy({text})")
    elif "copy" in statement.modules:
        yield statement.put(cost, node, f"copy.deepcopy({text})")
    yield statement.put(cost, node, f"{text}.copy()")
    yield statement.put(cost + 0.4, node, f"list({text})")
    yield statement.put(cost + 0.8, node, f"dict({text})")
    yield statement.put(cost + 0.8, node, f"[row[:] for row in {text}]")
