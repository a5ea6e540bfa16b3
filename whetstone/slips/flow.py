"""Whole statements: a lost word before them, the wrong level, another keyword, none at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Function, Statement

_ERRORS = ("KeyError", "IndexError", "ValueError", "TypeError", "AttributeError", "LookupError",
           "ZeroDivisionError", "OSError", "StopIteration", "Exception")  # fmt: skip
# Methods that give a new value and leave the old one, and those that do the reverse.
_GIVE = frozenset({"replace", "strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize",
                   "casefold", "union", "difference", "intersection", "format", "zfill",
                   "removeprefix", "removesuffix", "with_suffix", "astimezone"})  # fmt: skip
_CHANGE = frozenset({"sort", "reverse", "append", "extend", "insert", "update", "add", "remove",
                     "clear", "shuffle", "setdefault"})  # fmt: skip


def edits(statement: Statement) -> Iterator[Edit]:
    yield from _handlers(statement)
    node = statement.node
    if node is None:
        return
    whole = (len(_margin(statement)), len(statement.text))
    match node:
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.Expr(value=value):
            yield from _expression(statement, value, whole)
        case ast.Return(value=value) if value is not None and statement.holds(value):
            yield from _returned(statement, node, value)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if statement.holds(value):
            yield from _assigned(statement, name, value, whole)
        case ast.Break():
            yield from (Edit(c, *whole, word) for c, word in ((1.5, "continue"), (2.5, "return")))
        case ast.Continue():
            yield from (Edit(c, *whole, word) for c, word in ((1.5, "break"), (2.5, "pass")))
        case ast.Pass():
            yield from (Edit(2.0, *whole, word) for word in ("continue", "break", "return"))
        case ast.If() | ast.While():
            yield from _branch(statement, node)
    if isinstance(statement.function, ast.AsyncFunctionDef):
        yield from _awaited(statement)
    if not isinstance(node, Function | ast.ClassDef) and statement.holds(node):
        yield from _moved(statement, node)
        yield from _declared(statement, node)
        yield Edit(2.8, *whole, "pass")


def _margin(statement: Statement) -> str:
    return statement.text[: len(statement.text) - len(statement.text.lstrip())]


def _expression(statement: Statement, value: ast.expr, whole: tuple[int, int]) -> Iterator[Edit]:
    text = statement.text.strip()
    match value:
        case ast.Yield(value=given) if given is not None:
            yield Edit(2.0, *whole, f"yield from {statement.source(given)}")
            yield Edit(2.6, *whole, f"return {statement.source(given)}")
            return
        case ast.YieldFrom(value=given):
            yield Edit(2.0, *whole, f"yield {statement.source(given)}")
            return
        case ast.Call(func=ast.Name(id=name)) if name.endswith(("Error", "Exception")):
            yield Edit(1.0, *whole, f"raise {text}")
        case ast.Call(func=ast.Name(id="sorted"), args=[ast.Name(id=name), *_]):
            yield Edit(1.0, *whole, f"{name} = {text}")
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
            if method in _GIVE:
                yield Edit(1.0, *whole, f"{name} = {text}")
        case _:
            pass
    yield Edit(1.6, *whole, f"return {text}")
    yield Edit(2.6, *whole, f"yield {text}")
    if isinstance(value, ast.Call) and statement.function is not None:
        yield Edit(2.4, *whole, f"yield from {text}")


def _returned(statement: Statement, node: ast.Return, value: ast.expr) -> Iterator[Edit]:
    text = statement.source(value)
    at = (statement.begin(node), statement.begin(value))
    yield Edit(2.4, *at, "yield ")
    yield Edit(2.4, *at, "yield from ")
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr="sort"), args=[]):
            yield statement.put(1.0, value, f"sorted({statement.source(owner)})")
        case ast.Call(func=ast.Attribute(value=owner, attr="reverse"), args=[]):
            yield statement.put(1.0, value, f"{statement.source(owner)}[::-1]")
        case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _CHANGE:
            margin = _margin(statement)
            yield statement.put(1.2, node, f"{text}\n{margin}return {statement.source(owner)}")
        case _:
            pass
    if not isinstance(value, ast.Constant):
        for cost, constant in (
            (3.2, "None"),
            (3.2, "[]"),
            (3.2, "0"),
            (3.2, "True"),
            (3.2, "False"),
        ):
            yield statement.put(cost, value, constant)
    for place, name in enumerate(statement.names[:4]):
        if name != text:
            yield statement.put(2.8 + 0.1 * place, value, name)


def _assigned(
    statement: Statement, name: str, value: ast.expr, whole: tuple[int, int]
) -> Iterator[Edit]:
    text = statement.source(value)
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr="sort"), args=[]):
            yield statement.put(1.0, value, f"sorted({statement.source(owner)})")
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)):
            if method in _CHANGE and owner == name:
                yield Edit(1.0, *whole, text)
        case _:
            pass
    yield Edit(3.0, *whole, f"return {text}")


def _branch(statement: Statement, node: ast.stmt) -> Iterator[Edit]:
    match = re.match(r"\s*(if|elif|while)\b", statement.text)
    if match is None:
        return
    before = _before(statement, node)
    follows = isinstance(before, ast.If) and not before.orelse
    others = {"if": ["while"], "elif": ["if"], "while": ["if"]}[match[1]]
    if getattr(node, "orelse", []):  # of another kind, or none of a loop
        others = []
    if match[1] == "if" and follows:
        others = [*others, "elif"]
    for other in others:
        yield Edit(2.2, *match.span(1), other)


def _before(statement: Statement, node: ast.stmt) -> ast.stmt | None:
    """The statement before `node` in the same block."""
    parent = statement.parent(node)
    for block in ("body", "orelse", "finalbody"):
        siblings = getattr(parent, block, [])
        if node in siblings[1:]:
            found: ast.stmt = siblings[siblings.index(node) - 1]
            return found
    return None


def _handlers(statement: Statement) -> Iterator[Edit]:
    for node in statement.of(ast.ExceptHandler):
        caught = getattr(node, "type", None)
        if isinstance(caught, ast.Name) and statement.holds(caught):
            for other in _ERRORS:
                if other != caught.id:
                    yield statement.put(2.4, caught, other)
                    if other != "Exception":
                        yield statement.put(2.8, caught, f"({caught.id}, {other})")


def _awaited(statement: Statement) -> Iterator[Edit]:
    for node in statement.of(ast.Call, ast.Await):
        if isinstance(node, ast.Await):
            yield statement.put(2.8, node, statement.source(node.value))
        elif not isinstance(statement.parent(node), ast.Await):
            inner = isinstance(statement.parent(node), ast.Attribute | ast.Subscript | ast.BinOp)
            text = f"await {statement.source(node)}"
            yield statement.put(1.4, node, f"({text})" if inner else text)


def _moved(statement: Statement, node: ast.stmt) -> Iterator[Edit]:
    """The statement at the level of the block around its own, and one level further in."""
    margin = _margin(statement)
    levels = {line[: len(line) - len(line.lstrip())] for line in statement.above if line.strip()}
    outer = max((level for level in levels if len(level) < len(margin)), key=len, default="")
    parent = statement.parent(node)
    body = getattr(parent, "body", [])
    inside = not isinstance(parent, Function | ast.ClassDef | ast.Try)
    last = len(body) > 1 and body[-1] is node and not getattr(parent, "orelse", [])
    if outer and inside and last:
        yield Edit(1.8, 0, len(statement.text), _at_level(statement, outer))
    above = next((line for line in reversed(statement.above) if line.strip()), "")
    deeper = above[: len(above) - len(above.lstrip())]
    if len(deeper) > len(margin):
        yield Edit(2.0, 0, len(statement.text), _at_level(statement, deeper))


def _at_level(statement: Statement, level: str) -> str:
    cut = len(_margin(statement))
    return "\n".join(level + line[cut:] if line.strip() else line for line in statement.lines)


def _declared(statement: Statement, node: ast.stmt) -> Iterator[Edit]:
    """`nonlocal` or `global` for what is bound outside and changed here."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        name = node.target.id
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
    else:
        return
    margin = _margin(statement)
    for word in ("nonlocal", "global"):
        yield Edit(2.2, 0, 0, f"{margin}{word} {name}\n")
