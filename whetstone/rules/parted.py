"""Words that are two words: `lenitems)` was `len(items)`, `self_name` was `self.name`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from whetstone.rules.imports import offers
from whetstone.rules.seen import Surroundings

_LEAST = 3  # letters of both halves together


def parted(line: str, found: Sequence[tuple[int, int]], around: Surroundings) -> Iterator[int]:
    """Columns inside of unknown words where a mark between two known ones may have been lost.

    Args:
        found: the tokens of `line`, as `seen.spans` gives them.
    """
    for begin, end in found:
        word = line[begin:end]
        if not word.isidentifier() or len(word) < _LEAST or around.knows(word):
            continue
        for place in range(1, len(word)):
            left, right = word[:place], word[place:]
            if _may_end(line, begin, left, around) and _may_begin(line[end:], right, around):
                yield begin + place


def _may_end(line: str, begin: int, left: str, around: Surroundings) -> bool:
    """Can what stands before the mark be a name?"""
    owner = re.search(r"(\w+)\.\Z", line[:begin])
    if owner is not None and around.imports(owner[1]):
        return offers(owner[1], left)
    if around.knows(left):
        return len(left) > 1
    # A definition names what the file need not know; so does what follows a dot.
    return len(left) > 1 and re.search(r"(?:\.|\b(?:def|class)\s+)\Z", line[:begin]) is not None


def _may_begin(rest: str, right: str, around: Surroundings) -> bool:
    """Can what stands behind the mark be a name or a number, given what follows?"""
    if around.knows(right) or right.isdigit():
        return True
    # A keyword argument, or a parameter with its type: they need not stand elsewhere.
    return right.isidentifier() and re.match(r"=(?!=)|:\s", rest) is not None
