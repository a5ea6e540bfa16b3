"""Arguments of calls and parameters of definitions, in the wrong order, twice, or missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def argument_order(source: Source, rng: Random) -> Mutation | None:
    """`f(x, key=1)` with its arguments in an order, or as often, as Python does not take."""
    pool = [
        call for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and call.keywords and _one_line(call)
        and call.keywords[0].arg is not None
    ]  # fmt: skip
    if not pool:
        return None
    call = rng.choice(pool)
    line = source.lines[call.lineno - 1]
    keywords = [_cut(line, keyword) for keyword in call.keywords]
    others = [_cut(line, argument) for argument in call.args]
    if others and rng.random() < 0.6:
        last = others.pop()
        keywords.insert(rng.randint(1, len(keywords)), last)
        new = [*others, *keywords]
    else:
        repeated = rng.choice([k for k in keywords if not k.startswith("*")])
        if rng.random() < 0.5:
            repeated = f"{repeated.split('=')[0]}={rng.choice(['None', 'True', '0', '[]', '1'])}"
        keywords.insert(rng.randint(0, len(keywords)), repeated)
        new = [*others, *keywords]
    first, last_one = _ends([*call.args, *call.keywords])
    return Mutation.line(call.lineno - 1, line[:first] + ", ".join(new) + line[last_one:])


def parameters(source: Source, rng: Random) -> Mutation | None:
    """A default before a plain parameter, one name twice, `**` before `*`."""
    pool = [node for node in _functions(source) if len(_names(node)) > 1]
    if not pool:
        return None
    node = rng.choice(pool)
    row, line = node.lineno - 1, source.lines[node.lineno - 1]
    match = re.match(r"(\s*(?:async )?def \w+\()([^()]*)(\).*)$", line)
    if match is None:
        return None
    parts = match[2].split(", ")
    new = _twice(source, node, parts, rng) if rng.random() < 0.45 else _reordered(parts, rng)
    if new is None or new == parts:
        return None
    return Mutation.line(row, match[1] + ", ".join(new) + match[3])


def _reordered(parts: list[str], rng: Random) -> list[str] | None:
    plain = [n for n, part in enumerate(parts) if "=" not in part and part[0] not in "*/"]
    default = [n for n, part in enumerate(parts) if "=" in part and "*" not in parts[:n]]
    if parts[-1].startswith("**") and len(parts) > 1 and rng.random() < 0.5:
        return [*parts[:-2], parts[-1], parts[-2]]
    if not plain or not default or parts[plain[-1]] in ("self", "cls"):
        return None
    moved = parts.copy()
    moved.insert(plain[-1], moved.pop(rng.choice(default)))
    return moved


def _twice(source: Source, node: _Function, parts: list[str], rng: Random) -> list[str] | None:
    names = [name for name in _names(node) if name not in ("self", "cls")]
    lost = rng.choice(names) if names else ""
    used = {n.id for part in node.body for n in ast.walk(part) if isinstance(n, ast.Name)}
    kept = [name for name in names if name != lost]
    if lost not in used or not kept:
        return None
    return [re.sub(rf"^{lost}\b", rng.choice(kept), part) for part in parts]


def lost_self(source: Source, rng: Random) -> Mutation | None:
    """A method without its `self`, or with another word for it."""
    pool = [
        node for owner in ast.walk(source.tree) if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and _names(node)[:1] in (["self"], ["cls"])
    ]  # fmt: skip
    if not pool:
        return None
    node = rng.choice(pool)
    line = source.lines[node.lineno - 1]
    name = _names(node)[0]
    other = rng.choice(["", "", "", "", "this, ", "slef, ", "elf, "])
    new = re.sub(rf"\({name}(, )?", f"({other}", line, count=1)
    return Mutation.line(node.lineno - 1, new.replace(", )", ")", 1) if other else new)


def lost_call(source: Source, rng: Random) -> Mutation | None:
    """A statement that calls nothing: `stream.close` without its parentheses."""
    pool = [
        row for row in source.code_rows
        if re.fullmatch(r"\s*(?:self\.)?\w+(?:\.\w+)+\(\)", source.lines[row])
    ]  # fmt: skip
    return Mutation.line(row := rng.choice(pool), source.lines[row][:-2]) if pool else None


def unparenthesized(source: Source, rng: Random) -> Mutation | None:
    """A tuple, a generator or several exceptions without the parentheses that they need."""
    pool: list[tuple[int, str]] = []
    for row in source.code_rows:
        line = source.lines[row]
        if m := re.search(r"([\[{(])\((\w+(?:, [\w.\[\]()]+)+)\) for ", line):
            pool.append((row, f"{line[: m.start()]}{m[1]}{m[2]} for {line[m.end() :]}"))
        if m := re.match(r"(\s*except )\(([\w.]+(?:, [\w.]+)+)\)(.*)$", line):
            pool.append((row, m[1] + m[2] + m[3]))
        if rng.random() < 0.1 and (m := re.match(r"(\s*from [\w.]+ import .*\w)$", line)):
            pool.append((row, m[1] + ","))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and len(node.args) + len(node.keywords) > 1:
            for item in node.args:
                if isinstance(item, ast.GeneratorExp) and _one_line(item):
                    line, a, b = source.lines[item.lineno - 1], item.col_offset, item.end_col_offset
                    bare = line[a:b].removeprefix("(").removesuffix(")")
                    pool.append((item.lineno - 1, line[:a] + bare + line[b:]))
    return Mutation.line(*rng.choice(pool)) if pool else None


def walrus(source: Source, rng: Random) -> Mutation | None:
    """`:=` where `=` is meant, and the other way round."""
    found = source.operators(":=")
    if found and rng.random() < 0.8:
        return Mutation.line(
            *source.replaced(rng.choice(found), rng.choice(["=", "=", ": =", "=="]))
        )
    plain = [
        token for token in source.operators("=")
        if re.fullmatch(r"\s*\w+ ", source.lines[token.start[0] - 1][: token.start[1]])
    ]  # fmt: skip
    return Mutation.line(*source.replaced(rng.choice(plain), ":=")) if plain else None


def _functions(source: Source) -> list[_Function]:
    return [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def _names(node: _Function) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]


def _one_line(node: ast.expr) -> bool:
    return node.lineno == node.end_lineno


def _ends(nodes: Sequence[ast.expr | ast.keyword]) -> tuple[int, int]:
    return min(n.col_offset for n in nodes), max(n.end_col_offset or 0 for n in nodes)


def _cut(line: str, node: ast.expr | ast.keyword) -> str:
    return line[node.col_offset : node.end_col_offset]
