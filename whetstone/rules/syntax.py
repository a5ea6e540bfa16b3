"""Syntax errors: the compiler's own hint, misspelt keywords, and words of other languages."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Callable, Iterator

from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement
from whetstone.rules import layout
from whetstone.rules.lines import CLOSER, depth, in_arithmetic
from whetstone.rules.lines import bare as code_of

_WORD = re.compile(r"[A-Za-z_]\w*")
# pattern -> replacement, and what the hint calls it. Tried one at a time, then all together.
_FOREIGN: tuple[tuple[str, str, str], ...] = (
    (r"\belse\s+if\b", "elif", "else if -> elif"),
    (r"\b(elseif|elsif|elsf|elif\s+if|esif)\b", "elif", "elseif -> elif"),
    (r"\s*&&\s*", " and ", "&& -> and"),
    (r"\s*\|\|\s*", " or ", "|| -> or"),
    (r"!(?!=)\s*", "not ", "! -> not"),
    (r"===", "==", "=== -> =="),
    (r"!==", "!=", "!== -> !="),
    (r"\b([\w.\[\]]+)\s*\+\+", r"\1 += 1", "++ -> += 1"),
    (r"\b([\w.\[\]]+)\s*--(?!\w)", r"\1 -= 1", "-- -> -= 1"),
    (r"\+\+\s*([\w.\[\]]+)", r"\1 += 1", "++ -> += 1"),
    (r"^(\s*)(?:public |private |static )*(?:function|func|fun|fn|define|sub)\s+(?=\w+\s*\()",
     r"\1def ", "function -> def"),
    (r"^(\s*)(?:var|let|const|my)\s+(?=\w+\s*[=:])", r"\1", "drop var"),
    (r"^(\s*)(?:int|float|double|string|String|bool|auto)\s+(?=\w+\s*=)", r"\1", "drop the type"),
    (r"\bnew\s+(?=[A-Za-z_]\w*\s*\()", "", "drop new"),
    (r"\bthrow\s+(?:new\s+)?", "raise ", "throw -> raise"),
    (r"\bcatch\b", "except", "catch -> except"),
    (r"\bexcept\s+(\w+(?:\.\w+)*)\s*,\s*(\w+)\s*:", r"except \1 as \2:", "except X as e"),
    (r"\s*\{\s*$", ":", "{ -> :"),
    (r"\s+then\s*:?\s*$", ":", "then -> :"),
    (r"\s+do\s*:?\s*$", ":", "do -> :"),
    (r";\s*$", ":", "; -> :"),
    (r"\bfor\s*\(\s*(?:var |let |const )?(\w+)\s+(?:of|in)\s+(.+)\)\s*:?\s*$", r"for \1 in \2:",
     "for x in y:"),
    (r"\bfor\s+(\w+)\s+(?:of|on|:|ni|int|im)\s+", r"for \1 in ", "for x in y"),
    (r"^(\s*)print\s+(?!\()(.+)$", r"\1print(\2)", "print x -> print(x)"),
    (r"^(\s*)exec\s+(?!\()(.+)$", r"\1exec(\2)", "exec x -> exec(x)"),
    (r"<>", "!=", "<> -> !="),
    (r"=<", "<=", "=< -> <="),
    (r"=>", ">=", "=> -> >="),
    (r"^(\s*)//", r"\1#", "// -> #"),
    (r"\?\?", "or", "?? -> or"),
    (r"\bawait\s+async\b", "await", "await"),
)  # fmt: skip


def hints(document: Document, diagnostic: Diagnostic) -> list[str]:
    """`wrong -> right` for a misspelt keyword or another language's word in the flagged line."""
    if diagnostic.code != "SyntaxError":
        return []
    lines = document.lines()
    if diagnostic.span.start_line >= len(lines):
        return []
    line = lines[diagnostic.span.start_line].rstrip("\r\n")
    found = [f"{wrong} -> {right}" for wrong, right in _misspelt(line)]
    found += [hint for pattern, _, hint in _FOREIGN if _code_search(pattern, line)]
    return found[:2]


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """Repairs of a syntax error that follow from its message or its words."""
    if problem.diagnostic.source != "python":
        return
    index = problem.diagnostic.span.start_line - problem.region.start
    if not 0 <= index < len(problem.flagged):
        return
    if "was never closed" in problem.diagnostic.message:
        yield from _closed_where_indentation_says(problem)
        yield from _closed_below(problem)
    line = problem.flagged[index]
    for new in _lines(document, problem, line):
        kept = (new,) if new.strip() else ()  # a line that was one stray bracket goes as a whole
        lines = (*problem.flagged[:index], *kept, *problem.flagged[index + 1 :])
        yield Replacement(kind="replace", lines=lines)


