"""Lines in the order in which they are worth a try.

1. The innermost frame of the traceback that lies in the workspace and in no test: it was raised
   there.
2. Statements that the failing tests ran, by Ochiai's coefficient ef / sqrt(nf (ef + ep)), where ef
   and ep count the failing and passing tests that ran the line and nf all failing ones (Abreu,
   Zoeteweij, van Gemund, "An Evaluation of Similarity Coefficients for Software Fault
   Localization", 2006). Often one test fails and none passes, and all lines that ran are equal;
   so the coefficient is multiplied by how much can be wrong in the statement (operators,
   comparisons, subscripts, calls), and by how lately it ran.
3. What did not run, and definitions: a default, a decorator, a branch that was not taken.

`python -m trainer.evaluation.localize` measures it.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whetstone.locate.coverage import Coverage
from whetstone.locate.places import Place, Workspace, frames_inside, is_test, place
from whetstone.locate.traceback import Failure, parse
from whetstone.problem import Diagnostic, Document

Read = Callable[[Path], str | None]

_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_UNKNOWN = Failure(kind="", message="the test fails", frames=(), text="")

# How much can be wrong in a statement: each part of it adds its weight to _BARE.
_BARE = 0.8
_WEIGHTS: dict[type[ast.AST], float] = {
    ast.Compare: 1.0, ast.BoolOp: 1.0, ast.BinOp: 1.0, ast.AugAssign: 1.0, ast.Subscript: 0.7,
    ast.comprehension: 0.5, ast.Slice: 0.5, ast.Call: 0.5, ast.UnaryOp: 0.4, ast.Constant: 0.3,
    ast.Attribute: 0.1, ast.Name: 0.1,
}  # fmt: skip
_FACTORS: dict[type[ast.AST], float] = {
    ast.Return: 1.5, ast.If: 1.2, ast.While: 1.2, ast.For: 0.8, ast.AsyncFor: 0.8, ast.Expr: 0.8,
    ast.Try: 0.5, ast.Raise: 0.1,
}  # fmt: skip
_IN_INIT = 0.7  # constructors mostly store what they are given
_AT_MODULE = 0.05
_NOT_RUN = 0.02
_DEFINITION = 0.03
_DECORATED = 0.3  # a definition with defaults or decorators
_LATE = 0.05  # per statement that ran later
_Scopes = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranked:
    path: Path
    line: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """A statement with the lines that are its own, without those of its body."""

    node: ast.stmt
    lines: range  # 0-based
    function: str  # the name of the innermost function around it, "" at the module's level
    inner: range  # all its lines


def suspects(
    document: Document,
    output: str,
    root: Path,
    coverage: Coverage | None = None,
    *,
    limit: int = 12,
) -> list[Diagnostic]:
    """Diagnostics for the lines of `document` that a failing run may be due to, likeliest first."""
    if document.path is None:
        return []
    mine = document.path.resolve()
    found = rank(
        parse(output),
        coverage or Coverage(),
        Workspace(root=root),
        lambda path: document.text if path == mine else None,
        named=output,
        also=(mine,),
    )
    return [each.diagnostic for each in found if each.path == mine][:limit]


def rank(
    failures: Sequence[Failure],
    coverage: Coverage,
    workspace: Workspace,
    read: Read,
    *,
    named: str = "",
    also: Sequence[Path] = (),
    limit: int = 100,
) -> list[Place]:
    """Places in the workspace, the likeliest first, each line once.

    Args:
        read: the text of a file as it was run; None leaves the file out.
        named: what the failing run printed: without coverage, the functions it names are looked at.
        also: files to look at beside those that ran; they may be tests, which others may not.
    """
    failure = failures[0] if failures else _UNKNOWN
    frames = [
        (path, frame.line)
        for path, frame in frames_inside(failure, workspace)
        if (path in also or not is_test(path)) and _has_line(read(path), frame.line)
    ]
    scored: list[_Ranked] = []
    for path, text in _sources(coverage, workspace, read, [p for p, _ in frames], also):
        relative = path.relative_to(workspace.root.resolve()).as_posix()
        scored += _scored(path, relative, text, coverage, named)
    scored.sort(key=lambda each: -each.score)  # stable: in a file, upper lines first
    lines = dict.fromkeys([*frames[:1], *((each.path, each.line) for each in scored), *frames])
    return [place(path, line, failure, source="test") for path, line in list(lines)[:limit]]


def _has_line(text: str | None, line: int) -> bool:
    return text is not None and line < len(Document(text=text).lines())


def _sources(
    coverage: Coverage,
    workspace: Workspace,
    read: Read,
    frames: Sequence[Path],
    also: Sequence[Path],
) -> Iterator[tuple[Path, str]]:
    """The files that the failing tests ran, without tests, and those of the frames."""
    names = dict.fromkeys(name for each in coverage.failing for name, _ in each.ran)
    paths = [workspace.find(name) for name in names]
    for path in dict.fromkeys([*(path for path in paths if path is not None), *frames, *also]):
        text = read(path) if path in also or not is_test(path) else None
        if text is not None:
            yield path, text


def _scored(
    path: Path, relative: str, text: str, coverage: Coverage, named: str
) -> Iterator[_Ranked]:
    statements = list(_statements(text))
    failing = [_ran(statements, relative, each.ran) for each in coverage.failing]
    passing = [_ran(statements, relative, each.ran) for each in coverage.passing]
    if not failing:
        failing = [_called(statements, named)]
    newest = sorted({last for each in failing for last in each.values()}, reverse=True)
    age = {last: number for number, last in enumerate(newest)}
    for number, each in enumerate(statements):
        ef = sum(number in ran for ran in failing)
        ep = sum(number in ran for ran in passing)
        score = _prior(each, statements, failing)
        if ef:
            last = max(ran[number] for ran in failing if number in ran)
            score *= ef / math.sqrt(len(failing) * (ef + ep)) / (1 + _LATE * age[last])
        elif not isinstance(each.node, _Scopes):
            score *= _NOT_RUN
        if score > 0:
            yield _Ranked(path=path, line=each.lines.start, score=score)


def _ran(
    statements: Sequence[_Statement], relative: str, ran: Mapping[tuple[str, int], object]
) -> dict[int, int]:
    """Which of the statements ran, and when for the last time."""
    found: dict[int, int] = {}
    for number, each in enumerate(statements):
        times = [ran[relative, line] for line in each.lines if (relative, line) in ran]
        if times:
            found[number] = max(getattr(time, "last", 0) for time in times)
    return found


def _called(statements: Sequence[_Statement], text: str) -> dict[int, int]:
    """Without coverage: the statements of functions that the text names."""
    names = set(_CALL.findall(text))
    return {number: 0 for number, each in enumerate(statements) if each.function in names}


# -- what a statement is ------------------------------------------------------------------------


def _statements(text: str) -> Iterator[_Statement]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    yield from _within(tree, "")


def _within(node: ast.AST, function: str) -> Iterator[_Statement]:
    for child in ast.iter_child_nodes(node):
        name = function
        if isinstance(child, ast.stmt):
            yield _statement(child, function)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = child.name
            elif isinstance(child, ast.ClassDef):
                name = ""
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _within(child, name)


def _statement(node: ast.stmt, function: str) -> _Statement:
    start = node.lineno - 1
    inner = range(start, node.end_lineno or node.lineno)
    body = getattr(node, "body", None)
    stop = max(start + 1, body[0].lineno - 1) if body else inner.stop
    return _Statement(node=node, lines=range(start, stop), function=function, inner=inner)


def _prior(
    each: _Statement, statements: Sequence[_Statement], failing: Sequence[Mapping[int, int]]
) -> float:
    node = each.node
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | ast.Global | ast.Nonlocal):
        return 0.0
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return 0.0  # a docstring
    if isinstance(node, _Scopes):
        ran = {number for each in failing for number in each}
        entered = any(statements[n].lines.start in each.inner[1:] for n in ran)
        weight = _DECORATED if _has_defaults(node) else _DEFINITION
        return weight if entered else weight / 3
    weight = _BARE + sum(_WEIGHTS.get(type(part), 0.0) for part in _parts(node))
    weight *= _FACTORS.get(type(node), 1.0)
    if not each.function:
        return weight * _AT_MODULE
    return weight * (_IN_INIT if each.function == "__init__" else 1.0)


def _has_defaults(node: _Scopes) -> bool:
    if isinstance(node, ast.ClassDef):
        return bool(node.decorator_list)
    arguments = node.args
    return bool(node.decorator_list or arguments.defaults or any(arguments.kw_defaults))


def _parts(node: ast.stmt) -> Iterator[ast.AST]:
    """Everything in a statement but the statements in it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [
            child
            for child in ast.iter_child_nodes(part)
            if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        ]
