"""Do two pieces of Python say the same? A formatter's reflow does not count as a change."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence

_TOKEN = re.compile(r"\w+|[^\w\s]")
_CLOSERS = ")]}"


def same_code(one: Sequence[str], other: Sequence[str]) -> bool:
    """True when only white space, line breaks, quotes, parentheses or trailing commas differ."""
    if tuple(one) == tuple(other):
        return True
    trees = _tree(one), _tree(other)
    if None not in trees:
        return trees[0] == trees[1]
    return _tokens(one) == _tokens(other)


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
    """A fragment's syntax tree as text; a header such as `if x:` is given a body."""
    text = textwrap.dedent("\n".join(lines).expandtabs(8)).strip("\n")
    for candidate in (text, text + "\n    pass"):
        try:
            return ast.dump(ast.parse(candidate))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _tokens(lines: Sequence[str]) -> list[str]:
    words = _TOKEN.findall("\n".join(lines).replace("'", '"'))
    return [
        word
        for word, following in zip(words, [*words[1:], ""], strict=True)
        if not (word == "," and following and following in _CLOSERS)
    ]