def _closed_where_indentation_says(problem: Problem) -> Iterator[Replacement]:
    """A closing bracket on its own line, before the line that is no longer indented for it."""
    opened: list[tuple[str, int]] = []
    next_below = next((line for line in problem.below if line.strip()), "pass")
    for index, line in enumerate((*problem.flagged, next_below)):
        margin = len(line) - len(line.lstrip())
        code = code_of(line)
        if opened and line.strip() and margin <= opened[-1][1] and code.strip()[:1] not in ")]}":
            closer, outer = opened[-1]
            if index == len(problem.flagged) and not _hangs(problem, closer, outer):
                return
            comma = "," if len(opened) > 1 else ""
            lines = (
                *problem.flagged[:index], f"{' ' * outer}{closer}{comma}", *problem.flagged[index:]
            )  # fmt: skip
            yield Replacement(kind="replace", lines=lines)
            return
        for char in code:
            if char in CLOSER:
                opened.append((CLOSER[char], margin))
            elif opened and char == opened[-1][0]:
                opened.pop()


def _hangs(problem: Problem, closer: str, margin: int) -> bool:
    """Does a line with this margin end with the bracket that `closer` closes?"""
    return any(
        CLOSER.get(code_of(line).rstrip()[-1:]) == closer
        and len(line) - len(line.lstrip()) == margin
        for line in problem.flagged
    )


def _closed_below(problem: Problem) -> Iterator[Replacement]:
    """The bracket closed at the end of a later line of the region, the last one first."""
    for index in range(len(problem.flagged) - 1, 0, -1):
        if problem.flagged[index].strip():
            for new in _never_closed(problem.flagged[index], problem):
                lines = (*problem.flagged[:index], new, *problem.flagged[index + 1 :])
                yield Replacement(kind="replace", lines=lines)


def _lines(document: Document, problem: Problem, line: str) -> Iterator[str]:
    message = problem.diagnostic.message
    for part, repair in _BY_MESSAGE:
        if part in message:
            yield from repair(line, problem)
    for wrong, right in _misspelt(line):
        new = re.sub(rf"\b{wrong}\b", right, line, count=1)
        yield new
        yield from _translations(new)
    yield from _translations(line)
    yield from layout.indentations(document, Region(start=problem.region.start, stop=0), line)


def _translations(line: str) -> Iterator[str]:
    everything = line
    for pattern, right, _ in _FOREIGN:
        if not _code_search(pattern, line):
            continue
        new = re.sub(pattern, right, line).rstrip()
        everything = re.sub(pattern, right, everything).rstrip()
        yield new
        if re.match(r"\s*(if|elif|else|for|while|def|class|try|except|with)\b", new):
            yield _with_colon(new)
    if everything != line:
        yield everything
        yield _with_colon(everything)


