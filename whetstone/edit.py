"""From an answer to the smallest text edits, and back to text.

Columns count code points here; `lsp_server` turns them into the units it negotiated.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from whetstone.problem import Document, Region, Replacement, Span, split_lines

_BLANK_OR_COMMENT = re.compile(r"\s*(#.*)?\s*\Z")
_DOCSTRING = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')")
_IMPORT = re.compile(r"(import|from)\s")
_HUNK = re.compile(r"\A@@ -(\d+)((?:,\d+)?) \+(\d+)((?:,\d+)?) @@")
_FUTURE = re.compile(r"from\s+__future__\s+import")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEdit:
    """Replace `span` with `new_text`."""

    span: Span
    new_text: str


def edits_for(document: Document, region: Region, replacement: Replacement) -> tuple[TextEdit, ...]:
    """The smallest edits that carry out `replacement`; empty when it changes nothing."""
    lines = document.lines()
    if replacement.kind == "import":
        return _import_edits(document, lines, replacement)
    old = "".join(lines[region.start : region.stop])
    new = document.newline.join(replacement.lines)
    if replacement.lines and (old.endswith(("\n", "\r")) or (not old and region.stop < len(lines))):
        new += document.newline
    return _minimal(old, new, region.start)


def apply(text: str, edits: tuple[TextEdit, ...]) -> str:
    """`text` with every edit carried out; edits must not overlap."""
    lines = split_lines(text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column: int) -> int:
        return starts[line] + column if line < len(starts) else len(text)

    for edit in sorted(edits, key=lambda e: (e.span.start_line, e.span.start_column), reverse=True):
        span = edit.span
        begin = offset(span.start_line, span.start_column)
        end = offset(span.end_line, span.end_column)
        text = text[:begin] + edit.new_text + text[end:]
    return text


def edits_between(old: str, new: str) -> tuple[TextEdit, ...]:
    """Small edits that turn one text into another, whole blocks of lines compared."""
    before, after = split_lines(old), split_lines(new)
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return tuple(
        edit
        for tag, i1, i2, j1, j2 in blocks
        if tag != "equal"
        for edit in _minimal("".join(before[i1:i2]), "".join(after[j1:j2]), i1)
    )


def unified_diff(document: Document, new_text: str, *, context: int = 2) -> str:
    """A unified diff with `a/` and `b/` names, as git prints it."""
    name = document.path.as_posix().lstrip("/") if document.path else document.name
    before, after = document.lines(), split_lines(new_text)
    # Only what lies between the first and the last difference is compared: difflib's time grows
    # faster than the file.
    head = max(0, _equal(before, after) - context)
    tail = max(0, _equal(before[head:][::-1], after[head:][::-1]) - context)
    out = []
    for line in difflib.unified_diff(
        before[head : len(before) - tail], after[head : len(after) - tail], f"a/{name}",
        f"b/{name}", n=context,
    ):  # fmt: skip
        line = _HUNK.sub(lambda match: _shifted(match, head), line) if head else line
        out.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(out)


def _equal(one: list[str], other: list[str]) -> int:
    """How many lines are the same from the start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _shifted(match: re.Match[str], lines: int) -> str:
    """The header of a hunk whose files began `lines` lines later."""
    return f"@@ -{int(match[1]) + lines}{match[2]} +{int(match[3]) + lines}{match[4]} @@"


def import_line(lines: list[str]) -> int:
    """The line before which a new import belongs: after the last import that opens the file.

    Without one it is after the docstring, else after the comments that open the file (a shebang, an
    encoding, a licence). Works on text that does not parse, because that is when it is needed.
    """
    at, number = 0, 0
    started = False  # a docstring or an import was met: comments below belong to the code
    while number < len(lines):
        line = lines[number]
        docstring = None if started else _DOCSTRING.match(line)
        if docstring:
            number = at = _string_end(lines, number, docstring[1])
            started = True
        elif _BLANK_OR_COMMENT.match(line):
            number += 1
            if not started and line.startswith("#"):
                at = number
        elif _IMPORT.match(line):
            number = at = _statement_end(lines, number)
            started = True
        else:
            break
    return at


def _string_end(lines: list[str], number: int, quote: str) -> int:
    opening = lines[number].index(quote) + len(quote)
    if len(quote) == 1 or quote in lines[number][opening:]:
        return number + 1
    for end in range(number + 1, len(lines)):
        if quote in lines[end]:
            return end + 1
    return number + 1


def _statement_end(lines: list[str], number: int) -> int:
    depth = 0
    for end in range(number, len(lines)):
        code = lines[end].split("#")[0]
        depth += code.count("(") - code.count(")")
        if depth <= 0 and not code.rstrip().endswith("\\"):
            return end + 1
    return number + 1


def _import_edits(
    document: Document, lines: list[str], replacement: Replacement
) -> tuple[TextEdit, ...]:
    present = {line.strip() for line in lines}
    wanted = [line for line in replacement.lines if line not in present]
    if not wanted:
        return ()
    at = import_line(lines)
    first_import = not any(_IMPORT.match(line) for line in lines[:at])
    if any(_FUTURE.match(line) for line in wanted):
        at = next((n for n, line in enumerate(lines[:at]) if _IMPORT.match(line)), at)
    newline = document.newline
    text = "".join(line + newline for line in wanted)
    if at and not lines[at - 1].endswith(("\n", "\r")):
        text = newline + text
    follows = lines[at] if at < len(lines) else ""
    if first_import and at and lines[at - 1].strip():
        text = newline + text
    if first_import and follows.strip() and not _IMPORT.match(follows):
        text += newline * (2 if re.match(r"(async\s+def|def|class|@)", follows) else 1)
    return (TextEdit(span=Span(start_line=at, end_line=at), new_text=text),)


def _minimal(old: str, new: str, first_line: int) -> tuple[TextEdit, ...]:
    """One edit without the common start and end of `old` and `new`."""
    if old == new:
        return ()
    start = 0
    limit = min(len(old), len(new))
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    # Never cut a CRLF in two: editors count it as one line ending.
    if start and old[start - 1 : start] == "\r":
        start -= 1
    if end and old[len(old) - end : len(old) - end + 1] == "\n":
        before = (old[len(old) - end - 1 :][:1], new[len(new) - end - 1 :][:1])
        if "\r" in before:
            end -= 1
    start_line, start_column = _position(old, start, first_line)
    end_line, end_column = _position(old, len(old) - end, first_line)
    span = Span(
        start_line=start_line, start_column=start_column, end_line=end_line, end_column=end_column
    )
    return (TextEdit(span=span, new_text=new[start : len(new) - end]),)


def _position(text: str, offset: int, first_line: int) -> tuple[int, int]:
    before = split_lines(text[:offset])
    if before and before[-1].endswith(("\n", "\r")):
        return first_line + len(before), 0
    return first_line + max(0, len(before) - 1), len(before[-1]) if before else 0
