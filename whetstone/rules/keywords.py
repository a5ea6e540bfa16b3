"""Keywords that are misspelt, capitalised or doubled."""

from __future__ import annotations

import difflib
import itertools
import keyword
import re
from collections.abc import Iterator

from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.rules import lost_keywords
from whetstone.rules.lines import bare, with_lines
from whetstone.rules.names import undefined_name

_WORD = re.compile(r"[A-Za-z_]\w*")
_STATEMENTS = tuple(word for word in keyword.kwlist if word.islower())
_INSIDE = ("in", "is", "as", "and", "or", "not", "if", "else", "for", "import", "lambda", "from")
# A keyword that stands twice: `not not in`, `def def f`.
_TWICE = re.compile(rf"\b({'|'.join(_STATEMENTS)})(?:\s+\1\b)+")
# Words that call or end something where they stand alone or before an operand.
_ALONE = ("return", "pass", "break", "continue", "raise", "yield", "assert", "del", "not", "else")
_MOST = 6
CERTAIN = 0.95  # a likeness that leaves no doubt


def misspelt(line: str) -> list[tuple[int, str, str]]:
    """(column, word, keyword) of what looks like a keyword and is none, likeliest first."""
    code = bare(line)
    found: list[tuple[float, int, str, str]] = []
    for number, match in enumerate(_WORD.finditer(code)):
        word = match.group()
        if keyword.iskeyword(word) or line[match.start()] != word[0]:
            continue
        first = not code[: match.start()].strip()
        pool = _STATEMENTS if first else _pool(code, *match.span())
        for right in pool:
            alike = likeness(word, right)
            if alike >= (0.7 if first else 0.75):
                found.append((-alike, number, word, right))
    columns = [match.start() for match in _WORD.finditer(code)]
    return [(columns[n], word, right) for _, n, word, right in sorted(found)][:_MOST]


def hints(document: Document, diagnostic: Diagnostic) -> list[str]:
    """`wrong -> right` for a misspelt keyword in the flagged line."""
    lines = document.bare_lines()
    row = diagnostic.span.start_line
    if diagnostic.code != "SyntaxError" or row >= len(lines):
        return []
    return [f"{wrong} -> {right}" for _, wrong, right in misspelt(lines[row])]


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    diagnostic, region = problem.diagnostic, problem.region
    name = undefined_name(diagnostic)
    if diagnostic.code == "B018" and len(problem.flagged) == 1:
        name = problem.flagged[0].strip()  # ruff says so before that it is undefined
    for index, line in enumerate(problem.flagged):
        row = region.start + index
        if not diagnostic.span.start_line <= row <= diagnostic.span.end_line:
            continue
        if name:
            news = _called(line, name)
        elif diagnostic.source == "python":
            news = itertools.chain(
                _first_word(line), lost_keywords.put_back(document, row, line), _corrected(line)
            )
        else:
            return
        for new in itertools.islice(dict.fromkeys(news), _MOST):
            yield with_lines(problem, index, new)


def _called(line: str, name: str) -> Iterator[str]:
    """`Return -1` and `retrun(x)` are expressions, so only the name is found to be undefined."""
    match = re.match(rf"(\s*){re.escape(name)}\b(?=\s*(?:[(\[\"'-].*)?(?:#.*)?\Z)", line)
    if match is None:
        return
    for right in sorted(_ALONE, key=lambda right: -likeness(name, right)):
        if likeness(name, right) >= (0.7 if len(name) > 3 else 0.9):
            rest = line[match.end() :]
            space = "" if rest[:1] in ("", " ") else " "
            yield f"{match[1]}{right}{space}{rest}"


def _first_word(line: str) -> Iterator[str]:
    """A lone word before a colon that is all but a keyword."""
    if (match := re.match(r"\s*(\w+)\s*:\s*(?:#.*)?\Z", line)) is not None:
        for right in ("else", "try", "finally", "except"):
            if likeness(match[1], right) >= 0.75:
                yield line[: match.start(1)] + right + line[match.end(1) :]


def _corrected(line: str) -> Iterator[str]:
    if (new := _TWICE.sub(r"\1", line)) != line:
        yield new
    for column, wrong, right in misspelt(line):
        yield line[:column] + right + line[column + len(wrong) :]


def likeness(word: str, right: str) -> float:
    """0 to 1: CERTAIN or more for another case, letters exchanged, or the word twice."""
    if right not in _STATEMENTS:
        return 0.0
    lower = word.lower()
    if lower in (right, right * 2):
        return 1.0
    if len(word) > 1 and sorted(lower) == sorted(right):
        return CERTAIN
    if abs(len(word) - len(right)) > 2:
        return 0.0
    ratio = difflib.SequenceMatcher(None, lower, right, autojunk=False).ratio()
    # One letter of a short word is a large part of it.
    if len(word) == len(right) and 3 <= len(right) <= 4:
        wrong = sum(a != b for a, b in zip(lower, right, strict=True))
        ratio = max(ratio, 0.76 if wrong == 1 else 0.0)
    return ratio


def _pool(code: str, start: int, stop: int) -> tuple[str, ...]:
    """The keywords that can stand where the word does: between two operands, or before one."""
    before, after = code[:start].rstrip(), code[stop:].lstrip()
    if re.search(r"[(\[{,=:]\Z", before):
        operand = re.match(r"\w[\w\s,=*]*:|:", after)
        return ("lambda",) if operand else ("not", "await") if re.match(r"\w", after) else ()
    if after and not re.match(r"[\w\"'(\[{~*-]", after):
        return ()
    if after[:1] in ("(", "[", "{") and code[stop] != " ":
        return ()
    if start and code[start - 1] not in " \t)]}":
        return ()
    return _INSIDE if re.search(r"[\w)\]}\"']\Z", before) else ()