def _code_search(pattern: str, line: str) -> bool:
    """Matches outside string literals only: `"a && b"` is text."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", lambda m: "_" * len(m.group()), line)
    return re.search(pattern, bare.split("#")[0].rstrip() or bare) is not None


def _misspelt(line: str) -> list[tuple[str, str]]:
    """Words of `line` that look like a keyword of a statement but are not one."""
    found = []
    first = True
    for match in _WORD.finditer(line.split("#")[0]):
        word = match.group()
        if keyword.iskeyword(word) or word in keyword.softkwlist:
            first = False
            continue
        pool = keyword.kwlist if first else ("in", "as", "import", "and", "or", "not", "if", "else")
        for right in difflib.get_close_matches(word, pool, 1, 0.7 if first else 0.75):
            found.append((word, right))
        first = False
    return found[:3]


def _with_colon(line: str) -> str:
    code, comment = _split_comment(line)
    bare = code.rstrip()
    return line if bare.endswith(":") else f"{bare}:{code[len(bare) :]}{comment}"


def _split_comment(line: str) -> tuple[str, str]:
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return line[:at], line[at:]
    return line, ""


def _colon(line: str, problem: Problem) -> Iterator[str]:
    yield _with_colon(line.rstrip().rstrip(";,.{").rstrip())
    column = problem.diagnostic.span.start_column
    yield line[:column] + ":" + line[column:]


def _equality(line: str, problem: Problem) -> Iterator[str]:
    for match in re.finditer(r"(?<![=!<>:+\-*/%&|^])=(?!=)", line):
        yield line[: match.start()] + "==" + line[match.end() :]


def _never_closed(line: str, problem: Problem) -> Iterator[str]:
    opening = re.search(r"'([(\[{])' was never closed", problem.diagnostic.message)
    if not opening:
        return
    closer = CLOSER[opening[1]]
    code, comment = _split_comment(line)
    bare = code.rstrip()
    if bare.strip() == opening[1]:
        yield ""
    if bare.endswith(opening[1]) and _deeper_below(problem, line):
        return  # what it holds stands on the next lines
    for tail in re.finditer(r"[\s:,)\]}]*\Z", bare):
        for at in sorted({tail.start(), *range(tail.start(), len(bare) + 1)}, reverse=True)[:4]:
            if bare[at:].startswith(",") and _alone(problem):
                continue  # the comma would make a tuple of the statement
            yield bare[:at] + closer + bare[at:] + code[len(bare) :] + comment


def _alone(problem: Problem) -> bool:
    """Is one bracket of the flagged lines open, and no more?"""
    return depth("\n".join(problem.flagged)) == 1


def _deeper_below(problem: Problem, line: str) -> bool:
    below = (*problem.flagged[1:], *problem.below)[:1]
    return bool(below) and len(below[0]) - len(below[0].lstrip()) > len(line) - len(line.lstrip())


def _unmatched(line: str, problem: Problem) -> Iterator[str]:
    column = problem.diagnostic.span.start_column
    if column >= len(line) or line[column] not in ")]}":
        return
    if called := re.search(r"\w\.\w+(?=\)+\Z)", line[: column + 1]):  # `x.strip))`
        yield line[: called.end()] + "(" + line[called.end() :]
    yield line[:column] + line[column + 1 :]


def _mismatched(line: str, problem: Problem) -> Iterator[str]:
    match = re.search(r"'(.)' does not match opening parenthesis '(.)'", problem.diagnostic.message)
    column = problem.diagnostic.span.start_column
    if match and column < len(line):
        closer = CLOSER[match[2]]
        yield line[:column] + closer + line[column + 1 :]
        yield line[:column] + closer + line[column:]


def _unterminated(line: str, problem: Problem) -> Iterator[str]:
    column = problem.diagnostic.span.start_column
    quote = next((char for char in line[column:] if char in "\"'"), "")
    if not quote:
        return
    bare = line.rstrip()
    other = "'" if quote == '"' else '"'
    if bare.count(other) == 1:  # opened with one kind, closed with the other
        yield bare.replace(other, quote)
    if column and line[column - 1 : column + 1] == 2 * quote:  # doubled where the text ends
        yield line[:column] + line[column + 1 :]
    if _next_is_text(problem):  # the pieces of a long text are kept apart by a space
        yield f"{bare} {quote}"
    # A field, then what can only be code: `f"{a}-{b} if b else a`.
    for field in re.finditer(r"\}(?= (?:if|for|in|and|or|[+%]) |, |\))", bare[column:]):
        yield bare[: column + field.end()] + quote + bare[column + field.end() :]
    tail = re.search(r"[\s:,)\]}]*\Z", bare)
    start = tail.start() if tail else len(bare)
    for at in sorted({start, *range(start, len(bare) + 1)})[:4]:
        yield bare[:at] + quote + bare[at:]


def _next_is_text(problem: Problem) -> bool:
    """True when a string literal that begins with a word stands alone on the next line."""
    index = problem.diagnostic.span.start_line - problem.region.start + 1
    below = (*problem.flagged[index:], *problem.below)[:1]
    return bool(below) and re.match(r"\s*[fF]?[\"']\w", below[0]) is not None and (
        re.search(r"\w\Z", problem.flagged[index - 1]) is not None
    )  # fmt: skip


def _comma(line: str, problem: Problem) -> Iterator[str]:
    span = problem.diagnostic.span
    stop = span.end_column if span.end_line == span.start_line else len(line)
    for match in re.finditer(r"(?<=[\w\"')\]}])\s+(?=[\w\"'(\[{])", line[: stop + 1]):
        if match.start() >= span.start_column and not in_arithmetic(line[: match.start()]):
            yield line[: match.start()] + "," + line[match.start() :]


def _print(line: str, problem: Problem) -> Iterator[str]:
    yield re.sub(r"\b(print|exec)\s+(?!\()(.*\S)\s*$", r"\1(\2)", line)


_BY_MESSAGE: tuple[tuple[str, Callable[[str, Problem], Iterator[str]]], ...] = (
    ("expected ':'", _colon),
    ("instead of '='", _equality),
    ("was never closed", _never_closed),
    ("unmatched '", _unmatched),
    ("does not match opening", _mismatched),
    ("unterminated", _unterminated),
    ("forgot a comma", _comma),
    ("Missing parentheses in call", _print),
)
