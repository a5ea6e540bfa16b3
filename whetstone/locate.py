"""From a failing run to the lines worth looking at.

A failing test names no line. Frames of the traceback inside the file come first, innermost first;
then the lines of the functions that the failing lines call. (Ranking by coverage comes later.)
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from whetstone.diagnose import Located, from_traceback
from whetstone.problem import Diagnostic, Document, Span

_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def suspects(document: Document, output: str, root: Path, *, limit: int = 12) -> list[Diagnostic]:
    """Diagnostics for the lines of `document` that a failing run's `output` points at."""
    located = from_traceback(output, root)
    message = located.diagnostic.message if located else "the test fails"
    base = Diagnostic(
        source="test", code=_code(located), message=message, span=Span(start_line=0, end_line=0)
    )
    lines = dict.fromkeys([*_frames(document, located, output), *_called(document, output)])
    return [_at(base, line) for line in list(lines)[:limit]]


def _code(located: Located | None) -> str:
    return located.diagnostic.code if located else ""


def _at(diagnostic: Diagnostic, line: int) -> Diagnostic:
    span = Span(start_line=line, end_line=line, end_column=10_000)
    return dataclasses.replace(diagnostic, span=span)


def _frames(document: Document, located: Located | None, output: str) -> Iterator[int]:
    if document.path is None:
        return
    count = len(document.lines())
    if located and located.path == document.path.resolve():
        line = located.diagnostic.span.start_line
        if line < count:
            yield line
    name = re.escape(document.path.name)
    pattern = rf'{name}", line (\d+)|{name}:(\d+):'
    numbers = [int(m[1] or m[2]) - 1 for m in re.finditer(pattern, output)]
    yield from (number for number in reversed(numbers) if 0 <= number < count)


def _called(document: Document, output: str) -> Iterator[int]:
    """Statement lines of functions that the failing lines name: returns and branches first."""
    try:
        tree = ast.parse(document.text)
    except (SyntaxError, ValueError, RecursionError):
        return
    named = set(_CALL.findall(output))
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name in named
    ]
    decisive = (ast.Return, ast.If, ast.While, ast.For, ast.AugAssign, ast.Assign, ast.Expr)
    for function in functions:
        inner = [node for node in ast.walk(function) if isinstance(node, decisive)]
        inner.sort(key=lambda node: (decisive.index(type(node)), node.lineno))
        yield from (node.lineno - 1 for node in inner)
