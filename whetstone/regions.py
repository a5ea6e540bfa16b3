"""Where the fault lies when it is not on the flagged line.

The compiler and ruff point at the line that they cannot accept; some messages say that another line
is at fault: `await` needs an `async` above it, `self` a parameter, `global` a place further up.
Everything here reads lines and their indentation, because the file seldom parses.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Iterator, Sequence

from whetstone.indentation import MAX_REGION_LINES
from whetstone.moved import moves, region_of
from whetstone.problem import Diagnostic, Document, Region

_DEF = re.compile(r"\s*(?:async\s+)?def\s")
_HANDLER = re.compile(r"\s*(?:except|else|finally)\b")
TOO_MANY = re.compile(
    r"(?P<name>\w+)\(\) takes (?P<takes>\d+) positional arguments? but (?P<given>\d+) w"
)
_GOES_ON = re.compile(r"(?:else|elif|except|finally|case)\b|[)\]}#@]")
_HARD = "|".join(sorted(set(keyword.kwlist) - {"None", "True", "False"}))
# A keyword where only a name can stand: `class = 1`, `for from in`, `x.class`, `(a, lambda)`.
_KEYWORD_NAME = re.compile(
    rf"(?:\bfor\s+|\bas\s+|\bdef\s+|\.|[(,]\s*|^\s*)(?P<word>{_HARD})(?=\s*(?:=(?!=)|,|\)|\.\w|in\b))"
    rf"|\bfor\s+(?P<loop>{_HARD})\s+in\b|\.(?P<attribute>{_HARD})\b"
)


def elsewhere(document: Document, diagnostic: Diagnostic) -> Iterator[Region]:
    """Regions that the message points to instead of the flagged lines, best first."""
    lines = document.bare_lines()
    row = diagnostic.span.start_line
    if row >= len(lines):
        return
    moved = region_of(moves(document.text, row, diagnostic.message))
    if moved is not None:
        yield moved
    many = TOO_MANY.search(diagnostic.message)
    if many and int(many["given"]) == int(many["takes"]) + 1:
        yield from _called_def(lines, row, document.text, many["name"])
    for part, find in _BY_MESSAGE:
        if part in diagnostic.message:
            for region in find(lines, row, document.text):
                if 0 < len(region) <= MAX_REGION_LINES:
                    yield region


def header_above(document: Document, diagnostic: Diagnostic) -> Region | None:
    """The header whose body is missing."""
    if "expected an indented block" not in diagnostic.message:
        return None
    lines = document.lines()
    for row in range(min(diagnostic.span.start_line, len(lines) - 1), -1, -1):
        bare = lines[row].split("#")[0].rstrip()
        if bare.endswith(":") and (row < diagnostic.span.start_line or row == len(lines) - 1):
            return Region(start=row, stop=row + 1)
    return None


def down_to_next_statement(document: Document, region: Region) -> Region | None:
    """From an unclosed bracket to where its statement seems to end."""
    lines = document.lines()
    margin = _indent(lines[region.start]) if lines else 0
    stop = region.stop
    while stop < min(len(lines), region.start + MAX_REGION_LINES):
        line = lines[stop]
        code = line.strip()
        if code and _indent(line) <= margin and code[0] not in ")]}" and code[:2] != "->":
            break
        stop += 1
    wider = _trimmed(lines, region.start, stop)
    return wider if wider.stop > region.stop else None


def own_lines(document: Document, row: int) -> Region | None:
    """The lines of the innermost statement at `row`, without those of its body.

    None where the file does not parse, or when they are more than MAX_REGION_LINES.
    """
    try:
        tree = ast.parse(document.text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    lines = document.lines()
    found: Region | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno - 1 <= row < (node.end_lineno or 0):
            body = getattr(node, "body", None)
            stop = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            while stop > node.lineno and lines[stop - 1].strip()[:1] in ("", "#", "@"):
                stop -= 1
            if row < stop and (found is None or node.lineno - 1 >= found.start):
                found = Region(start=node.lineno - 1, stop=stop)
    return found if found is not None and len(found) <= MAX_REGION_LINES else None


def with_line_above(document: Document, region: Region) -> Region | None:
    """The region with the code line above it, when one is near."""
    lines = document.lines()
    for above in range(region.start - 1, max(-1, region.start - 4), -1):
        if lines[above].strip():
            return Region(start=above, stop=region.stop)
    return None


def statement_around(lines: Sequence[str], start: int, stop: int) -> tuple[int, int]:
    """First row, and the one after the last, of the top-level statement that holds these lines."""
    while start > 0 and (not lines[start].strip() or _inside(lines[start])):
        start -= 1
    while stop < len(lines) and (not lines[stop].strip() or _inside(lines[stop])):
        stop += 1
    return start, stop


def _inside(line: str) -> bool:
    return line[0] in " \t" or _GOES_ON.match(line) is not None


def keyword_as_name(line: str) -> str | None:
    """The keyword that `line` uses where only a name can stand."""
    match = _KEYWORD_NAME.search(line)
    return next((word for word in match.groups() if word), None) if match else None


def enclosing_def(lines: Sequence[str], row: int) -> int | None:
    """Row of the `def` line whose body `row` is in."""
    margin = _indent(lines[row])
    for above in range(row - 1, -1, -1):
        if not lines[above].strip() or _indent(lines[above]) >= margin:
            continue
        margin = _indent(lines[above])
        if _DEF.match(lines[above]):
            return above
    return None


def _def_line(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    at = enclosing_def(lines, row)
    if at is not None:
        yield Region(start=at, stop=at + 1)


def _called_def(lines: Sequence[str], row: int, text: str, name: str) -> Iterator[Region]:
    """The only definition of a method that takes one argument less than it is given."""
    rows = [
        n for n, line in enumerate(lines) if re.match(rf"\s+def {name}\((?!self\b|cls\b)", line)
    ]
    if len(rows) == 1:
        yield Region(start=rows[0], stop=rows[0] + 1)


def _header_and_first_statement(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """The signature that `row` belongs to, and its body down to the first statement."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.lineno - 1 <= row < node.body[0].lineno - 1:
            first = node.body[0]
            says = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            body = node.body[1] if says and len(node.body) > 1 else first
            stop = first.end_lineno if body is first and says else body.lineno
            yield Region(start=node.lineno - 1, stop=stop or node.lineno)


