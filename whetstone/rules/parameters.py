"""Parameters of a definition: their order, one twice, in parentheses, `self` left out."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import TOO_MANY
from whetstone.rules.lines import bare, flagged, parentheses, split, with_lines

_SLIPS = ("this", "slef", "sefl", "elf", "sel", "me", "seld", "selff", "Self", "clss")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    message = problem.diagnostic.message
    if "Undefined name 'self'" in message or "Undefined name 'cls'" in message or (
        TOO_MANY.search(message)
    ):  # fmt: skip
        yield from _self(problem)
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    if "parameters cannot be parenthesized" in message:
        for new in _unpacked(line):
            yield with_lines(problem, index, new)
    if "duplicate argument" in message:
        for new in _duplicate(document, problem, line):
            yield with_lines(problem, index, new)
    if re.search(r"follows default argument|follows parameter with a default", message):
        for start, stop in parentheses(line):
            for parts in _defaults_last(split(line[start:stop])):
                yield with_lines(problem, index, line[:start] + ", ".join(parts) + line[stop:])


def _self(problem: Problem) -> Iterator[Replacement]:
    """The first parameter of the method that has none, or whose first one is misspelt."""
    line = problem.flagged[0]
    match = re.match(r"(\s*(?:async\s+)?def\s+\w+\s*\()([^,)]*)(.*)", line)
    if len(problem.flagged) != 1 or match is None:
        return
    name = "cls" if "'cls'" in problem.diagnostic.message else "self"
    head, first, rest = match.groups()
    if first.strip() in _SLIPS:
        yield with_lines(problem, 0, head + name + rest)
    comma = ", " if first.strip() else ""
    yield with_lines(problem, 0, head + name + comma + first + rest)


def _unpacked(line: str) -> Iterator[str]:
    """`def f((a, b)):` of Python 2 takes a and b themselves."""
    for start, stop in parentheses(line):
        parts = split(line[start:stop])
        flat = [part[1:-1].strip().rstrip(",") if part[:1] == "(" else part for part in parts]
        if flat != parts and all(re.match(r"[\w*,\s]+(?:[:=].*)?\Z", part) for part in flat):
            yield line[:start] + ", ".join(flat) + line[stop:]


def _defaults_last(parts: list[str]) -> Iterator[list[str]]:
    stop = next((n for n, part in enumerate(parts) if part.startswith("*")), len(parts))
    head, tail = parts[:stop], parts[stop:]
    plain = [part for part in head if not _has_default(part)]
    default = [part for part in head if _has_default(part)]
    if [*plain, *default] == head or not default:
        return
    yield [*plain, *default, *tail]
    first = head.index(default[0])
    yield [
        *(f"{p}{' = ' if ':' in p else '='}None" if n > first and p in plain else p
          for n, p in enumerate(head)),
        *tail,
    ]  # fmt: skip


def _has_default(part: str) -> bool:
    depth = 0
    for char in bare(part):
        depth += (char in "([{") - (char in ")]}")
        if char == "=" and not depth:
            return True
    return False


def _duplicate(document: Document, problem: Problem, line: str) -> Iterator[str]:
    """One of the two takes the name that the body uses and nobody binds; else one goes."""
    word = re.search(r"'(\w+)'", problem.diagnostic.message)
    if word is None:
        return
    for start, stop in parentheses(line):
        parts = split(line[start:stop])
        at = [n for n, part in enumerate(parts) if re.match(rf"\**{word[1]}\b", part)]
        if len(at) < 2:
            continue
        names = list(_unbound(document, problem.diagnostic.span.start_line, word[1]))
        for name, earlier in names:
            for number in at if earlier else reversed(at):
                new = [
                    re.sub(rf"\b{word[1]}\b", name, part, count=1) if n == number else part
                    for n, part in enumerate(parts)
                ]
                yield line[:start] + ", ".join(new) + line[stop:]
        if not names:
            fewer = [part for n, part in enumerate(parts) if n != at[-1]]
            yield line[:start] + ", ".join(fewer) + line[stop:]


def _unbound(document: Document, row: int, twice: str) -> Iterator[tuple[str, bool]]:
    """(name, whether it is used before `twice`) of what the body reads and nothing binds.

    Parameters are mostly used in their order. A parameter that stands twice is no error of the
    grammar: the text can be parsed.
    """
    try:
        tree = ast.parse(document.text)
    except (SyntaxError, ValueError, RecursionError):
        return
    function = next(
        (
            node for node in ast.walk(tree)
            if isinstance(node, _Function) and node.lineno - 1 <= row < node.body[0].lineno
        ), None,
    )  # fmt: skip
    if function is None:
        return
    names = [
        node for part in function.body for node in ast.walk(part) if isinstance(node, ast.Name)
    ]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    used = list(dict.fromkeys(node.id for node in names if isinstance(node.ctx, ast.Load)))
    bound = set(_bound(tree, row)) | {
        name for part in function.body for name in _bound(part, row)
    } | {node.id for node in names if not isinstance(node.ctx, ast.Load)}  # fmt: skip
    for number, name in enumerate(used):
        if name not in bound and not hasattr(builtins, name):
            yield name, twice in used[number:] or twice not in used


def _bound(scope: ast.AST, row: int) -> Iterator[str]:
    """Names that are bound in `scope`, and in the functions in it that `row` is in."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            if not node.lineno - 1 <= row < (node.end_lineno or node.lineno):
                continue
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        yield from _bound(node, row)
