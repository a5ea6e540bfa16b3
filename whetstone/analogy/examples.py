"""One taken fix as the stretch of tokens that it replaced, and what came there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from whetstone.analogy.tokens import Token, tokenize
from whetstone.kinds import finding_of
from whetstone.problem import Problem, Replacement

_BREAK = Token("\n", 0, 0)
_WIDER = 6  # tokens that a stretch may grow by, to hold the names that come again


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A fix of one line.

    Attributes:
        finding: what was found, without names (`whetstone.kinds.finding_of`).
        line, fixed: the line without its indentation, before and after.
        old, new: the tokens of both that were exchanged; `old` is not empty.
    """

    finding: str
    line: str
    fixed: str
    old: tuple[Token, ...]
    new: tuple[Token, ...]

    @property
    def shape(self) -> tuple[str, ...]:
        """What is left without the names: only examples of one shape can be of one rewrite."""
        both = (*self.old, _BREAK, *self.new)
        return self.finding, *("" if token.is_name else token.text for token in both)


class Changed(NamedTuple):
    """One line without its indentation, before and after."""

    old: str
    new: str


def changed_line(flagged: tuple[str, ...], fix: Replacement) -> Changed | None:
    """The one line that a fix changes; None when it does anything else."""
    if fix.kind != "replace" or len(flagged) != len(fix.lines):
        return None
    changed = [pair for pair in zip(flagged, fix.lines, strict=True) if pair[0] != pair[1]]
    return Changed(*(text.strip() for text in changed[0])) if len(changed) == 1 else None


def examples_of(problem: Problem, fix: Replacement) -> list[Example]:
    """The fix as an example, narrow and, where it exchanges mere names, with what stands beside.

    Nothing for what is no exchange of a part of one line.
    """
    changed = changed_line(problem.flagged, fix)
    if changed is None:
        return []
    old, new = tokenize(changed.old), tokenize(changed.new)
    more = len(new) - len(old)
    stretches = (_stretch(old, new, more, beside) for beside in (False, True))
    return [
        Example(
            finding=finding_of(problem.diagnostic),
            line=changed.old,
            fixed=changed.new,
            old=old[first:last],
            new=new[first : last + more],
        )
        for first, last in dict.fromkeys(filter(None, stretches))
    ]


def _stretch(
    old: Sequence[Token], new: Sequence[Token], more: int, beside: bool
) -> tuple[int, int] | None:
    """Where in `old` the stretch begins and ends; in `new` it is longer by `more`."""
    before, after = [t.text for t in old], [t.text for t in new]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    if not changes:
        return None
    first, last = changes[0][1], changes[-1][2]
    for _ in range(_WIDER):
        wider = _wider(old, new, (first, last, more), beside)
        if wider is None:
            break
        first, last = wider
    first, last = _closed(old, first, last)
    return (first, last) if first < last else None


def _closed(old: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """With the brackets that are opened or closed in the stretch, where they are near."""
    for _ in range(_WIDER):
        texts = [token.text for token in old[first:last]]
        depth = sum(map(texts.count, "([{")) - sum(map(texts.count, ")]}"))
        if depth > 0 and last < len(old):
            last += 1
        elif depth < 0 and first:
            first -= 1
        else:
            break
    return first, last


def _wider(
    old: Sequence[Token], new: Sequence[Token], stretch: tuple[int, int, int], beside: bool
) -> tuple[int, int] | None:
    """One token more, while one is wanted.

    A name that stands beyond the stretch, too, may be there for a reason: `a = a + 1`. A stretch of
    nothing wants something to be known by, and `beside`, a stretch of mere names, too.
    """
    first, last, more = stretch
    read = {token.text for token in old[first:last]}
    beyond = {token.text for token in (*old[:first], *old[last:]) if token.is_name}
    again = {token.text for token in new[first : last + more]} & beyond
    known = any(not token.is_name for token in old[first:last]) if beside else first < last
    missing = again - read | read & beyond
    if not missing and known:
        return None
    left = [n for n in range(first) if old[n].text in missing]
    right = [n for n in range(last, len(old)) if old[n].text in missing]
    if left and (not right or first - left[-1] <= right[0] - last):
        return first - 1, last
    if right or last < len(old):
        return first, last + 1
    return (first - 1, last) if first else None
