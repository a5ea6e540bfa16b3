"""What the rules share: the flagged line, code without its strings, split arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Problem, Replacement

CLOSER = {"(": ")", "[": "]", "{": "}"}
_STRING = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|#.*"  # an unclosed quote is left as it stands
)


def flagged(problem: Problem) -> tuple[int, str] | None:
    """(index in the region, text) of the line where the diagnostic begins; None outside."""
    index = problem.diagnostic.span.start_line - problem.region.start
    return (index, problem.flagged[index]) if 0 <= index < len(problem.flagged) else None


def with_lines(problem: Problem, index: int, *new: str) -> Replacement:
    """The region with line `index` replaced by `new`."""
    lines = (*problem.flagged[:index], *new, *problem.flagged[index + 1 :])
    return Replacement(kind="replace", lines=lines)


def bare(line: str) -> str:
    """`line`, as long as before, with strings and comment blanked out."""
    return _STRING.sub(lambda match: "_" * len(match.group()), line)


def depth(text: str) -> int:
    """How many more brackets the code of `text` opens than it closes."""
    code = "\n".join(map(bare, text.split("\n")))
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def substituted(pattern: str, right: str, line: str) -> Iterator[str]:
    """`line` with each match of `pattern` outside of strings replaced, one at a time."""
    for match in re.finditer(pattern, bare(line)):
        real = re.compile(pattern).match(line, match.start())
        if real and real.end() == match.end():
            yield line[: match.start()] + real.expand(right) + line[match.end() :]


def parentheses(line: str) -> Iterator[tuple[int, int]]:
    """(first column inside, column of the closing one) of each closed pair, innermost first."""
    opened: list[int] = []
    for column, char in enumerate(bare(line)):
        if char in "([{":
            opened.append(column)
        elif char in ")]}" and opened:
            start = opened.pop()
            if line[start] == "(":
                yield start + 1, column


def split(text: str) -> list[str]:
    """`text` cut at its commas that lie outside of brackets and strings, stripped.

    >>> split("a, f(b, c), 'd, e'")
    ['a', 'f(b, c)', "'d, e'"]
    """
    parts, depth, start = [], 0, 0
    for column, char in enumerate(bare(text)):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            parts.append(text[start:column].strip())
            start = column + 1
    return [*parts, last] if (last := text[start:].strip()) else parts


def in_arithmetic(before: str) -> bool:
    """True inside a parenthesis that only groups: there an operator is missing, not a comma."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        if before[at] in ")]}":
            depth += 1
        elif before[at] in "([{":
            if depth == 0:
                return before[at] == "(" and before[:at].rstrip()[-1:] in tuple("+-*/%<>&|^~")
            depth -= 1
    return False


def split_comment(line: str) -> tuple[str, str]:
    """The code of `line`, and its comment with the `#`."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:at], line[at:]
    return line, ""


def with_colon(line: str) -> str:
    """`line` with a colon at the end of its code."""
    code, comment = split_comment(line)
    bare = code.rstrip()
    return line if bare.endswith(":") else f"{bare}:{code[len(bare) :]}{comment}"
