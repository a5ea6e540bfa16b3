"""The text of an open document: protocol positions in, code points out.

pygls splits lines at form feeds and Unicode separators, where editors do not, and rounds positions
past the end of a line; this buffer follows the specification (3.17, "Text Documents").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from whetstone.problem import Span, split_lines

Encoding = Literal["utf-8", "utf-16", "utf-32"]


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """Code units before code point `column` of `line`."""
    if encoding == "utf-32" or line.isascii():
        return min(column, len(line))
    before = line[:column]
    if encoding == "utf-8":
        return len(before.encode("utf-8", "surrogatepass"))
    return len(before) + sum(char > "\uffff" for char in before)


def from_units(line: str, units: int, encoding: Encoding) -> int:
    """The code point column at `units`; inside a character counts as after it."""
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    column = seen = 0
    while seen < units and column < len(line):
        seen += _width(line[column], encoding)
        column += 1
    return column


def _width(char: str, encoding: Encoding) -> int:
    if encoding == "utf-16":
        return 2 if char > "\uffff" else 1
    return len(char.encode("utf-8", "surrogatepass"))


def content(line: str) -> str:
    """`line` without its ending: columns never point behind it."""
    return line.rstrip("\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines `start` to `stop` (exclusive) were replaced by others; `grown` is how many more."""

    start: int
    stop: int
    grown: int


def moved_span(span: Span, hunk: Hunk) -> Span | None:
    """Where a range is after a change; None when its own lines changed."""
    if span.end_line < hunk.start:
        return span
    if span.start_line < hunk.stop or hunk.start > span.start_line:
        return None
    return replace(
        span, start_line=span.start_line + hunk.grown, end_line=span.end_line + hunk.grown
    )


class Buffer:
    """Lines with their endings. Edits replace whole lines, so that other lines keep identity."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.encoding: Encoding = encoding
        self.lines: list[str] = split_lines(text)
        self._text: str | None = text

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "".join(self.lines)
        return self._text

    def replace_all(self, text: str) -> Hunk:
        count = len(self.lines)
        self.lines, self._text = split_lines(text), text
        return Hunk(start=0, stop=count, grown=len(self.lines) - count)

    def replace(self, start: tuple[int, int], end: tuple[int, int], text: str) -> Hunk:
        """Carry out one content change; positions are (line, code units)."""
        first, column = self.point(*start)
        last, end_column = self.point(*end)
        if (last, end_column) < (first, column):
            last, end_column = first, column
        prefix = self.lines[first][:column] if first < len(self.lines) else ""
        suffix = self.lines[last][end_column:] if last < len(self.lines) else ""
        if not prefix and first and not _closed(self.lines[first - 1], text + suffix):
            first -= 1
            prefix = self.lines[first]
        old, new = self.lines[first : last + 1], split_lines(prefix + text + suffix)
        self.lines[first : last + 1] = new
        self._text = None
        return _hunk(first, old, new)

    def point(self, line: int, units: int) -> tuple[int, int]:
        """(line, code units) to (line, code point column), kept inside the document."""
        if line >= len(self.lines):
            return self._end()
        return line, from_units(content(self.lines[line]), max(0, units), self.encoding)

    def units(self, line: int, column: int) -> tuple[int, int]:
        """(line, code point column) to (line, code units), kept inside the document."""
        if line >= len(self.lines):
            line, column = self._end()
        if line >= len(self.lines):
            return line, 0
        return line, to_units(content(self.lines[line]), column, self.encoding)

    def span(self, start: tuple[int, int], end: tuple[int, int]) -> Span:
        first, last = self.point(*start), self.point(*end)
        return Span(
            start_line=first[0], start_column=first[1], end_line=last[0], end_column=last[1]
        )

    def _end(self) -> tuple[int, int]:
        """Where the text ends: after a final newline that is one line further."""
        if not self.lines or self.lines[-1].endswith(("\n", "\r")):
            return len(self.lines), 0
        return len(self.lines) - 1, len(self.lines[-1])


def _hunk(first: int, old: list[str], new: list[str]) -> Hunk:
    """The change of lines `old`, from line `first` on, without those that stay at its edges."""
    start, limit = 0, min(len(old), len(new))
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Hunk(start=first + start, stop=first + len(old) - end, grown=len(new) - len(old))


def _closed(line: str, follows: str) -> bool:
    """False when `follows` would become part of `line`: no ending yet, or half a CRLF."""
    if line.endswith("\r"):
        return not follows.startswith("\n")
    return line.endswith("\n")


def bare(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines without endings."""
    return tuple(content(line) for line in lines)
