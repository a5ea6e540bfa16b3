"""What a fix is an example of: the kind of its finding, and what it does, without any names.

Choices are compared by it: whoever took `x += 1` for `x++` has said nothing about `a or b` for
`a || b`, though the compiler says "invalid syntax" of both.
"""

from __future__ import annotations

import difflib
import keyword
import re

from whetstone.problem import Diagnostic, Replacement

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\d+")
_TOKENS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\w+|[=!<>+\-*/|&%^~@:]+|[^\w\s]|\n")
_MAX = 60  # characters of each half: what is longer than this has no double to be compared with


def kind_of(diagnostic: Diagnostic, flagged: tuple[str, ...], fix: Replacement) -> str:
    """The finding's code (or its message), and which tokens are put in the place of which.

    Names, numbers and texts are left out, so it may stand in a model's file.

    >>> from whetstone.problem import Span
    >>> found = Diagnostic(
    ...     source="ruff", code="F632", message="...", span=Span(start_line=0, end_line=0)
    ... )
    >>> fix = Replacement(kind="replace", lines=("if total == 0:",))
    >>> kind_of(found, ("if total is 0:",), fix)
    'ruff:F632 [is > ==]'
    """
    return f"{finding_of(diagnostic)} [{_deed(flagged, fix)}]"


def finding_of(diagnostic: Diagnostic) -> str:
    """The code, or the message without its names: the compiler has no codes.

    >>> from whetstone.problem import Span
    >>> span = Span(start_line=0, end_line=0)
    >>> finding_of(Diagnostic(source="python", code="", message="'(' was never closed", span=span))
    'python:_ was never closed'
    """
    coded = diagnostic.source != "python" and diagnostic.code not in ("", "SyntaxError")
    what = diagnostic.code if coded else _QUOTED.sub("_", diagnostic.message)
    return f"{diagnostic.source}:{what}"[:_MAX]


def is_name(token: str) -> bool:
    """Could it stand for something else: a name or a number, and no word of the language?"""
    return (token[0].isalnum() or token[0] == "_") and not keyword.iskeyword(token)


def _deed(flagged: tuple[str, ...], fix: Replacement) -> str:
    if fix.kind == "import":
        return "import"
    before = _TOKENS.findall("\n".join(line.strip() for line in flagged))
    after = _TOKENS.findall("\n".join(line.strip() for line in fix.lines))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    changes = (
        f"{_bare(before[i1:i2])} > {_bare(after[j1:j2])}".strip()
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    )
    return ", ".join(dict.fromkeys(changes))[:_MAX]


def _bare(tokens: list[str]) -> str:
    """The tokens that are the language's; of the user's only that something stands there, and
    between which quotes."""
    shown = ("_" if is_name(token) else token for token in tokens)
    return " ".join(
        token[0] * 2 if token[0] in "\"'" and len(token) > 1 else token for token in shown
    )
