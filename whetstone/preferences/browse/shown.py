"""What the pages show, as plain values: every text is untrusted and escaped by the templates."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from whetstone.preferences.records import Pair
from whetstone.problem import Replacement

# Control characters, and those that turn the direction of text, which can make code look different
# from what it is.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_ALIKE = 0.5  # lines that share less are shown as two lines without marks

Sign = Literal[" ", "-", "+", "@"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a line; `changed` where the other side has something else."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a diff."""

    sign: Sign
    pieces: tuple[Piece, ...]

    @property
    def kind(self) -> str:
        """The name of its style."""
        return {" ": "same", "-": "old", "+": "new", "@": "place"}[self.sign]


def visible(text: str) -> str:
    """`text` with the characters that nobody sees written out."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def diff(old: Sequence[str], new: Sequence[str]) -> list[Row]:
    """Lines of both sides, with marks where a line was changed inside."""
    old, new = [visible(line) for line in old], [visible(line) for line in new]
    rows: list[Row] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            rows += [_row(" ", line) for line in old[i1:i2]]
        elif i2 - i1 == j2 - j1:
            marked = [_marked(a, b) for a, b in zip(old[i1:i2], new[j1:j2], strict=True)]
            rows += [before for before, _ in marked] + [after for _, after in marked]
        else:
            rows += [_row("-", line) for line in old[i1:i2]]
            rows += [_row("+", line) for line in new[j1:j2]]
    return rows


def unified(text: str) -> list[Row]:
    """The rows of a stored unified diff, without its file names."""
    signs: dict[str, Sign] = {"+": "+", "-": "-", "@": "@"}
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    rows = []
    for line in map(visible, lines):
        sign = signs.get(line[:1], " ")
        rows.append(_row(sign, line if sign == "@" else line[1:]))
    return rows


def pair_rows(pair: Pair) -> list[Row]:
    """The rejected side against the chosen one; one side alone where there is no other."""
    return diff(_lines(pair.rejected), _lines(pair.chosen))


def _lines(side: Replacement | None) -> tuple[str, ...]:
    if side is None:
        return ()
    return side.lines or ("(no line)",)


def _row(sign: Sign, text: str) -> Row:
    return Row(sign=sign, pieces=(Piece(text=text),))


def _marked(old: str, new: str) -> tuple[Row, Row]:
    words = [re.findall(r"\w+|\s+|.", side) for side in (old, new)]
    matcher = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.ratio() < _ALIKE:
        return _row("-", old), _row("+", new)
    sides: tuple[list[Piece], list[Piece]] = ([], [])
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for side, part in zip(sides, (words[0][i1:i2], words[1][j1:j2]), strict=True):
            if part:
                side.append(Piece(text="".join(part), changed=tag != "equal"))
    return Row(sign="-", pieces=tuple(sides[0])), Row(sign="+", pieces=tuple(sides[1]))
