"""Characters and numbers that the tokenizer refuses: its message says which."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import bare, flagged, substituted, with_lines

# What word processors and other keyboards write for Python's own characters. Each group is put
# right together: the two sides of a quotation, or all dashes.
_LOOKALIKES: tuple[tuple[str, str], ...] = (
    ("“”„‟″«»", '"'), ("‘’‚‛′´", "'"), ("–—−‐‑‒", "-"), ("×∗✕", "*"), ("÷⁄", "/"), ("≤⩽", "<="),
    ("≥⩾", ">="), ("≠", "!="), ("，、‚", ","), ("：", ":"), ("；", ";"), ("（", "("), ("）", ")"),
    ("【［", "["), ("】］", "]"), ("｛", "{"), ("｝", "}"), ("＝", "="), ("＋", "+"), ("…", "..."),
    ("→", "->"), ("％", "%"), ("＜", "<"), ("＞", ">"), ("．", "."), ("！", "!"), ("\u037e", ";"),
)  # fmt: skip
_ZERO_WIDTH = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
_MODE = re.compile(r"chmod|umask|mkdir|makedirs|mode|perm|S_I", re.IGNORECASE)


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    message = problem.diagnostic.message
    for part, repair in _BY_MESSAGE:
        if part in message:
            for new in repair(line, problem):
                yield with_lines(problem, index, new)


def _lookalike(line: str, problem: Problem) -> Iterator[str]:
    column = problem.diagnostic.span.start_column
    char = line[column] if column < len(line) else ""
    for group, right in _LOOKALIKES:
        if char and char in group:
            yield _plain(line, ((group, right),))
    yield _plain(line, _LOOKALIKES)


def _plain(line: str, table: tuple[tuple[str, str], ...]) -> str:
    """`line` with the characters of `table` put right, except inside of plain strings."""
    code = bare(line)
    right = {char: plain for group, plain in table for char in group}
    return "".join(
        right.get(char, char) if code[column] == char else char for column, char in enumerate(line)
    )


def _invisible(line: str, problem: Problem) -> Iterator[str]:
    visible = "".join(char for char in line if char not in _ZERO_WIDTH)
    # A space that is none of ours becomes one; two in a row are one.
    yield re.sub(r"[^\S ]", " ", visible)
    yield re.sub(r"(?<=\S) *[^\S ]+ *", " ", visible)


def _escape(line: str, problem: Problem) -> Iterator[str]:
    """A path with backslashes: a raw string, else every backslash doubled."""
    for match in re.finditer(r"(?<![\w\\])([uU]?)([\"'])((?:\\.|(?!\2).)*)\2", line):
        if re.search(r"\\[UuxN]", match[3]):
            head, tail = line[: match.start()], line[match.end() :]
            if not match[3].endswith("\\"):
                yield f"{head}r{match[2]}{match[3]}{match[2]}{tail}"
            doubled = re.sub(r"\\(?!\\)", r"\\\\", match[3])
            yield f"{head}{match[1]}{match[2]}{doubled}{match[2]}{tail}"


def _continuation(line: str, problem: Problem) -> Iterator[str]:
    if re.search(r"\\\s+\Z", line):
        yield re.sub(r"\\\s+\Z", r"\\", line)
    moved = re.sub(r"([\"'])(\\[ntr])", r"\2\1", line)
    if moved != line:
        yield moved
    column = problem.diagnostic.span.start_column
    for at in range(min(column, len(line) - 1), -1, -1):
        if line[at] == "\\":
            yield line[:at] + "/" + line[at + 1 :]
            yield line[:at].rstrip() + line[at + 1 :]
            return


def _leading_zeros(line: str, problem: Problem) -> Iterator[str]:
    pattern = r"(?<![\w.])0+([0-9]+)\b(?!\.)"
    code = bare(line)

    def each(prefix: str) -> str:
        return re.sub(
            pattern, lambda m: prefix + m[1] if code[m.start()] == line[m.start()] else m[0], line
        )

    octal = [each("0o")] if not re.search(r"(?<![\w.])0+[0-9]*[89]", code) else []
    if octal and _MODE.search(line):  # rights are octal
        yield from octal
    else:
        yield from [each(""), *octal]


def _number(line: str, problem: Problem) -> Iterator[str]:
    """`10L`, `1.5f`: a suffix that Python does not know; `2x`: a product."""
    yield from substituted(r"(?<![\w.])(\d[\d_.]*)[lLfFdDuU]\b", r"\1", line)
    yield from substituted(r"(?<![\w.])(\d+(?:\.\d+)?)([A-Za-z_]\w*)", r"\1 * \2", line)
    yield from substituted(r"(?<![\w.])(\d+(?:\.\d+)?)[A-Za-z]{1,2}\b", r"\1", line)  # 20px, 5s
    yield from substituted(r"(?<![\w.])(\d+)(if|else|for|in|and|or|is)\b", r"\1 \2", line)


_BY_MESSAGE = (
    ("invalid character", _lookalike),
    ("invalid non-printable character", _invisible),
    ("codec can't decode", _escape),
    ("after line continuation character", _continuation),
    ("leading zeros", _leading_zeros),
    ("invalid decimal literal", _number),
)
