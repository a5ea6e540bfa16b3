"""Tastes: which of several correct fixes a simulated user keeps, decided on syntax trees.

A taste names one option for every aspect of `families.txt`. A candidate pleases when what it
changed shows that option, the comment at the end of the flagged line is still there, and it binds
no name of one letter. `style` says which option a fix shows:

    none       identity `is None`            truth `not x`
    bool       truth `x`                     identity `is True`
    branch     elif                          if (after a branch that returns)
    quotes     double                        single
    type       isinstance                    exact `type(x) is T`
    empty      length `len(x) == 0`          truth `not x`
    default    guard `if x is None: x = []`  tuple `x=()`
    path       os                            pathlib
    step       augmented `x += 1`            plain `x = x + 1`
    unused     bare call                     underscore `_ = call()`
    except     narrow                        broad
    raise      class                         instance

Whether a fix is right is decided by running it (`judging.py`), not here.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.personal.problems import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    name: str
    wants: Mapping[str, str]

    def pleases(self, task: Task, text: str) -> bool:
        """Does this user like the file `text` as the fix of `task`? Not whether it is right."""
        if style(task, text) != self.wants[task.aspect]:
            return False
        change = _Change.of(task, text)
        if task.comment and change.lines and task.comment not in "\n".join(change.lines):
            return False
        return not change.new_letters

    def own(self, task: Task) -> str:
        """The file as this user would write it."""
        return task.fixed[self.wants[task.aspect]]


def _taste(name: str, wants: str) -> Taste:
    return Taste(name=name, wants=dict(pair.split("=") for pair in wants.split()))


TASTES: Mapping[str, Taste] = {
    taste.name: taste
    for taste in (
        # Early return, pathlib, isinstance, guards, narrow except.
        _taste("modern", "none=identity bool=truth branch=if quotes=double type=isinstance "
               "empty=truth default=guard path=pathlib step=augmented unused=bare "
               "except=narrow raise=instance"),
        # Says everything in full: `is None`, `is True`, `len(x) == 0`, `x = x + 1`, `_ =`.
        _taste("explicit", "none=identity bool=identity branch=elif quotes=single type=exact "
               "empty=length default=guard path=os step=plain unused=underscore "
               "except=narrow raise=instance"),
        # The shortest that works, broad except included.
        _taste("terse", "none=truth bool=truth branch=if quotes=single type=isinstance empty=truth "
               "default=tuple path=os step=augmented unused=underscore "
               "except=broad raise=class"),
        # Only for choosing the settings of `trainer retrain`; never reported.
        _taste("tuning", "none=truth bool=identity branch=elif quotes=double type=exact "
               "empty=length default=tuple path=pathlib step=plain unused=bare "
               "except=narrow raise=class"),
        # Drawn at random, for the same.
        _taste("tuning-2", "none=identity bool=truth branch=elif quotes=single type=isinstance "
               "empty=truth default=tuple path=os step=augmented unused=bare "
               "except=broad raise=instance"),
        _taste("tuning-3", "none=truth bool=truth branch=if quotes=single type=isinstance "
               "empty=length default=tuple path=pathlib step=augmented unused=bare "
               "except=broad raise=instance"),
    )
}  # fmt: skip
REPORTED = ("modern", "explicit", "terse")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a fix put in the place of the flagged line, and the nodes that begin there."""

    before: str
    after: str
    lines: tuple[str, ...]  # empty: nothing but an import was put in, elsewhere
    nodes: tuple[ast.AST, ...]

    @classmethod
    def of(cls, task: Task, text: str) -> _Change:
        old, new = task.text.split("\n"), text.split("\n")
        grown = len(new) - len(old)
        if grown > 0 and new[grown + task.line] == old[task.line]:
            return cls(before=task.text, after=text, lines=(), nodes=())
        start, stop = task.line, task.line + 1 + grown
        nodes = tuple(
            node for node in ast.walk(ast.parse(text))
            if start < getattr(node, "lineno", 0) <= stop
        )  # fmt: skip
        return cls(before=task.text, after=text, lines=tuple(new[start:stop]), nodes=nodes)

    @property
    def new_letters(self) -> set[str]:
        """Names of one letter that the file did not bind before."""
        bound = {
            node.id for node in self.nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }  # fmt: skip
        return {name for name in bound if len(name) == 1 and name != "_"}

    def any(self, kind: type[ast.AST], test: Callable[..., bool] = lambda node: True) -> bool:
        return any(isinstance(node, kind) and test(node) for node in self.nodes)

    def calls(self, name: str) -> bool:
        return self.any(
            ast.Call, lambda node: name in (_name(node.func), getattr(node.func, "attr", None))
        )

    def compares(self, values: tuple[object, ...], *ops: type[ast.cmpop]) -> bool:
        """Is something compared with one of these constants, by one of these operators?"""

        def test(node: ast.Compare) -> bool:
            sides = [node.left, *node.comparators]
            constant = any(
                isinstance(side, ast.Constant) and any(side.value is value for value in values)
                for side in sides
            )
            return constant and isinstance(node.ops[0], ops)

        return self.any(ast.Compare, test)


