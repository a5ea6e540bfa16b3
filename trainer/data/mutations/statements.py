"""Statements where they may not stand, without a part they need, or with their sides exchanged."""

from __future__ import annotations

import ast
import re
from random import Random

from trainer.data.mutations.base import Mutation, pick
from trainer.data.source import Source


def lost_async(source: Source, rng: Random) -> Mutation | None:
    """`async` left out before `def`: some `await` inside is then outside."""
    rows = [row for row in source.code_rows if source.lines[row].lstrip().startswith("async def ")]
    if not rows:
        return None
    return Mutation.line(row := rng.choice(rows), source.lines[row].replace("async ", "", 1))


def lost_block(source: Source, rng: Random) -> Mutation | None:
    """A body of one line, or a whole `except`, left out."""
    pool: list[tuple[int, int]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try) and len(node.handlers) == 1 and not node.finalbody:
            handler = node.handlers[0]
            if not node.orelse and (handler.end_lineno or 0) - handler.lineno < 4:
                pool.append((handler.lineno - 1, handler.end_lineno or handler.lineno))
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) == 1 and isinstance(node, ast.stmt):
            only = body[0]
            if only.lineno > node.lineno and only.lineno == only.end_lineno and (
                isinstance(only, (ast.Pass, ast.Expr)) or rng.random() < 0.2
            ):  # fmt: skip
                pool.append((only.lineno - 1, only.lineno))
    if not pool:
        return None
    start, stop = rng.choice(pool)
    return Mutation(start=start, stop=stop, lines=())


def handlers(source: Source, rng: Random) -> Mutation | None:
    """The handler of everything before the others."""
    pool = [
        node for node in ast.walk(source.tree)
        if isinstance(node, ast.Try) and len(node.handlers) > 1
        and node.handlers[-1].type is None
    ]  # fmt: skip
    if not pool:
        return None
    first, *_, last = rng.choice(pool).handlers
    start, middle, stop = first.lineno - 1, last.lineno - 1, last.end_lineno or last.lineno
    lines = (*source.lines[middle:stop], *source.lines[start:middle])
    return Mutation(start=start, stop=stop, lines=lines)


def global_place(source: Source, rng: Random) -> Mutation | None:
    """`global` below the first use of its name, or left out."""
    rows = [
        row for row in source.code_rows[:-1]
        if re.match(r"\s*(?:global|nonlocal) \w", source.lines[row]) and row + 1 in source.code_rows
    ]  # fmt: skip
    if not rows:
        return None
    row = rng.choice(rows)
    below = source.lines[row + 1]
    margin = len(below) - len(below.lstrip())
    if margin != len(source.lines[row]) - len(source.lines[row].lstrip()):
        return None
    if rng.random() < 0.5 or below.rstrip().endswith((":", "(", "[", "{")):
        return Mutation(start=row, stop=row + 1, lines=())
    return Mutation(start=row, stop=row + 2, lines=(below, source.lines[row]))


def sides(source: Source, rng: Random) -> Mutation | None:
    """`5 = x`, `my-name = 5`, `f(x) = y`: what cannot be assigned to."""
    pool: list[tuple[int, str]] = []
    for row in source.code_rows:
        line = source.lines[row]
        if m := re.match(r"(\s*)(\w+(?:\.\w+)*) = ([^=].*)$", line):
            literal = re.fullmatch(
                r"[\d.]+|\"[^\"]*\"|'[^']*'|None|True|False|\w+\([\w., ]*\)", m[3]
            )
            if literal or re.fullmatch(r"\w+ [-+*/] \w+", m[3]):
                pool.append((row, f"{m[1]}{m[3]} = {m[2]}"))
            if "_" in m[2].strip("_"):
                at = m[2].rindex("_")
                pool.append((row, f"{m[1]}{m[2][:at]}{rng.choice('- ')}{m[2][at + 1 :]} = {m[3]}"))
        if m := re.match(r"(\s*def )(\w+_\w+)(\(.*)$", line):
            pool.append((row, m[1] + m[2].replace("_", rng.choice("- "), 1) + m[3]))
    return Mutation.line(*rng.choice(pool)) if pool else None


def lost_else(source: Source, rng: Random) -> Mutation | None:
    """`a if b` without its `else`."""
    pool = [
        node for node in ast.walk(source.tree)
        if isinstance(node, ast.IfExp) and node.lineno == node.end_lineno
        and isinstance(node.orelse, (ast.Constant, ast.Name, ast.Attribute))
    ]  # fmt: skip
    if not pool:
        return None
    node = rng.choice(pool)
    line = source.lines[node.lineno - 1]
    new = line[: node.test.end_col_offset] + line[node.orelse.end_col_offset :]
    return Mutation.line(node.lineno - 1, new)


def type_comparison(source: Source, rng: Random) -> Mutation | None:
    """`type(x) == int` for `isinstance(x, int)`."""
    found = pick(source, r"(not )?isinstance\(([\w.\[\]]+), (\w+)\)", rng)
    if found is None:
        return None
    row, match = found
    sign = "!=" if match[1] else "=="
    return Mutation.within(source, row, match, f"type({match[2]}) {sign} {match[3]}")


_PYTHON_2: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^(\s*)print\((.+)\)$", (r"\1print \2", r"\1print \2", r"\1print \2,")),
    (r"^(\s*)print\((.+), file=([\w.]+)\)$", (r"\1print >>\3, \2", r"\1print >> \3, \2")),
    (r"^(\s*)raise (\w+)\(([\"'].+[\"'])\)$", (r"\1raise \2, \3",)),
    (r"^(\s*)raise (\w+)\((.+)\) from \w+$", (r"\1raise \2, \3",)),
    (r"^(\s*)except (\([\w., ]+\)|[\w.]+) as (\w+):", (r"\1except \2, \3:",)),
    (r"^(\s*)exec\((.+)\)$", (r"\1exec \2",)),
    (r" != ", (" <> ",)),
    (r"\brepr\((\w+)\)", (r"`\1`",)),
    (r"\b0o([0-7]+)\b", (r"0\1",)),
    (r"\b([1-9]\d*)\b", (r"\1L",)),
    (r"\brange\(", ("xrange(",)), (r"\binput\(", ("raw_input(",)), (r"\bstr\(", ("unicode(",)),
    (r"\bchr\(", ("unichr(",)), (r"\bint\(", ("long(",)), (r", str\)", (", basestring)",)),
    (r"lambda (\w+), (\w+): ", (r"lambda (\1, \2): ",)),
    (r"\bbytes\b", ("buffer",)),
    (r"^(\s*)def (\w+)\((\w+), (\w+)\):", (r"\1def \2((\3, \4)):",)),
)  # fmt: skip


def python_2(source: Source, rng: Random) -> Mutation | None:
    """A line as Python 2 had it."""
    pool = [
        (number, row) for row in source.code_rows
        for number, (pattern, _) in enumerate(_PYTHON_2) if re.search(pattern, source.lines[row])
    ]  # fmt: skip
    if not pool:
        return None
    which = rng.choice(sorted({number for number, _ in pool}))
    row = rng.choice([row for number, row in pool if number == which])
    pattern, results = _PYTHON_2[which]
    return Mutation.line(row, re.sub(pattern, rng.choice(results), source.lines[row], count=1))
