"""A candidate in one line, as a menu shows it: what changes, in the user's own words."""

from __future__ import annotations

import re

from whetstone.problem import Diagnostic, Replacement

_MAX = 60
_PRINT = re.compile(r"\s*print\s+[^\s(]")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def title(diagnostic: Diagnostic, old: tuple[str, ...], replacement: Replacement) -> str:
    """For example: replace `lenght` with `length` (F821)."""
    code = f" ({diagnostic.code})" if diagnostic.code else ""
    return _change(old, replacement) + code


def _change(old: tuple[str, ...], replacement: Replacement) -> str:
    if replacement.kind == "import":
        return f"add {_quoted(replacement.lines[0])}"
    if not replacement.lines:
        return f"delete {_quoted(old[0].strip())}" if len(old) == 1 else f"delete {len(old)} lines"
    before, after = "\n".join(old), "\n".join(replacement.lines)
    if before.split() == after.split():
        return "correct the indentation"
    if _PRINT.match(before) and after.lstrip().startswith("print("):
        return "call `print` with parentheses"
    gone, come = _difference(_WORDS.findall(before), _WORDS.findall(after))
    if "\n" in gone or "\n" in come:
        return f"rewrite {len(old)} line{'s' if len(old) > 1 else ''}"
    if not gone:
        return f"insert {_quoted(come)}"
    if not come:
        return f"remove {_quoted(gone)}"
    return f"replace {_quoted(gone)} with {_quoted(come)}"


def _difference(before: list[str], after: list[str]) -> tuple[str, str]:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    limit = min(len(before), len(after)) - start
    while end < limit and before[-1 - end] == after[-1 - end]:
        end += 1
    return (
        "".join(before[start : len(before) - end]).strip(),
        "".join(after[start : len(after) - end]).strip(),
    )


def _quoted(text: str) -> str:
    text = " ".join(text.split()).replace("`", "'")
    return f"`{text[: _MAX - 1]}…`" if len(text) > _MAX else f"`{text}`"
