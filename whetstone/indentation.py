"""How deep lines stand: headers, levels, steps, and where a run of lines may end.

Everything here reads lines, because the file does not parse.
"""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence

MAX_REGION_LINES = 12  # more are not replaced together
HEADER = re.compile(
    r"\s*(?:async\s+)?(?P<word>if|elif|else|for|while|with|try|except|finally|def|class|match|case)\b"
)
_TRIPLE = re.compile(r"\"{3}|'{3}")
GOES_ON = re.compile(r"\s*(?:(?:else|elif|except|finally|case)\b|[)\]}])")
DEFINITION = re.compile(r"\s*(?:@|(?:async\s+)?def\b|class\b)")


def parser_error(lines: Sequence[str]) -> str:
    """What the parser says against `lines`; empty when they parse."""
    try:
        with warnings.catch_warnings():  # about escapes in the user's text
            warnings.simplefilter("ignore")
            ast.parse("\n".join(lines) + "\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def inside(line: str) -> bool:
    return line[0] in " #" or GOES_ON.match(line) is not None


def steps(lines: Sequence[str]) -> Iterator[int]:
    """How much deeper each block is than its header."""
    header: str | None = None
    for line in lines:
        code = line.split("#")[0].rstrip()
        if not code.strip():
            continue
        if header is not None and width(line) > width(header):
            yield width(line) - width(header)
        opens = code.endswith(":") and (HEADER.match(code) or code.lstrip().startswith(")"))
        header = line if opens else None


def usual_step(lines: Sequence[str]) -> int:
    """One level of indentation, in columns, as the file mostly has it."""
    counts = Counter(steps(lines))
    step = max(counts, key=lambda step: (counts[step], step == 4), default=4)
    # A block twice as deep as others may have lost its header.
    twice = step == 8 and (counts[8] < 3 or any(width(line) % 8 for line in lines))
    return 4 if twice else step


def stops(lines: Sequence[str], row: int) -> Iterator[int]:
    """Rows before which what begins at `row` may end: down to a blank line or to a lesser level."""
    margin = width(lines[row])
    in_text = False
    for at in range(row, min(len(lines), row + MAX_REGION_LINES)):
        line = lines[at]
        if line.strip() and not in_text and at > row:
            if width(line) < margin or (not lines[at - 1].strip() and width(line) <= margin):
                break
            yield at - sum(1 for _ in _blank_above(lines, at))
        in_text ^= len(_TRIPLE.findall(line)) % 2 == 1
    else:
        at = min(len(lines), row + MAX_REGION_LINES)
    stop = at - sum(1 for _ in _blank_above(lines, at))
    if not in_text:
        yield stop


def with_texts(lines: Sequence[str], start: int, stop: int) -> Iterator[range]:
    """The rows of each line; those of a long text together with the one it begins in."""
    first, in_text = start, False
    for row in range(start, stop):
        in_text ^= len(_TRIPLE.findall(lines[row])) % 2 == 1
        if not in_text or row == stop - 1:
            yield range(first, row + 1)
            first = row + 1


def _blank_above(lines: Sequence[str], row: int) -> Iterator[int]:
    return itertools.takewhile(lambda n: not lines[n].strip(), range(row - 1, -1, -1))


def levels(lines: Sequence[str], row: int) -> list[int]:
    """The levels of the blocks that `row` could go on with, the innermost first; for a definition,
    those where others stand come before."""
    found: list[int] = []
    definitions: list[int] = []
    above = code_above(lines, row)
    while above is not None:
        level = width(lines[above])
        if not found or level < found[-1]:
            found.append(level)
            if DEFINITION.match(lines[above]):
                definitions.append(level)
        above = code_above(lines, above) if level else None
    if DEFINITION.match(lines[row]):
        return list(dict.fromkeys([*definitions, *found]))
    return found


def code_above(lines: Sequence[str], row: int) -> int | None:
    return next((n for n in range(row - 1, -1, -1) if lines[n].split("#")[0].strip()), None)


def header_above(lines: Sequence[str], row: int) -> int | None:
    """The line where the header begins that ends right above `row`."""
    above = code_above(lines, row)
    if above is None or not lines[above].split("#")[0].rstrip().endswith(":"):
        return None
    margin = width(lines[above])
    for at in range(above, max(-1, above - MAX_REGION_LINES), -1):
        if lines[at].strip() and width(lines[at]) <= margin and HEADER.match(lines[at]):
            return at
    return None


def width(line: str) -> int:
    return len(line) - len(line.lstrip())
