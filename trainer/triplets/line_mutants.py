"""Mutants that change one line of a program, in the program's own spelling.

Each is a slip that people make: an operator, a bound, a name, an argument order, a lost copy, a
line that is missing. Nothing is run here; most mutants fail the tests, and some are equivalent.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

Edit = tuple[str, ast.AST, str]  # kind, the node whose text is replaced, the new text

_COMPARE = {
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=",),
    "!=": ("==",), "is": ("is not",), "is not": ("is",), "in": ("not in",), "not in": ("in",),
}  # fmt: skip
_OPERATOR = {
    "+": ("-",), "-": ("+",), "*": ("+", "**"), "/": ("//", "*"), "//": ("/", "%"), "%": ("//",),
    "**": ("*",), "&": ("|",), "|": ("&",), "^": ("|",), "<<": (">>",), ">>": ("<<",),
}  # fmt: skip
_FUNCTIONS = {
    "min": "max", "max": "min", "any": "all", "all": "any", "append": "extend", "extend": "append",
    "keys": "values", "values": "keys", "items": "keys", "lower": "upper", "upper": "lower",
    "lstrip": "rstrip", "rstrip": "lstrip", "strip": "lstrip", "popleft": "pop",
    "appendleft": "append", "find": "rfind", "rfind": "find", "heappop": "heappush",
    "bisect_left": "bisect_right", "bisect_right": "bisect_left", "ceil": "floor",
    "floor": "ceil", "add": "discard", "startswith": "endswith", "endswith": "startswith",
}  # fmt: skip
_UNWRAPPED = frozenset({"list", "sorted", "set", "str", "int", "abs", "reversed", "tuple", "dict"})
_SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMutant:
    """Lines `row` to `row + len(flagged)` of the mutant should read `fixed`; rows are 0-based."""

    kind: str
    row: int
    flagged: tuple[str, ...]
    fixed: tuple[str, ...]
    text: str


def line_mutants(program: str) -> list[LineMutant]:
    """Every mutant of `program`, each text once; some do not compile. Raises SyntaxError."""
    lines = program.split("\n")
    found = {
        mutant.text: mutant
        for mutant in (
            *_in_line(program, lines), *_lost_lines(program, lines), *_moved(program, lines)
        )
        if mutant.text != program
    }  # fmt: skip
    return list(found.values())


def choose(mutants: Sequence[LineMutant], count: int, rng: Random) -> list[LineMutant]:
    """At most `count` that compile: kinds in turn, and where it can be two of each line.

    Two mutants of one line are near misses of each other's repair.
    """
    by_kind: dict[str, list[LineMutant]] = {}
    by_row: dict[int, list[LineMutant]] = {}
    for mutant in rng.sample(mutants, len(mutants)):
        by_kind.setdefault(mutant.kind, []).append(mutant)
        by_row.setdefault(mutant.row, []).append(mutant)
    kinds = rng.sample(sorted(by_kind), len(by_kind))
    chosen: dict[str, LineMutant] = {}
    while len(chosen) < count and any(by_kind.values()):
        for kind in kinds:
            if by_kind[kind] and len(chosen) < count:
                mutant = by_kind[kind].pop()
                alike = [m for m in by_row[mutant.row] if m.fixed == mutant.fixed][:3]
                for each in (mutant, *alike):
                    if len(chosen) < count and each.text not in chosen and _compiles(each.text):
                        chosen[each.text] = each
                        if each is not mutant:
                            break
    return list(chosen.values())


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


# -- changes within a line ------------------------------------------------------------------------


def _in_line(program: str, lines: Sequence[str]) -> Iterator[LineMutant]:
    if not program.isascii():  # columns of the syntax tree count bytes
        return
    tree = ast.parse(program)
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            names = _names(scope)
            for node in _own_nodes(scope):
                for kind, place, new in _edits(node, lines, names):
                    row, begin, end = _span(place)
                    line = lines[row][:begin] + new + lines[row][end:]
                    yield _mutant(kind, lines, row, (line.rstrip(),), (lines[row],))


def _mutant(
    kind: str, lines: Sequence[str], row: int, flagged: tuple[str, ...], fixed: tuple[str, ...]
) -> LineMutant:
    text = "\n".join([*lines[:row], *flagged, *lines[row + len(fixed) :]])
    return LineMutant(kind=kind, row=row, flagged=flagged, fixed=fixed, text=text)


def _span(node: ast.AST) -> tuple[int, int, int]:
    """Row, first and last column of what stands on one line."""
    at = vars(node)
    return at["lineno"] - 1, at["col_offset"], at["end_col_offset"]


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function that stand on one line, without annotations and inner functions."""
    waiting: list[ast.AST] = list(vars(scope)["body"])
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if _one_line(node) or isinstance(node, ast.If | ast.While):
            yield node
        annotation = getattr(node, "annotation", None)
        waiting += [child for child in ast.iter_child_nodes(node) if child is not annotation]


