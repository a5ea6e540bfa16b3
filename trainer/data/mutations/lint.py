"""What compiles and is wrong all the same, in ruff's eyes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

_MODULES = (
    "os", "sys", "re", "json", "math", "random", "time", "datetime", "collections", "itertools",
    "functools", "logging", "string", "copy", "pathlib", "typing", "subprocess", "csv", "shutil",
    "from typing import Optional", "from collections import defaultdict",
    "from pathlib import Path",
    "from typing import Any, Dict", "from datetime import datetime", "from functools import wraps",
    "import numpy as np", "import pandas as pd", "from dataclasses import dataclass, field",
)  # fmt: skip
_IS_LITERAL = r" (==|!=) (?=[\"'\d(\[{-])"


def comparison(source: Source, rng: Random) -> Mutation | None:
    """`is` with literals, `== None`, `== True`, `not x in y`."""
    pool = list(_comparisons(source, rng))
    if not pool:
        return None
    kind = rng.choice(sorted({kind for kind, _, _ in pool}))
    _, row, new = rng.choice([item for item in pool if item[0] == kind])
    return Mutation.line(row, new)


def _comparisons(source: Source, rng: Random) -> Iterator[tuple[str, int, str]]:
    for row in source.code_rows:
        line = source.lines[row]
        for m in re.finditer(_IS_LITERAL, line):
            new = " is " if m[1] == "==" else " is not "
            yield "is", row, line[: m.start()] + new + line[m.end() :]
        for m in re.finditer(r" is (not )?(None|True|False)\b", line):
            new = f" {'!=' if m[1] else '=='} {m[2]}"
            yield "none", row, line[: m.start()] + new + line[m.end() :]
        if bare := re.match(r"(\s*(?:if|elif|while) )(not )?([\w.]+(?:\(\))?):$", line):
            right = "== False" if bare[2] else rng.choice(["== True", "!= False"])
            yield "true", row, f"{bare[1]}{bare[3]} {right}:"
        for m in re.finditer(r"([\w.]+) not in ", line):
            yield "in", row, f"{line[: m.start()]}not {m[1]} in {line[m.end() :]}"
        for m in re.finditer(r"([\w.]+) is not ", line):
            yield "is not", row, f"{line[: m.start()]}not {m[1]} is {line[m.end() :]}"


def unused(source: Source, rng: Random) -> Mutation | None:
    """An import or a variable that nobody reads."""
    chance = rng.random()
    if chance < 0.5:
        return _unused_import(source, rng)
    if chance < 0.72:
        return _longer_import(source, rng)
    return _unused_variable(source, rng)


def repeated(source: Source, rng: Random) -> Mutation | None:
    """A dict entry, an import or an annotation that stands there once too often."""
    entries = [
        row for row in source.code_rows
        if re.fullmatch(r"\s*[\"']\w+[\"']: [^()\[\]{}]+,", source.lines[row])
    ]  # fmt: skip
    chance = rng.random()
    if entries and chance < 0.4:
        row = rng.choice(entries)
        near = [r for r in entries if abs(r - row) < 4]
        at = rng.choice(near) + 1
        return Mutation(start=at, stop=at, lines=(source.lines[row],))
    imports = _import_rows(source)
    if imports and chance < 0.75:
        row = rng.choice(imports)
        at = rng.choice(imports) + 1
        return Mutation(start=at, stop=at, lines=(source.lines[row],))
    rows = [row for row in source.code_rows if source.lines[row].startswith("    ")]
    if not rows:
        return None
    row = rng.choice(rows)
    margin = source.lines[row][: -len(source.lines[row].lstrip())]
    name = rng.choice(["result", "count", "item", "label", "size"])
    kind = rng.choice(["int", "str", "list[int]", "float", "bool"])
    return Mutation(start=row, stop=row, lines=(f"{margin}{name}: {kind}",))


def _import_rows(source: Source) -> list[int]:
    return [
        n.lineno - 1 for n in source.tree.body
        if isinstance(n, (ast.Import, ast.ImportFrom)) and n.lineno == n.end_lineno
        and getattr(n, "module", "") != "__future__"
    ]  # fmt: skip


def _unused_import(source: Source, rng: Random) -> Mutation | None:
    rows = _import_rows(source)
    row = rng.choice(rows) + rng.randrange(2) if rows else 0
    what = rng.choice(_MODULES)
    line = what if " " in what else f"import {what}"
    if set(re.findall(r"\w+", line)) - {"import", "from", "as"} & source.words:
        return None
    return Mutation(start=row, stop=row, lines=(line,))


def _longer_import(source: Source, rng: Random) -> Mutation | None:
    rows = [row for row in _import_rows(source) if source.lines[row].startswith("from")]
    if not rows:
        return None
    row = rng.choice(rows)
    head, tail = source.lines[row].split(" import ", 1)
    if "(" in tail:
        return None
    extra = rng.choice(["List", "Any", "Iterable", "deque", "chain", "wraps", "Union", "partial",
                        "dumps", "sqrt", "path",
                        "helper", "utils", "Config", "timedelta"])  # fmt: skip
    names = tail.split(", ")
    names.insert(rng.randint(0, len(names)), extra)
    return (
        None if extra in source.words else Mutation.line(row, f"{head} import {', '.join(names)}")
    )


def _unused_variable(source: Source, rng: Random) -> Mutation | None:
    rows = [row for row in source.code_rows if source.lines[row].startswith("    ")]
    if not rows:
        return None
    row = rng.choice(rows)
    line = source.lines[row]
    margin = line[: len(line) - len(line.lstrip())]
    new = rng.choice(["result", "tmp", "count", "flag", "data", "value", "ret", "old", "x", "n"])
    if new in source.words:
        return None
    if rng.random() < 0.5 and re.match(r"\s*[\w.]+\(.*\)$", line):
        return Mutation.line(row, f"{margin}{new} = {line.lstrip()}")
    if rng.random() < 0.3 and re.match(r"\s*except [\w.]+:$", line):
        return Mutation.line(row, f"{line[:-1]} as {rng.choice(['e', 'err', 'exc'])}:")
    value = rng.choice(["0", "None", "[]", "{}", '""', "True", "1", "len(str(1))"])
    return Mutation(start=row, stop=row, lines=(f"{margin}{new} = {value}",))


def f_string(source: Source, rng: Random) -> Mutation | None:
    """An f without placeholders, quotes that clash inside, a brace that is not closed."""
    strings = source.strings()
    formatted = [t for t in strings if t.string[0] in "fF" and "{" in t.string]
    plain = [t for t in strings if t.string[0] in "\"'" and "{" not in t.string]
    if formatted and rng.random() < 0.65:
        token = rng.choice(formatted)
        text, mark = token.string, token.string[-1]
        other = "'" if mark == '"' else '"'
        if other in text and rng.random() < 0.7:
            return Mutation.line(*source.replaced(token, text.replace(other, mark)))
        return Mutation.line(*source.replaced(token, text.replace(rng.choice("{}}}"), "", 1)))
    if not plain:
        return None
    token = rng.choice(plain)
    return Mutation.line(*source.replaced(token, "f" + token.string))


def mutable_default(source: Source, rng: Random) -> Mutation | None:
    """`=[]` for a parameter whose body begins by making one when it is None: those lines go, too.

    Where the body deals with None further down, the mutant would teach to mend by half.
    """
    pool: list[Mutation] = []
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for row in (first.lineno - 1 for first in node.body[:2]):
            found = re.match(r"\s*if (\w+) is None:$", source.lines[row])
            made = found and re.match(
                rf"\s*{found[1]} = (\[\]|\{{\}}|set\(\))$", source.lines[row + 1]
            )
            head = node.lineno - 1
            line = source.lines[head]
            if not found or not made or f"{found[1]}=None" not in line:
                continue
            new = line.replace(f"{found[1]}=None", f"{found[1]}={made[1]}")
            lines = (new, *source.lines[head + 1 : row], *source.lines[row + 2 : row + 3])
            pool.append(Mutation(start=head, stop=row + 3, lines=lines))
    return rng.choice(pool) if pool else None


def lost_return(source: Source, rng: Random) -> Mutation | None:
    """The value without `return`; slips that ruff knows beside it."""
    pool: list[tuple[int, str]] = []
    for row in source.code_rows:
        line = source.lines[row]
        if m := re.match(r"(\s*)return ([^\s(].*)$", line):
            pool.append((row, m[1] + m[2]))
            if re.fullmatch(r"\w+", m[2]):
                pool.append((row, m[1] + f"return == {m[2]}"))
        if m := re.match(r"(\s*)raise NotImplementedError(\(.*\))?$", line):
            pool.append((row, f"{m[1]}raise NotImplemented{m[2] or ''}"))
        if m := re.match(r"(\s*)assert ([^,]+), (.+)$", line):
            pool.append((row, f"{m[1]}assert ({m[2]}, {m[3]})"))
        if m := re.match(r"(\s*)(if|elif) ([\w.]+ [<>=!]+ [\w.]+):$", line):
            pool.append((row, f'{m[1]}{m[2]} ({m[3]}, ""):'))
        if m := re.match(r"(\s*)(\w+) = (\w+)$", line):
            pool.append((row, f"{m[1]}{m[2]} == {m[3]}"))
    return Mutation.line(*rng.choice(pool)) if pool else None
