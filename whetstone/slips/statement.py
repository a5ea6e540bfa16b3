"""The statement that a failing test leads to: its syntax tree, and the text of each part of it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from whetstone.problem import Document, Problem

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` instead of the characters `begin` to `end`. A lower cost is tried sooner.

    Costs are roughly nats: how much rarer such a slip is than the commonest ones.
    """

    cost: float
    begin: int
    end: int
    text: str


class Statement:
    """The lines of a problem as text, and the nodes of the file's tree that lie in them."""

    def __init__(self, document: Document, problem: Problem) -> None:
        """Raises SyntaxError, ValueError or RecursionError when the file does not parse."""
        self.lines = problem.flagged
        self.text = "\n".join(problem.flagged)
        self.above = problem.above
        self.first = problem.region.start + 1  # as ast counts
        self.tree = _parsed(document.text)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.function: Function | None = None
        self.class_: ast.ClassDef | None = None
        self.nodes = list(self._inside(self.tree, None, None))

    def _inside(
        self, node: ast.AST, function: Function | None, class_: ast.ClassDef | None
    ) -> Iterator[ast.AST]:
        """The nodes that lie in the lines, outer ones first."""
        last = self.first + len(self.lines) - 1
        for child in ast.iter_child_nodes(node):
            begin = getattr(child, "lineno", 0)
            end = getattr(child, "end_lineno", None) or last
            if begin and (end < self.first or begin > last):
                continue
            self.parents[child] = node
            if begin >= self.first:
                self.function, self.class_ = self.function or function, self.class_ or class_
                if end <= last or isinstance(child, ast.stmt | ast.excepthandler):
                    yield child
            around = isinstance(child, Function) and begin < self.first
            yield from self._inside(
                child,
                child if around and isinstance(child, Function) else function,
                child if isinstance(child, ast.ClassDef) else class_,
            )

    def of(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """The nodes of these kinds."""
        return (node for node in self.nodes if isinstance(node, kinds))

    @property
    def node(self) -> ast.stmt | None:
        """The first statement that begins in the lines."""
        return next((node for node in self.nodes if isinstance(node, ast.stmt)), None)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.parents.get(node)

    def at(self, line: int, column: int) -> int:
        """Where in `text` the tree's position (1-based line, UTF-8 column) is."""
        row = line - self.first
        whole = self.lines[row]
        characters = column if whole.isascii() else len(whole.encode()[:column].decode())
        return self._starts[row] + characters

    def begin(self, node: ast.AST) -> int:
        return self.at(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self.at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def holds(self, node: ast.AST) -> bool:
        """Does all of `node` lie in the lines?"""
        end = getattr(node, "end_lineno", None)
        return end is not None and end - self.first < len(self.lines)

    def source(self, node: ast.AST) -> str:
        return self.text[self.begin(node) : self.end(node)]

    def put(self, cost: float, node: ast.AST, text: str) -> Edit:
        """`text` in the place of `node`."""
        return Edit(cost, self.begin(node), self.end(node), text)

    def wrapped(self, node: ast.AST, parent: ast.AST | None) -> str:
        """The source of `node`, in parentheses where an operator would take a part of it."""
        text = self.source(node)
        closed = isinstance(
            node, ast.Name | ast.Constant | ast.Call | ast.Subscript | ast.Attribute | ast.List
            | ast.Dict | ast.Set | ast.ListComp | ast.SetComp | ast.DictComp,
        )  # fmt: skip
        return text if closed or parent is None else f"({text})"

    @functools.cached_property
    def names(self) -> list[str]:
        """Variables of the function, the one that was bound last before the lines first."""
        if self.function is None:
            return []
        found: dict[str, int] = {}
        arguments = self.function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in [*every, arguments.vararg, arguments.kwarg]:
            if argument is not None and argument.arg not in ("self", "cls"):
                found[argument.arg] = argument.lineno
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if node.lineno <= self.first:
                    found[node.id] = max(node.lineno, found.get(node.id, 0))
                else:
                    found.setdefault(node.id, 0)
        return sorted(found, key=lambda name: -found[name])

    @functools.cached_property
    def attributes(self) -> list[str]:
        """What is stored in `self` by the class around the lines."""
        if self.class_ is None:
            return []
        found = (
            node.attr
            for node in ast.walk(self.class_)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        )
        return list(dict.fromkeys(found))

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """Names that the file's imports bind."""
        return frozenset(
            (alias.asname or alias.name).split(".")[0]
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        )


@functools.lru_cache(maxsize=2)  # a search asks for one line of a file after the other
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)
