"""Where a range of lines went when the text around or inside it changed.

Only the two texts are compared, not the client's change events: that way it is the same for
incremental and full sync, for several cursors at once, and for a formatter that sends the whole
file. Lines above and below the change are skipped by comparing identities first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\w+|[^\w\s]")
_MAX_TOKENS = 4_000
_CHUNK = 256

Block = tuple[Sequence[str], Sequence[str]]
Changes = Sequence[tuple[str, int, int, int, int]]


def trim(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines at the start and at the end of both are the same."""
    limit = min(len(old), len(new))
    start = 0
    # Whole slices first: comparing lists of the same objects costs next to nothing.
    while start < limit and old[start : start + _CHUNK] == new[start : start + _CHUNK]:
        start += _CHUNK
    start = min(start, limit)
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end + _CHUNK <= limit - start and (
        old[len(old) - end - _CHUNK : len(old) - end]
        == new[len(new) - end - _CHUNK : len(new) - end]
    ):
        end += _CHUNK
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def map_span(
    old: Sequence[str],
    new: Sequence[str],
    start: int,
    stop: int,
    *,
    same: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Lines `start` to `stop` (exclusive) of `old`, in `new`.

    Lines inserted exactly at an edge stay outside. A range whose lines were all deleted becomes
    empty, at the place where they were; an empty range stays before what is inserted there.

    Args:
        same: what `trim(old, new)` gave, when it is known already.
    """
    top, bottom = same or trim(old, new)
    shift = len(new) - len(old)
    if stop <= top:
        return start, stop
    if start >= len(old) - bottom:
        return start + shift, stop + shift
    block = old[top : len(old) - bottom], new[top : len(new) - bottom]
    changes = SequenceMatcher(None, *block).get_opcodes()
    begin = start
    if start >= top:
        begin = top + _start(block, changes, start - top)
    if start == stop:
        return begin, begin
    end = stop + shift
    if stop <= len(old) - bottom:
        end = top + _stop(block, changes, stop - top)
    return begin, max(begin, end)


def _start(block: Block, changes: Changes, line: int) -> int:
    """Where the edge before `line` went: before what became of that line."""
    old, new = block
    for tag, i1, i2, j1, j2 in changes:
        if i1 <= line < i2:
            if tag == "equal":
                return j1 + line - i1
            return j1 + _token_edge((old[i1:i2], new[j1:j2]), line - i1, end=False)
    return len(new)


def _stop(block: Block, changes: Changes, line: int) -> int:
    """Where the edge after `line - 1` went: after what became of that line."""
    old, new = block
    for tag, i1, i2, j1, j2 in changes:
        if i1 < line <= i2:
            if tag == "equal":
                return j1 + line - i1
            return j1 + _token_edge((old[i1:i2], new[j1:j2]), line - i1, end=True)
    return 0


def _token_edge(block: Block, line: int, *, end: bool) -> int:
    """The edge before `line` (after line - 1 when `end`) of a rewritten block, by its tokens."""
    old, new = block
    if line == 0 or not new:
        return 0
    if line == len(old):
        return len(new)
    before, after = _tokens(old), _tokens(new)
    if len(before) + len(after) > _MAX_TOKENS or not after:
        return round(line * len(new) / len(old))
    position = sum(1 for _, number in before if number < line)
    words = SequenceMatcher(None, [w for w, _ in before], [w for w, _ in after], autojunk=False)
    for tag, i1, i2, j1, j2 in words.get_opcodes():
        if i1 < position <= i2 if end else i1 <= position < i2:
            edge = j2 if end else j1
            mapped = j1 + position - i1 if tag == "equal" else edge
            if end:
                return after[mapped - 1][1] + 1 if mapped else 0
            return after[mapped][1] if mapped < len(after) else len(new)
    return len(new) if end else 0


def _tokens(lines: Sequence[str]) -> list[tuple[str, int]]:
    return [(word, number) for number, line in enumerate(lines) for word in _TOKEN.findall(line)]
