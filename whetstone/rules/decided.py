"""Where the diagnostic says what to do, so that the rules' first proposal is no guess."""

from __future__ import annotations

import re

from whetstone.problem import Problem, Replacement
from whetstone.rules import keywords

_MESSAGES = (
    "invalid character", "invalid non-printable character", "codec can't decode", "leading zeros",
    "positional argument follows", "follows default argument", "follows parameter with a default",
    "parameters cannot be parenthesized",
)  # fmt: skip
_WORD = re.compile(r"\w+|[^\w\s]")


def decides(problem: Problem, replacement: Replacement) -> bool:
    """True when `replacement` does what the diagnostic says, and nothing else would.

    Then it comes before what the model finds likelier. A model that was grown on functions which
    deal with None already, say, mends `=[]` by half.

    Args:
        replacement: the first of the rules' proposals that was proved.
    """
    diagnostic = problem.diagnostic
    if diagnostic.code == "B006" or any(part in diagnostic.message for part in _MESSAGES):
        return True
    old, new = "\n".join(problem.flagged), "\n".join(replacement.lines)
    if "duplicate argument" in diagnostic.message:
        return old.count(",") == new.count(",")  # renamed, and not left out
    if diagnostic.code == "E721":
        return new.count("isinstance(") > old.count("isinstance(")
    if diagnostic.code == "B018":
        return not new or new in (f"{old}()", f"import {old}")
    return _keyword_only(old, new)


def _keyword_only(old: str, new: str) -> bool:
    """Is a slip in a keyword all that was put right?"""
    before, after = _WORD.findall(old), _WORD.findall(new)
    differing = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    return (
        len(before) == len(after)
        and len(differing) == 1
        and keywords.likeness(*differing[0]) >= keywords.CERTAIN
    )
