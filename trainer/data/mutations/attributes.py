"""Attributes that do not exist: ruff cannot tell, a type checker or a run can.

The message is written as the tool writes it (Python, pyright or mypy); that the name is wrong
follows from the document: the attribute is spelt otherwise everywhere else.
"""

from __future__ import annotations

import ast
import difflib
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source, misspelt

_SLIPS = {
    "append": ("list", ("push", "add", "append_item", "push_back", "apend", "insert_end")),
    "extend": ("list", ("concat", "addAll", "append_all", "push_all")),
    "pop": ("list", ("poll", "remove_last", "popp")),
    "remove": ("list", ("delete", "removes")),
    "index": ("list", ("indexOf", "find_index")),
    "sort": ("list", ("order", "sorted", "sort_by")),
    "strip": ("str", ("trim", "stirp", "strips")),
    "split": ("str", ("explode", "splt", "tokenize")),
    "join": ("str", ("implode", "joins", "joined")),
    "lower": ("str", ("toLowerCase", "to_lower", "lowercase", "downcase")),
    "upper": ("str", ("toUpperCase", "to_upper", "uppercase", "upcase")),
    "startswith": ("str", ("startsWith", "starts_with", "startwith")),
    "endswith": ("str", ("endsWith", "ends_with", "endwith")),
    "replace": ("str", ("replaceAll", "sub", "replce")),
    "find": ("str", ("indexOf", "search", "finds")),
    "format": ("str", ("fmt", "formatted")),
    "isdigit": ("str", ("isDigit", "is_digit", "isNumeric")),
    "items": ("dict", ("iteritems", "entries", "item")),
    "keys": ("dict", ("iterkeys", "key")),
    "values": ("dict", ("itervalues", "value")),
    "get": ("dict", ("fetch", "get_value")),
    "update": ("dict", ("merge", "putAll", "upd")),
    "add": ("set", ("append", "push", "insert")),
}
_LENGTH = ("length", "size", "length()", "size()", "len()", "count()")


def own(source: Source, rng: Random) -> Mutation | None:
    """An attribute of `self` misspelt where it is read."""
    pool = [
        (owner, node) for owner in ast.walk(source.tree) if isinstance(owner, ast.ClassDef)
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        and node.value.id == "self" and node.lineno == node.end_lineno and len(node.attr) > 2
        and isinstance(node.ctx, ast.Load) and source.text.count(f".{node.attr}") > 1
    ]  # fmt: skip
    if not pool:
        return None
    owner, node = rng.choice(pool)
    new = misspelt(node.attr, source.words, rng)
    if new is None:
        return None
    known = {n.attr for n in ast.walk(owner) if isinstance(n, ast.Attribute)}
    close = difflib.get_close_matches(new, sorted(known), 1, 0.75)
    return _mutation(source, node, new, owner.name, close[0] if close else "", rng)


def method(source: Source, rng: Random) -> Mutation | None:
    """A method of str, list, dict or set under another language's name, or misspelt."""
    pool = [
        node for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in _SLIPS
        and node.lineno == node.end_lineno
    ]  # fmt: skip
    calls = [
        node for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"
        and len(node.args) == 1 and isinstance(node.args[0], (ast.Name, ast.Attribute))
        and node.lineno == node.end_lineno
    ]  # fmt: skip
    if calls and (not pool or rng.random() < 0.25):
        return _length(source, rng.choice(calls), rng)
    if not pool:
        return None
    node = rng.choice(pool)
    owner, slips = _SLIPS[node.attr]
    new = rng.choice(slips) if rng.random() < 0.75 else misspelt(node.attr, frozenset(_SLIPS), rng)
    return _mutation(source, node, new, owner, "", rng) if new else None


def _mutation(
    source: Source, node: ast.Attribute, new: str, owner: str, close: str, rng: Random
) -> Mutation:
    row, line = node.lineno - 1, source.lines[node.lineno - 1]
    end = node.end_col_offset or 0
    changed = line[: end - len(node.attr)] + new + line[end:]
    return _reported(row, changed, new, owner, close, rng)


def _length(source: Source, call: ast.Call, rng: Random) -> Mutation:
    row, line = call.lineno - 1, source.lines[call.lineno - 1]
    of = call.args[0]
    new = rng.choice(_LENGTH)
    changed = (
        f"{line[: call.col_offset]}{line[of.col_offset : of.end_col_offset]}.{new}"
        f"{line[call.end_col_offset :]}"
    )
    owner = rng.choice(["list", "list", "str", "dict", "tuple"])
    return _reported(row, changed, new.removesuffix("()"), owner, "", rng)


def _reported(row: int, line: str, name: str, owner: str, close: str, rng: Random) -> Mutation:
    chance = rng.random()
    if chance < 0.6:
        message = f"AttributeError: '{owner}' object has no attribute '{name}'"
        message += f". Did you mean: '{close}'?" if close else ""
        source, code = "traceback", "AttributeError"
    elif chance < 0.85:
        message = f'Cannot access attribute "{name}" for class "{owner}"'
        source, code = "Pyright", "reportAttributeAccessIssue"
    else:
        message = f'"{owner}" has no attribute "{name}"' + (f'; maybe "{close}"?' if close else "")
        source, code = "mypy", "attr-defined"
    return Mutation(
        start=row, stop=row + 1, lines=(line,), message=message, source=source, code=code
    )