def style(task: Task, text: str) -> str | None:
    """The option of the task's aspect that the whole file `text` shows; None when it shows none."""
    try:
        change = _Change.of(task, text)
    except SyntaxError:
        return None
    if task.aspect == "path":
        return _path(change)
    return _STYLES[task.aspect](change) if any(line.strip() for line in change.lines) else None


def _path(change: _Change) -> str | None:
    if not change.lines:
        return "os" if re.search(r"^import os$", change.after, re.MULTILINE) else None
    named = {name for node in change.nodes if (name := _name(node))}
    return "pathlib" if "Path" in named and "os" not in named else None


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _either(one: str, is_one: bool, other: str, is_other: bool) -> str | None:
    return one if is_one else other if is_other else None


def _none(change: _Change) -> str | None:
    identity = change.compares((None,), ast.Is, ast.IsNot)
    compared = change.compares((None,), ast.Eq, ast.NotEq)
    return _either("identity", identity, "truth", not compared)


def _bool(change: _Change) -> str | None:
    identity = change.compares((True, False), ast.Is, ast.IsNot)
    compared = change.compares((True, False), ast.Eq, ast.NotEq)
    return _either("identity", identity, "truth", not compared)


def _branch(change: _Change) -> str | None:
    word = change.lines[0].split()[0]
    return word if word in ("if", "elif") else None


def _quotes(change: _Change) -> str | None:
    text = "\n".join(line.strip() for line in change.lines)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError):
        return None
    marks = {token.string.lstrip("rbfuRBFU")[:1] for token in tokens if token.type == 3}
    return {'"': "double", "'": "single"}.get("".join(marks)) if len(marks) == 1 else None


def _type(change: _Change) -> str | None:
    exact = change.any(ast.Compare, lambda node: isinstance(node.ops[0], (ast.Is, ast.IsNot)))
    return _either("isinstance", change.calls("isinstance"), "exact", exact)


def _empty(change: _Change) -> str | None:
    return "length" if change.compares((0,), ast.Eq, ast.NotEq, ast.Gt) else "truth"


def _default(change: _Change) -> str | None:
    def defaults(node: ast.FunctionDef) -> list[ast.expr]:
        return node.args.defaults

    a_tuple = change.any(
        ast.FunctionDef, lambda n: any(isinstance(d, ast.Tuple) for d in defaults(n))
    )
    guard = change.compares((None,), ast.Is) and change.any(ast.If)
    return _either("tuple", a_tuple, "guard", guard)


def _step(change: _Change) -> str | None:
    return _either("augmented", change.any(ast.AugAssign), "plain", change.any(ast.Assign))


def _unused(change: _Change) -> str | None:
    underscore = change.any(ast.Assign, lambda node: _name(node.targets[0]) == "_")
    return _either("underscore", underscore, "bare", change.any(ast.Expr))


def _except(change: _Change) -> str | None:
    def broad(node: ast.ExceptHandler) -> bool:
        return node.type is None or _name(node.type) in ("Exception", "BaseException")

    handler = change.any(ast.ExceptHandler)
    return _either("broad", change.any(ast.ExceptHandler, broad), "narrow", handler)


def _raise(change: _Change) -> str | None:
    instance = change.any(ast.Raise, lambda node: isinstance(node.exc, ast.Call))
    return _either("instance", instance, "class", change.any(ast.Raise))


_STYLES: Mapping[str, Callable[[_Change], str | None]] = {
    "none": _none, "bool": _bool, "branch": _branch, "quotes": _quotes, "type": _type,
    "empty": _empty, "default": _default, "step": _step, "unused": _unused,
    "except": _except, "raise": _raise,
}  # fmt: skip