def _lonely_header(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """A header that is followed by a blank line and another definition: its body is missing."""
    above = row - 1
    while above >= 0 and not lines[above].split("#")[0].strip():
        above -= 1
    definition = re.match(r"\s*(?:class|def|async def|@|if __name__)\b|\s*@", lines[row])
    if definition and 0 <= above < row - 1 and _indent(lines[row]) <= _indent(lines[above]):
        yield Region(start=above, stop=above + 1)


def _lonely_closer(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """A closing bracket on its own line: its partner may be lost on the line above."""
    if row and re.fullmatch(r"\s*[)\]}]+[,:]?\s*", lines[row].split("#")[0]):
        yield Region(start=row - 1, stop=row + 1)


def _first_use(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    names = re.findall(r"\w+", lines[row].split("#")[0])[1:]
    top = enclosing_def(lines, row)
    for above in range((top or 0) + 1, row):
        if set(names) & set(re.findall(r"\w+", lines[above])):
            yield Region(start=above, stop=row + 1)
            return


def _handlers(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    margin = _indent(lines[row])
    stop = row + 1
    while stop < len(lines):
        line = lines[stop]
        if line.strip() and _indent(line) <= margin and not (
            _indent(line) == margin and _HANDLER.match(line)
        ):  # fmt: skip
            break
        stop += 1
    yield _trimmed(lines, row, stop)


def _block(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """The flagged header with its body."""
    margin = _indent(lines[row])
    stop = row + 1
    while stop < len(lines) and (not lines[stop].strip() or _indent(lines[stop]) > margin):
        stop += 1
    yield _trimmed(lines, row, stop)


def _from_the_top(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    first = next((n for n in range(row) if re.match(r"(?:import|from|\w+\s*=)", lines[n])), row)
    yield Region(start=first, stop=row + 1)


def _keyword_lines(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """Down to the last line of the block that uses the same keyword as a name."""
    word = keyword_as_name(lines[row])
    if word is None:
        return
    margin = _indent(lines[row])
    last = row
    for below in range(row + 1, min(len(lines), row + MAX_REGION_LINES)):
        if lines[below].strip() and _indent(lines[below]) < margin:
            break
        if re.search(rf"\b{word}\b", lines[below]):
            last = below
    if last > row:
        yield Region(start=row, stop=last + 1)


def _docstring(lines: Sequence[str], row: int, text: str) -> Iterator[Region]:
    """The docstring that lost a mark: all quotes below it are taken for the other side of theirs.

    One is not closed when a definition follows before the next mark, or when the mark stands at the
    end of the line alone.
    """
    unclosed: int | None = None
    for at, line in enumerate(lines[: row + 1]):
        marks = re.findall(r"\"{3}|'{3}", line)
        if _DEF.match(line) and unclosed is not None and len(marks) < 2:
            below = next((other for other in lines[at + 1 :] if other.strip()), "")
            if re.match(r"\s*[rR]?(?:\"|'){2,3}", below):
                yield Region(start=unclosed, stop=unclosed + 1)
                return
        if len(marks) % 2:
            opens = re.match(r"\s*[rRuU]?(?:\"{3}|'{3})", line) is not None
            if unclosed is None and not opens and re.match(r"\s*(?:\"|')*[A-Z]", line):
                yield Region(start=at, stop=at + 1)
                return
            unclosed = at if unclosed is None else None


def _trimmed(lines: Sequence[str], start: int, stop: int) -> Region:
    while stop > start + 1 and not lines[stop - 1].strip():
        stop -= 1
    return Region(start=start, stop=stop)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


_Find = Callable[[Sequence[str], int, str], Iterator[Region]]
_BY_MESSAGE: tuple[tuple[str, _Find], ...] = (
    ("unterminated triple-quoted string", _docstring),
    ("outside async function", _def_line),
    ("outside of an asynchronous function", _def_line),
    ("Undefined name 'self'", _def_line),
    ("Undefined name 'cls'", _def_line),
    ("expected an indented block", _lonely_header),
    ("unmatched '", _lonely_closer),
    ("B006", _header_and_first_statement),
    ("to before global declaration", _first_use),
    ("prior to global declaration", _first_use),
    ("to before nonlocal declaration", _first_use),
    ("prior to nonlocal declaration", _first_use),
    ("'except:' must be last", _handlers),
    ("F402", _block),
    ("__future__ imports must occur", _from_the_top),
    ("SyntaxError: invalid syntax", _keyword_lines),
)
