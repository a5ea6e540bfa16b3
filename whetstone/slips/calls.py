"""Calls: a neighbour of what was meant, an argument more or less, a lost conversion."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whetstone.slips.statement import Edit, Statement

# Functions and methods that are taken for one another, with the cost of each exchange.
_TAKEN: tuple[tuple[float, str], ...] = (
    (1.3, "min max"), (1.3, "any all"), (1.5, "append extend"), (1.8, "remove discard"),
    (1.8, "keys values items"), (2.0, "lower upper"), (2.2, "lower casefold"),
    (2.0, "startswith endswith"), (2.0, "find rfind"), (2.2, "index rindex"), (2.2, "find index"),
    (2.0, "strip lstrip rstrip"), (2.2, "append add"), (2.2, "add update"), (2.0, "pop popleft"),
    (2.0, "append appendleft"), (2.0, "isdigit isdecimal isnumeric"), (2.2, "isalpha isalnum"),
    (2.0, "islower isupper"), (2.6, "isalpha isdigit isspace"),
    (2.0, "floor ceil"), (2.0, "int round"), (2.2, "int float"), (2.4, "sorted reversed"),
    (2.6, "list set"), (2.6, "list tuple"), (2.2, "union intersection difference"),
    (1.8, "weekday isoweekday"), (2.2, "title capitalize"), (2.6, "sum len"), (2.6, "sum max"),
    (2.4, "split rsplit"), (2.4, "partition rpartition"), (2.2, "get setdefault"),
    (2.2, "split splitlines"), (2.4, "str repr"), (2.4, "isinstance issubclass"),
    (2.2, "zip zip_longest"), (2.4, "search match fullmatch"), (2.4, "now utcnow"),
    (2.2, "permutations combinations"), (2.4, "ljust rjust center"),
    (2.2, "bisect_left bisect_right"),
    (2.2, "heappush heappop"), (2.6, "next iter"), (2.4, "range enumerate"),
    (2.4, "insert append"),
)  # fmt: skip
_FIELDS: tuple[tuple[float, str], ...] = (
    (1.4, "seconds total_seconds()"), (2.2, "days seconds"), (2.6, "day month year"),
    (2.6, "hour minute second"), (2.4, "name value"), (2.4, "left right"), (2.4, "start stop"),
    (2.6, "first last"), (2.6, "prev next"),
)  # fmt: skip
_WRAPPERS = frozenset({"abs", "int", "str", "float", "len", "list", "set", "sorted", "tuple",
                       "reversed", "round", "sum", "dict", "bool", "max", "min"})  # fmt: skip
_NO_WRAP = ast.Starred | ast.GeneratorExp | ast.Constant | ast.JoinedStr | ast.Lambda


def edits(statement: Statement) -> Iterator[Edit]:
    for node in statement.nodes:
        match node:
            case ast.Call():
                yield from _other_name(statement, node)
                yield from _unwrapped(statement, node)
                yield from _arguments(statement, node)
            case ast.Attribute(ctx=ast.Load()):
                yield from _field(statement, node)
            case ast.Subscript(ctx=ast.Load(), slice=index) if not isinstance(index, ast.Slice):
                owner, key = statement.source(node.value), statement.source(index)
                yield statement.put(2.8, node, f"{owner}.get({key}, 0)")
                yield statement.put(3.2, node, f"{owner}.get({key})")
        if isinstance(node, ast.expr):
            yield from _converted(statement, node)


def _other_name(statement: Statement, node: ast.Call) -> Iterator[Edit]:
    function = node.func
    if not isinstance(function, ast.Name | ast.Attribute):
        return
    name = function.id if isinstance(function, ast.Name) else function.attr
    begin = statement.end(function) - len(name)
    for cost, family in _TAKEN:
        words = family.split()
        if name in words:
            for other in words:
                if other != name:
                    yield Edit(cost, begin, statement.end(function), other)


def _field(statement: Statement, node: ast.Attribute) -> Iterator[Edit]:
    parent = statement.parent(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    if not called:
        yield Edit(2.4, statement.end(node), statement.end(node), "()")
    for cost, family in _FIELDS:
        words = family.split()
        if node.attr in words and not called:
            for other in words:
                if other != node.attr:
                    begin = statement.end(node) - len(node.attr)
                    yield Edit(cost, begin, statement.end(node), other)


def _unwrapped(statement: Statement, node: ast.Call) -> Iterator[Edit]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[only], keywords=[]) if name in _WRAPPERS:
            yield statement.put(2.4, node, statement.source(only))
        case ast.Call(func=ast.Attribute(value=owner), args=args) if len(args) <= 1:
            yield statement.put(3.0, node, statement.source(owner))
        case ast.Call(args=[first, *_]):
            yield statement.put(3.4, node, statement.source(first))
        case _:
            pass


def _arguments(statement: Statement, node: ast.Call) -> Iterator[Edit]:
    close = statement.end(node) - 1
    for keyword in node.keywords:
        begin = statement.begin(keyword)
        before = statement.text[:begin].rstrip()
        if before.endswith(","):
            yield Edit(2.6, len(before) - 1, statement.end(keyword), "")
    if any(keyword.arg is None for keyword in node.keywords):
        return
    named = {keyword.arg for keyword in node.keywords}
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    first = statement.source(node.args[0]) if node.args else ""
    match name, len(node.args):
        case ("sorted", 1) | ("sort", 0):
            comma = ", " if node.args or node.keywords else ""
            if "reverse" not in named:
                yield Edit(2.0, close, close, f"{comma}reverse=True")
            if "key" not in named:
                yield Edit(2.8, close, close, f"{comma}key=len")
                yield Edit(2.8, close, close, f"{comma}key=str.lower")
        case ("max" | "min", 1) if "default" not in named:
            yield Edit(2.6, close, close, ", default=0")
        case ("range", 1):
            yield statement.put(2.0, node, f"range(1, {first})")
            yield statement.put(2.0, node, f"range(1, {first} + 1)")
            yield statement.put(2.6, node, f"range({first} - 1, -1, -1)")
        case ("range", 2):
            second = statement.source(node.args[1])
            yield statement.put(2.4, node, f"range({second})")
            yield statement.put(2.8, node, f"range({first}, {second}, -1)")
            yield statement.put(2.8, node, f"range({second}, {first}, -1)")
        case ("enumerate", 1) if not named:
            yield Edit(2.0, close, close, ", 1")
        case ("get", 1):
            for default in ("0", "[]", '""', "False"):
                yield Edit(2.6, close, close, f", {default}")
        case ("pop", 1):
            yield Edit(2.6, close, close, ", None")
        case ("pop", 0):
            yield Edit(2.0, close, close, "0")
        case ("split", 0):
            yield Edit(2.2, close, close, '" "')
            yield Edit(2.2, close, close, '","')
        case ("round", 1):
            yield Edit(2.4, close, close, ", 2")
        case ("replace", 2):
            yield Edit(2.8, close, close, ", 1")
        case ("sum", 1):
            yield Edit(3.0, close, close, ", []")
    if name in ("split", "strip", "pop") and len(node.args) == 1:
        yield statement.put(2.0, node.args[0], "")


def _both_sides(statement: Statement, node: ast.Compare) -> Iterator[Edit]:
    """What is alike in another form, as sets of characters or words without capitals are."""
    left, right = node.left, node.comparators[0]
    between = statement.text[statement.end(left) : statement.begin(right)]
    one, other = statement.source(left), statement.source(right)
    for cost, name in ((2.8, "set"), (2.8, "sorted"), (3.2, "len"), (3.2, "abs")):
        yield statement.put(cost, node, f"{name}({one}){between}{name}({other})")
    one, other = statement.wrapped(left, node), statement.wrapped(right, node)
    yield statement.put(3.0, node, f"{one}.lower(){between}{other}.lower()")


def _converted(statement: Statement, node: ast.expr) -> Iterator[Edit]:
    """A conversion that was left out."""
    parent = statement.parent(node)
    if isinstance(node, _NO_WRAP) or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    text = statement.source(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield statement.put(2.0, node, f"abs({text})")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield statement.put(2.4, node, f"int({text})")
        yield statement.put(2.6, node, f"round({text})")
    match parent:
        case ast.Return() | ast.Assign():
            for cost, name in ((2.8, "sorted"), (2.8, "list"), (3.0, "len"), (3.2, "set"),
                               (3.2, "int"), (3.2, "str"), (3.4, "tuple"), (3.4, "abs"),
                               (3.4, "sum"), (3.4, "bool")):  # fmt: skip
                yield statement.put(cost, node, f"{name}({text})")
            if isinstance(parent, ast.Return):
                yield statement.put(3.2, node, f"{statement.wrapped(node, parent)}[::-1]")
        case ast.For(iter=of) | ast.comprehension(iter=of) if of is node:
            for cost, name in (
                (2.4, "sorted"),
                (2.6, "reversed"),
                (3.0, "set"),
                (3.0, "enumerate"),
            ):
                yield statement.put(cost, node, f"{name}({text})")
            owner = statement.wrapped(node, parent)
            yield statement.put(2.8, node, f"{owner}[1:]")
            yield statement.put(2.8, node, f"{owner}[:-1]")
            yield statement.put(2.8, node, f"{owner}[::-1]")
            yield statement.put(2.8, node, f"{owner}.items()")
            yield statement.put(3.0, node, f"range({text})")
        case ast.Compare():
            for cost, name in ((2.6, "len"), (2.8, "abs"), (3.0, "int"), (3.0, "str"), (3.2, "set"),
                               (3.2, "sorted")):  # fmt: skip
                yield statement.put(cost, node, f"{name}({text})")
            yield statement.put(3.0, node, f"{statement.wrapped(node, parent)}.lower()")
            if node is parent.left and len(parent.comparators) == 1:
                yield from _both_sides(statement, parent)
        case ast.BinOp() | ast.AugAssign() if not isinstance(node, ast.BinOp):
            for cost, name in (
                (2.6, "int"),
                (2.6, "str"),
                (2.8, "len"),
                (2.8, "abs"),
                (3.2, "ord"),
            ):
                yield statement.put(cost, node, f"{name}({text})")
        case ast.Call() if node in parent.args:
            for cost, name in ((3.0, "str"), (3.0, "int"), (3.0, "set"), (3.0, "len"),
                               (3.2, "list"), (3.2, "sorted"), (3.4, "tuple")):  # fmt: skip
                yield statement.put(cost, node, f"{name}({text})")
            for method in ("lower", "encode", "strip"):
                yield statement.put(3.4, node, f"{statement.wrapped(node, parent)}.{method}()")
        case _:
            pass
