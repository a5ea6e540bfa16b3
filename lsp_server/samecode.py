"""Do two pieces of Python say the same? A formatter's reflow does not count as a change."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LOOSE = re.compile(r"\w+|[^\w\s()\\,'\"]")
_CLOSERS = ")]}"
_IMPORTS_WITHIN = 1_000  # lines; this is asked with every key that is typed near the top
_MAX_CHARS = 400_000  # parsed twice; a longer file is compared by its tokens alone
# What stands around a fragment that is no statement of its own: a header, a branch, a handler.
_AROUND = (
    ("", ""),
    ("", "\n    pass"),
    ("if _:\n    pass\n", "\n    pass"),
    ("try:\n    pass\n", "\n    pass"),
)


def same_code(one: Sequence[str], other: Sequence[str]) -> bool:
    """True when only white space, line breaks, quotes, parentheses or trailing commas differ."""
    if tuple(one) == tuple(other):
        return True
    trees = _tree(one), _tree(other)
    if None not in trees:
        return trees[0] == trees[1]
    return _tokens(one) == _tokens(other)


def reformatted(old: Sequence[str], new: Sequence[str], same: tuple[int, int]) -> bool:
    """Was the step between two texts of a document a formatter's: other layout, the same code?

    Args:
        same: the numbers of lines at the start and at the end that both share.
    """
    top, bottom = same
    before, after = old[top : len(old) - bottom], new[top : len(new) - bottom]
    if not before or not after:
        return False
    if _tokens(before) == _tokens(after):
        return True
    if _loose(before) != _loose(after):
        return False
    texts = "".join(old), "".join(new)
    if max(map(len, texts)) > _MAX_CHARS:
        return False
    try:
        return ast.dump(ast.parse(texts[0])) == ast.dump(ast.parse(texts[1]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def imports(lines: Sequence[str]) -> set[tuple[str, str, str]]:
    """Every (module, name, alias) that unindented import statements of `lines` bring in."""
    found: set[tuple[str, str, str]] = set()
    for number, line in enumerate(lines):
        if not line.startswith(("import ", "from ")):
            continue
        node = _statement(lines[number : number + 60])
        if isinstance(node, ast.Import):
            found |= {(alias.name, "", alias.asname or "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(module, alias.name, alias.asname or "") for alias in node.names}
    return found


def import_zone(lines: Sequence[str]) -> int:
    """The line behind the last unindented import statement near the top, and a little more."""
    last = 0
    for number, line in enumerate(lines[:_IMPORTS_WITHIN]):
        if line.startswith(("import ", "from ")):
            last = number + 61  # the longest statement that `imports` reads
    return min(last, len(lines))


def _statement(lines: Sequence[str]) -> ast.stmt | None:
    """The statement that starts at the first of `lines`."""
    text = ""
    for line in lines:
        text += line.rstrip("\r\n") + "\n"
        if text.count("(") <= text.count(")") and not text.endswith("\\\n"):
            break
    try:
        return next(iter(ast.parse(text).body), None)
    except (SyntaxError, ValueError):
        return None


def _tree(lines: Sequence[str]) -> str | None:
    """A fragment's syntax tree as text; what is no statement of its own is given its rest."""
    text = textwrap.dedent("\n".join(lines).expandtabs(8)).strip("\n")
    for before, after in _AROUND:
        try:
            return ast.dump(ast.parse(before + text + after))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _tokens(lines: Sequence[str]) -> list[str]:
    words = _TOKEN.findall("\n".join(lines).replace("'", '"'))
    return [
        word
        for word, following in zip(
            words, [*words[1:], ""], strict=False
        )  # no words at all: nothing
        if not (word == "," and following and following in _CLOSERS)
    ]


def _loose(lines: Sequence[str]) -> list[str]:
    """What no formatter adds or takes away: names, numbers and operators, whatever their case."""
    return [word.lower() for word in _LOOSE.findall("\n".join(lines))]