def _names(scope: ast.AST) -> list[str]:
    """Parameters and local variables, in the order in which they are bound."""
    found: dict[str, None] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.arg):
            found[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
    return [name for name in found if name not in ("self", "_")]


def _edits(node: ast.AST, lines: Sequence[str], names: Sequence[str]) -> Iterator[Edit]:
    match node:
        case ast.Compare():
            yield from _comparison(node, lines)
        case ast.BinOp(left, _, right):
            yield from _between("operator", left, right, lines, _OPERATOR)
            if isinstance(right, ast.Constant) and right.value == 1:
                yield "off by one", node, _text(left, lines)
        case ast.BoolOp(operator, [first, second, *_]):
            other = "or" if isinstance(operator, ast.And) else "and"
            yield from _between("and, or", first, second, lines, {"and": (other,), "or": (other,)})
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield "lost not or sign", node, _text(operand, lines)
        case ast.Constant(bool() as value):
            yield "constant", node, str(not value)
        case ast.Constant(int() as value):
            yield "constant", node, str(value + 1)
            yield "constant", node, str(value - 1) if value else "-1"
        case ast.Name(id=name, ctx=ast.Load()) if name in names and len(names) > 1:
            at = names.index(name)
            for other in {names[at - 1], names[(at + 1) % len(names)]} - {name}:
                yield "wrong name", node, other
        case ast.Call():
            yield from _call(node, lines)
        case ast.Attribute(attr=name) if name in _FUNCTIONS:
            yield "wrong function", node, _text(node, lines)[: -len(name)] + _FUNCTIONS[name]
        case ast.Subscript(slice=index):
            yield from _index(node, index, lines)
        case ast.IfExp(test, body, orelse):
            swapped = f"{_text(orelse, lines)} if {_text(test, lines)} else {_text(body, lines)}"
            yield "branches swapped", node, swapped
        case ast.If(test=test) | ast.While(test=test) if _one_line(test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                bare = isinstance(test, ast.Name | ast.Call | ast.Attribute | ast.Subscript)
                text = _text(test, lines)
                yield "condition negated", test, f"not {text}" if bare else f"not ({text})"
        case ast.stmt():
            yield from _statement(node, lines)


def _one_line(node: ast.AST) -> bool:
    return getattr(node, "lineno", None) == getattr(node, "end_lineno", 0)


def _text(node: ast.AST, lines: Sequence[str]) -> str:
    row, begin, end = _span(node)
    return lines[row][begin:end]


def _between(
    kind: str,
    left: ast.AST,
    right: ast.AST,
    lines: Sequence[str],
    table: Mapping[str, tuple[str, ...]],
) -> Iterator[Edit]:
    """The operator between two operands of one line replaced."""
    row, _, begin = _span(left)
    end = _span(right)[1]
    gap = lines[row][begin:end]
    found = re.search(r"(?:is not|not in|is|in|and|or|[-+*/%&|^<>=!]+)", gap)
    if found is None:
        return
    for other in table.get(found[0], ()):
        place = ast.Pass(
            lineno=row + 1, col_offset=begin + found.start(), end_col_offset=begin + found.end()
        )
        yield kind, place, other


def _comparison(node: ast.Compare, lines: Sequence[str]) -> Iterator[Edit]:
    for left, right in zip([node.left, *node.comparators], node.comparators, strict=False):
        yield from _between("comparison", left, right, lines, _COMPARE)


def _call(node: ast.Call, lines: Sequence[str]) -> Iterator[Edit]:
    arguments = [_text(argument, lines) for argument in node.args]
    head = _text(node.func, lines)
    plain = not node.keywords and not any(isinstance(a, ast.Starred) for a in node.args)
    if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        yield "wrong function", node.func, _FUNCTIONS[node.func.id]
    if not plain or not arguments:
        return
    if len(arguments) > 1:
        rest = "".join(f", {each}" for each in arguments[2:])
        yield "swapped arguments", node, f"{head}({arguments[1]}, {arguments[0]}{rest})"
    if head == "range":
        yield from _range(node, arguments)
    elif head == "len":
        yield "off by one", node, f"len({arguments[0]}) - 1"
        yield "off by one", node, f"len({arguments[0]}) + 1"
    elif head in _UNWRAPPED and len(arguments) == 1:
        yield "lost call", node, arguments[0]
    if isinstance(node.func, ast.Attribute) and head.endswith(".copy"):
        yield "lost copy", node, head.removesuffix(".copy")


def _range(node: ast.Call, arguments: list[str]) -> Iterator[Edit]:
    if len(arguments) == 1:
        yield "off by one", node, f"range(1, {arguments[0]})"
        yield "off by one", node, f"range({arguments[0]} - 1)"
        yield "off by one", node, f"range({arguments[0]} + 1)"
        return
    start, stop, *step = arguments
    rest = "".join(f", {each}" for each in step)
    yield "off by one", node, f"range({start}, {stop} - 1{rest})"
    yield "off by one", node, f"range({start}, {stop} + 1{rest})"
    yield "off by one", node, f"range({start} + 1, {stop}{rest})"
    if not step:
        yield "off by one", node, f"range({stop})"


def _index(node: ast.Subscript, index: ast.expr, lines: Sequence[str]) -> Iterator[Edit]:
    head = _text(node.value, lines)
    if isinstance(index, ast.Name | ast.Call):
        yield "off by one", index, f"{_text(index, lines)} + 1"
        yield "off by one", index, f"{_text(index, lines)} - 1"
    elif isinstance(index, ast.Slice):
        lower, upper = (_text(end, lines) if end else "" for end in (index.lower, index.upper))
        if index.step is not None or not _one_line(node):
            return
        if not lower and not upper:
            yield "lost copy", node, head
        else:
            yield "slice", index, f"{upper}:{lower}"
            yield "slice", index, f"{lower}:" if upper else ":"


def _statement(node: ast.stmt, lines: Sequence[str]) -> Iterator[Edit]:
    match node:
        case ast.Return(value=ast.expr() as value):
            yield "lost return", node, _text(value, lines)
        case ast.AugAssign(target, _, value):
            gap = _text(node, lines)[len(_text(target, lines)) :].split("=")[0].strip()
            yield "lost accumulation", node, f"{_text(target, lines)} = {_text(value, lines)}"
            for other in _OPERATOR.get(gap, ()):
                yield "operator", node, f"{_text(target, lines)} {other}= {_text(value, lines)}"
        case ast.Break():
            yield "break, continue", node, "continue"
        case ast.Continue():
            yield "break, continue", node, "break"


# -- lines that are missing or stand elsewhere ----------------------------------------------------


def _blocks(program: str) -> Iterator[list[ast.stmt]]:
    """The statements of every block inside a function."""
    for scope in ast.walk(ast.parse(program)):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(scope):
                for field in ("body", "orelse", "finalbody"):
                    block = getattr(node, field, None)
                    if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                        yield block


def _lost_lines(program: str, lines: Sequence[str]) -> Iterator[LineMutant]:
    """A simple statement left out: the next line of the block is flagged, both are the answer."""
    for block in _blocks(program):
        for lost, after in pairwise(block):
            simple = isinstance(lost, _SIMPLE) and _one_line(lost)
            documents = isinstance(lost, ast.Expr) and isinstance(lost.value, ast.Constant)
            row = lost.lineno - 1
            if simple and not documents and after.lineno == row + 2:
                yield _mutant(
                    "missing line", lines, row, (lines[row + 1],), tuple(lines[row : row + 2])
                )


def _moved(program: str, lines: Sequence[str]) -> Iterator[LineMutant]:
    """A return at the wrong depth: inside the loop that it should follow, or the other way."""
    for block in _blocks(program):
        for before, node in zip([None, *block], block, strict=False):
            row = node.lineno - 1
            if not isinstance(node, ast.Return) or not _one_line(node):
                continue
            if isinstance(before, ast.For | ast.While | ast.If):
                yield _mutant("indentation", lines, row, ("    " + lines[row],), (lines[row],))
            elif before is not None and lines[row].startswith("        "):
                yield _mutant("indentation", lines, row, (lines[row][4:],), (lines[row],))
