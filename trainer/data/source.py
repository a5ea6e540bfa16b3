"""One real Python document with what the mutations need to know about it."""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator
from functools import cached_property
from random import Random

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_PLAIN = frozenset({tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING})


class Source:
    """A document that compiles, cut into lines and tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        if self.lines and not self.lines[-1]:
            self.lines.pop()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """Names, operators, numbers and strings that lie on one line."""
        every = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [t for t in every if t.type in _PLAIN and t.start[0] == t.end[0]]

    @cached_property
    def by_row(self) -> dict[int, list[tokenize.TokenInfo]]:
        """0-based row -> its tokens."""
        rows: dict[int, list[tokenize.TokenInfo]] = {}
        for token in self.tokens:
            rows.setdefault(token.start[0] - 1, []).append(token)
        return rows

    @cached_property
    def code_rows(self) -> list[int]:
        """Rows that begin with a token: no blank lines, comments or insides of long strings."""
        return [
            row
            for row, tokens in sorted(self.by_row.items())
            if not self.lines[row][: tokens[0].start[1]].strip()
        ]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(t.string for t in self.tokens if t.type == tokenize.NAME)

    @cached_property
    def bound(self) -> frozenset[str]:
        """Every name that is bound anywhere in the document."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names.add(node.name)
        return frozenset(names)

    def loads(self) -> Iterator[ast.Name]:
        """Names that are read, one line each."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node

    def operators(self, *strings: str) -> list[tokenize.TokenInfo]:
        return [t for t in self.tokens if t.type == tokenize.OP and t.string in strings]

    def keywords(self, *strings: str) -> list[tokenize.TokenInfo]:
        return [t for t in self.tokens if t.type == tokenize.NAME and t.string in strings]

    def strings(self) -> list[tokenize.TokenInfo]:
        """Single-line string literals that are not triple-quoted."""
        return [
            t
            for t in self.tokens
            if t.type == tokenize.STRING and t.string.lstrip("rRbBuUfF")[:3] not in ('"""', "'''")
        ]

    def replaced(self, token: tokenize.TokenInfo, new: str) -> tuple[int, str]:
        """(row, its line with `token` replaced by `new`)."""
        row, begin, end = token.start[0] - 1, token.start[1], token.end[1]
        line = self.lines[row]
        return row, line[:begin] + new + line[end:]


def typo(word: str, rng: Random) -> str:
    """`word` with one slip of a typist; may be a word again, the caller looks."""
    at = rng.randrange(len(word))
    kind = rng.random()
    if kind < 0.32 and len(word) > 2:
        at = rng.randrange(len(word) - 1)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.6 and len(word) > 2:
        return word[:at] + word[at + 1 :]
    if kind < 0.74:
        return word[:at] + word[at] + word[at:]
    if kind < 0.84:
        return word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
    if kind < 0.9:
        return word[:-1] if word.endswith("s") else word + "s"
    if kind < 0.95 and "_" in word.strip("_"):
        head, *rest = word.split("_")
        return head + "".join(part.capitalize() for part in rest)
    return word.swapcase() if len(word) < 3 else word[0].swapcase() + word[1:]


def misspelt(word: str, taken: frozenset[str], rng: Random) -> str | None:
    """A misspelling that is an identifier but neither a keyword, a builtin, nor in `taken`."""
    for _ in range(12):
        new = typo(word, rng)
        taken_too = new in taken or new in BUILTINS or keyword.iskeyword(new)
        if new != word and new.isidentifier() and not taken_too:
            return new
    return None
