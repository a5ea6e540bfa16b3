"""One line as tokens that know where they stand; quotes and words in texts are tokens, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from whetstone.kinds import is_name
from whetstone.rules.lines import CLOSER

_TOKENS = re.compile(r"\w+|[=!<>+\-*/|&%^~@:]+|[^\w\s]")
_DEEP = 8  # parts of an operand


@dataclass(frozen=True, slots=True)
class Token:
    """`text` at line[start:stop]."""

    text: str
    start: int
    stop: int

    @property
    def is_name(self) -> bool:
        """Could stand for something else: a name or a number, and no word of the language."""
        return is_name(self.text)


@lru_cache(maxsize=4_096)  # a line is looked at once for every rewrite
def tokenize(line: str) -> tuple[Token, ...]:
    return tuple(Token(m.group(), m.start(), m.end()) for m in _TOKENS.finditer(line))


def primaries(tokens: Sequence[Token], begin: int) -> list[int]:
    """Where an operand that begins at `begin` may end (exclusive), the shortest first.

    A name, and further what is read off it: `self`, `self.items`, `self.items[0]`,
    `self.items[0].pop()`.
    """
    if begin >= len(tokens) or not tokens[begin].is_name:
        return []
    ends = [begin + 1]
    while len(ends) < _DEEP and (end := _further(tokens, ends[-1])) is not None:
        ends.append(end)
    return ends


def _further(tokens: Sequence[Token], at: int) -> int | None:
    """The end of one attribute, call or index that begins at `at`."""
    if at >= len(tokens):
        return None
    if tokens[at].text == ".":
        return at + 2 if at + 1 < len(tokens) and tokens[at + 1].is_name else None
    if tokens[at].text not in ("(", "["):
        return None
    depth = 0
    for place in range(at, len(tokens)):
        if tokens[place].text in CLOSER:
            depth += 1
        elif tokens[place].text in CLOSER.values():
            depth -= 1
        if depth == 0:
            return place + 1
    return None
