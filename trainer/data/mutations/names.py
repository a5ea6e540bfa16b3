"""Undefined names: misspelt, without `self.`, without import, without quotes."""

from __future__ import annotations

import ast
import re
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import BUILTINS, Source, misspelt

_CONSTANTS = {
    "None": ("null", "none", "nil", "NULL", "Null", "undefined"),
    "True": ("true", "TRUE", "yes"),
    "False": ("false", "FALSE"),
}
_ALIASES = {
    "self": ("this", "slef", "sefl", "elf"), "len": ("length", "size", "count", "lenght"),
    "print": ("println", "printf", "Print", "pritn", "prnit", "echo"), "str": ("string", "String"),
    "int": ("integer", "Int"), "list": ("array", "List"), "dict": ("map_", "dictionary"),
    "range": ("rang", "Range", "xrange"), "input": ("raw_input", "imput"), "bool": ("boolean",),
    "float": ("double", "Float"), "isinstance": ("instanceof", "isinstanceof", "isinstace"),
    "enumerate": ("enumarate", "enum"), "sorted": ("sort", "order"), "abs": ("absolute",),
    "Exception": ("Error", "Exeption"), "ValueError": ("ValueException", "Valueerror"),
    "super": ("parent", "base"), "max": ("maximum",), "min": ("minimum",), "chr": ("unichr",),
}  # fmt: skip


def _replaced(source: Source, node: ast.Name, new: str) -> Mutation:
    row = node.lineno - 1
    line = source.lines[row]
    return Mutation.line(row, line[: node.col_offset] + new + line[node.end_col_offset :])


def name(source: Source, rng: Random) -> Mutation | None:
    """A name of the document misspelt where it is read."""
    pool = [n for n in source.loads() if n.id in source.bound and len(n.id) > 2 and n.id != "self"]
    if not pool:
        return None
    node = rng.choice(pool)
    new = misspelt(node.id, source.words, rng)
    return _replaced(source, node, new) if new else None


def builtin(source: Source, rng: Random) -> Mutation | None:
    """A builtin misspelt, or called as another language calls it."""
    pool = [
        n for n in source.loads()
        if (n.id in BUILTINS and n.id not in source.bound and len(n.id) > 2) or n.id == "self"
    ]  # fmt: skip
    if not pool:
        return None
    wanted = rng.choice(sorted({n.id for n in pool}))
    node = rng.choice([n for n in pool if n.id == wanted])
    aliases = [alias for alias in _ALIASES.get(wanted, ()) if alias not in source.words]
    if aliases and rng.random() < 0.5:
        return _replaced(source, node, rng.choice(aliases))
    new = misspelt(wanted, source.words, rng)
    return _replaced(source, node, new) if new else None


def constant(source: Source, rng: Random) -> Mutation | None:
    """`null`, `true` and their kin."""
    found = source.keywords(*_CONSTANTS)
    if not found:
        return None
    token = rng.choice(found)
    return Mutation.line(*source.replaced(token, rng.choice(_CONSTANTS[token.string])))


def lost_self(source: Source, rng: Random) -> Mutation | None:
    """`self.` left out where an attribute or a method is read."""
    pool = [
        node for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls") and isinstance(node.ctx, ast.Load)
        and node.lineno == node.end_lineno
        and node.attr not in source.bound - _methods(source) and node.attr not in BUILTINS
    ]  # fmt: skip
    if not pool:
        return None
    node = rng.choice(pool)
    row, line = node.lineno - 1, source.lines[node.lineno - 1]
    return Mutation.line(row, line[: node.col_offset] + node.attr + line[node.end_col_offset :])


def _methods(source: Source) -> frozenset[str]:
    return frozenset(
        item.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def lost_import(source: Source, rng: Random) -> Mutation | None:
    """An import, or one name of it, left out: the answer is an import line."""
    pool = [
        (node, alias) for node in source.tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0)
        and node.lineno == node.end_lineno and getattr(node, "module", "") != "__future__"
        for alias in node.names if alias.name != "*"
    ]  # fmt: skip
    if not pool:
        return None
    node, alias = rng.choice(pool)
    wanted = _import_line(node, [alias])
    rest = [other for other in node.names if other is not alias]
    row = node.lineno - 1
    left = (_import_line(node, rest),) if rest else ()
    return Mutation(start=row, stop=row + 1, lines=left, answer_import=wanted)


def _import_line(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> str:
    listed = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in names)
    return f"from {node.module} import {listed}" if isinstance(node, ast.ImportFrom) else (
        f"import {listed}"
    )  # fmt: skip


def unquoted(source: Source, rng: Random) -> Mutation | None:
    """A word that should be a string."""
    pool = [
        token for token in source.strings()
        if (word := re.fullmatch(r"[\"']([A-Za-z]\w{2,})[\"']", token.string))
        and word[1] not in source.bound and word[1] not in BUILTINS
    ]  # fmt: skip
    if not pool:
        return None
    token = rng.choice(pool)
    return Mutation.line(*source.replaced(token, token.string[1:-1]))
