"""Colons, brackets, quotes, commas, equals signs and operators."""

from __future__ import annotations

import re
import tokenize
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

_HEADS = frozenset(
    "def class if elif else for while try except finally with async match case".split()
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_SMART = {'"': ("“", "”"), "'": ("‘", "’")}


def colon(source: Source, rng: Random) -> Mutation | None:
    """The colon after a header, or one inside a dict, a slice or a lambda."""
    ends = [
        tokens[-1]
        for tokens in source.by_row.values()
        if tokens[-1].string == ":" and tokens[0].string in _HEADS | {")", "]"}
    ]
    inner = [t for t in source.operators(":") if t not in ends]
    if inner and (not ends or rng.random() < 0.12):
        return _line(source, rng.choice(inner), rng.choice(["", "", "", " =", ";"]))
    if not ends:
        return None
    new = "" if rng.random() < 0.85 else rng.choice([";", " {", ",", ".", " then", " do", "::"])
    return _line(source, rng.choice(ends), new)


def bracket(source: Source, rng: Random) -> Mutation | None:
    """A bracket lost (mostly a closing one), doubled or of the wrong kind."""
    closing = source.operators(")", "]", "}")
    opening = source.operators("(", "[", "{")
    pool = closing if rng.random() < 0.65 else opening
    if not pool:
        return None
    token = rng.choice(pool)
    chance = rng.random()
    if chance < 0.72:
        return _line(source, token, "")
    if chance < 0.86:
        return _line(source, token, token.string * 2)
    kinds = _PAIRS.values() if pool is closing else _PAIRS
    return _line(source, token, rng.choice([kind for kind in kinds if kind != token.string]))


def far_bracket(source: Source, rng: Random) -> Mutation | None:
    """The bracket that closes what was opened lines above, lost or of the wrong kind."""
    opened: list[tokenize.TokenInfo] = []
    pool: list[tokenize.TokenInfo] = []
    for token in source.operators(*_PAIRS, *_PAIRS.values()):
        if token.string in _PAIRS:
            opened.append(token)
        elif opened and opened.pop().start[0] < token.start[0]:
            pool.append(token)
    if not pool:
        return None
    token = rng.choice(pool)
    row, line = source.replaced(token, "")
    chance = rng.random()
    if chance < 0.15:
        return _line(source, token, rng.choice([c for c in _PAIRS.values() if c != token.string]))
    if not line.strip():
        return Mutation(start=row, stop=row + 1, lines=())
    return Mutation.line(row, line.rstrip() if line.strip() != "," else line)


def entry(source: Source, rng: Random) -> Mutation | None:
    """The colon between a key and its value, or the comma behind them."""
    pool = [
        (row, m) for row in source.code_rows
        for m in re.finditer(r"([\"']\w+[\"']|\b\w+)(: )(?=[\w\"'\[{(])", source.lines[row])
        if "{" in source.lines[row][: m.start()] or source.lines[row].rstrip().endswith(",")
    ]  # fmt: skip
    if not pool:
        return None
    row, match = rng.choice(pool)
    line = source.lines[row]
    if line.endswith(",") and rng.random() < 0.3:
        return Mutation.line(row, line[:-1] + rng.choice(["", "", ";", ".", ":"]))
    new = rng.choice([" ", " = ", "=", ", ", " => ", " -> ", ": : ", "; "])
    return Mutation.within(source, row, match, new, group=2)


def quote(source: Source, rng: Random) -> Mutation | None:
    """A quote lost, doubled, of the other kind, typographic, or clashing with one inside."""
    strings = source.strings()
    if not strings:
        return None
    token = rng.choice(strings)
    text = token.string
    mark = text[-1]
    other = "'" if mark == '"' else '"'
    at = text.index(mark)
    body = text[at + 1 : -1]
    chance = rng.random()
    if other in body and chance < 0.35:  # 'it's'
        return _line(source, token, text[:at] + other + body + other)
    if chance < 0.5:
        return _line(source, token, text[:-1])
    if chance < 0.7:
        return _line(source, token, text[:at] + text[at + 1 :])
    if chance < 0.8:
        return _line(source, token, text[:-1] + other)
    if chance < 0.88:
        return _line(source, token, text[:at] + other + text[at + 1 :])
    if chance < 0.92:
        return _line(source, token, text + mark)
    left, right = _SMART[mark]
    return _line(source, token, text[:at] + left + body + right)


def comma(source: Source, rng: Random) -> Mutation | None:
    """A comma lost or something near it on the keyboard."""
    commas = source.operators(",")
    if not commas:
        return None
    token = rng.choice(commas)
    return _line(source, token, "" if rng.random() < 0.8 else rng.choice([".", ";", ",,", ":"]))


def equals(source: Source, rng: Random) -> Mutation | None:
    """`=` where `==` is meant, and the other way round."""
    double = source.operators("==")
    single = [t for t in source.operators("=") if source.by_row[t.start[0] - 1][0].start[1] == 0
              or source.lines[t.start[0] - 1][: t.start[1]].strip().isidentifier()]  # fmt: skip
    if double and (not single or rng.random() < 0.8):
        return _line(source, rng.choice(double), "=" if rng.random() < 0.85 else "= =")
    if not single:
        return None
    return _line(source, rng.choice(single), rng.choice(["==", "==", ":", "= =", "=:"]))


def operator(source: Source, rng: Random) -> Mutation | None:
    """A token lost, doubled, or mistyped: `a + + b`, `=<`, `x y`, `self,name`."""
    chance = rng.random()
    swaps = {"<=": ["=<", "< ="], ">=": ["=>", "> ="], "!=": ["=!", "! ="], "+=": ["=+ ", "+ ="],
             "-=": ["- ="], "**": ["^^", "* *"], "//": ["/ /"], "->": ["=>", "-"]}  # fmt: skip
    if chance < 0.3 and (found := source.operators(*swaps)):
        token = rng.choice(found)
        return _line(source, token, rng.choice(swaps[token.string]).rstrip())
    if chance < 0.5 and (found := source.operators(".")):
        return _line(source, rng.choice(found), rng.choice([",", "..", " ", ""]))
    binary = source.operators("+", "-", "*", "/", "%", "==", "<", ">", "=", "+=", "!=", "<=", ">=")
    if not binary:
        return None
    token = rng.choice(binary)
    row, line = token.start[0] - 1, source.lines[token.start[0] - 1]
    if chance < 0.75:
        before = line[: token.start[1]].rstrip()
        return Mutation.line(row, before + " " + line[token.end[1] :].lstrip())
    if chance < 0.9:
        return _line(source, token, f"{token.string} {rng.choice('*/=')}")
    return Mutation.line(row, line[: token.end[1]])


def _line(source: Source, token: tokenize.TokenInfo, new: str) -> Mutation:
    return Mutation.line(*source.replaced(token, new))
