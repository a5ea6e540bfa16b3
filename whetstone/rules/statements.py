"""Statements that may not stand where they do, or whose sides and words are in another order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import enclosing_def, keyword_as_name
from whetstone.rules.lines import flagged, indent, parentheses, split, with_lines

_ASSIGNED = re.compile(r"(\s*)(.+?)\s*(?<![=!<>:+\-*/%&|^@])=(?!=)\s*(.+?)\s*\Z")
_TARGET = re.compile(r"[A-Za-z_][\w.]*(?:\[[^\[\]]*\])?(?:\s*,\s*[A-Za-z_][\w.]*)*\Z")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    if problem.diagnostic.source != "python":
        return
    message = problem.diagnostic.message
    for part, whole in _REGIONS:
        if part in message:
            yield from whole(document, problem)
    found = flagged(problem)
    if found is None:
        return
    index, line = found
    for part, repair in _LINES:
        if part in message:
            for new in repair(line, document, problem):
                yield with_lines(problem, index, *new)


# -- the region as a whole ----------------------------------------------------------------------


def _async(document: Document, problem: Problem) -> Iterator[Replacement]:
    line = problem.flagged[0]
    if len(problem.flagged) == 1 and re.match(r"\s*def\s", line):
        yield with_lines(problem, 0, f"{indent(line)}async {line.lstrip()}")


def _handlers(document: Document, problem: Problem) -> Iterator[Replacement]:
    """The bare `except:` behind the other handlers, before `else` and `finally`."""
    margin = indent(problem.flagged[0])
    clauses: list[list[str]] = []
    for line in problem.flagged:
        if line.strip() and indent(line) == margin:
            clauses.append([])
        if not clauses:
            return
        clauses[-1].append(line)
    first, *rest = clauses
    last = next(
        (n for n, c in enumerate(rest) if not c[0].lstrip().startswith("except")), len(rest)
    )
    if first[0].strip() == "except:" and last:
        ordered = [*rest[:last], first, *rest[last:]]
        yield Replacement(
            kind="replace", lines=tuple(line for clause in ordered for line in clause)
        )


def _declaration_first(document: Document, problem: Problem) -> Iterator[Replacement]:
    """The last line of the region, a declaration or an import, before all others."""
    if len(problem.flagged) > 1:
        *rest, last = problem.flagged
        first = indent(rest[0]) + last.lstrip()
        yield Replacement(kind="replace", lines=(first, *rest))


def _keyword(document: Document, problem: Problem) -> Iterator[Replacement]:
    """A keyword used as a name gets an underscore, as PEP 8 has it, wherever the region uses it."""
    found = flagged(problem)
    word = keyword_as_name(found[1]) if found else None
    if word is None:
        return
    name = rf"(?<=\.)\b{word}\b|\b{word}\b(?=\s*(?:[=,).\[:+\-*/]|in\b|\Z))"
    for pattern in (rf"\b{word}\b", name):
        lines = tuple(re.sub(pattern, f"{word}_", line) for line in problem.flagged)
        yield Replacement(kind="replace", lines=lines)


# -- the flagged line ---------------------------------------------------------------------------


def _sides(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """What cannot be assigned to stands on the left: exchange the sides, or mend the name."""
    match = _ASSIGNED.match(line)
    if match is None or re.match(r"\s*(?:if|elif|while|assert|return)\b", line):
        return
    margin, left, right = match.groups()
    name = re.sub(r"(?<=\w)\s*-\s*(?=[A-Za-z_])", "_", left)
    if name != left and _TARGET.match(name):
        yield (f"{margin}{name} = {right}",)
    if _TARGET.match(right) and not re.match(r"\d|None\b|True\b|False\b", right):
        yield (f"{margin}{right} = {left}",)
    if called := re.fullmatch(r"([\w.]+)\(([^()]*)\)", left):
        yield (f"{margin}{called[1]}[{called[2]}] = {right}",)


def _entry(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """A colon between a key and its value."""
    pattern = r"((?:[\"'])\w[^\"']*[\"']|\b\w+)\s*(?:=>|->|=(?!=)|,|;)?\s*(?=[\w\"'\[{(-])"
    column = problem.diagnostic.span.start_column
    for match in re.finditer(pattern, line):
        if match.end() > column:
            yield (f"{line[: match.start()]}{match[1]}: {line[match.end() :]}",)
            break
    every = re.sub(r"([\"']\w[^\"']*[\"'])\s*(?:=>|->|=(?!=))\s*", r"\1: ", line)
    if every != line:
        yield (every,)


def _entry_not_item(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """The same where a comma seems to be missing, if this is a dict."""
    lines = [*problem.above[-1:], *problem.below[:1]]
    entry = r"\s*[\"']?\w[^\"']*[\"']?\s*: "
    if re.search(r"\{[^}]*\Z", line[: problem.diagnostic.span.start_column + 1]) or (
        re.match(r"\s*[\"']", line) and any(re.match(entry, other) for other in lines)
    ):
        yield from _entry(line, document, problem)


def _walrus(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    if match := re.match(r"(\s*(?:if|elif|while) )(not )?([A-Za-z_]\w*) = (.+?):\s*\Z", line):
        head, negated, name, value = match.groups()
        if re.search(r"[)\]]\Z", value):  # a literal is compared, not kept
            yield (f"{head}{negated or ''}({name} := {value}):",)
    new = re.sub(r"\((\w+) = (?=[^()]*\()", r"(\1 := ", line)
    if new != line:
        yield (new,)


def _exceptions(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    match = re.match(r"(\s*except\s+)([\w.]+(?:\s*,\s*[\w.]+)+)(\s+as\s+\w+)?\s*:(.*)\Z", line)
    if match is None:
        return
    names = split(match[2])
    if len(names) == 2 and names[1][:1].islower() and not match[3]:
        yield (f"{match[1]}{names[0]} as {names[1]}:{match[4]}",)
    yield (f"{match[1]}({', '.join(names)}){match[3] or ''}:{match[4]}",)


def _needless(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """A `global` of a parameter, or a `nonlocal` where nothing encloses."""
    yield ()


def _global_for_nonlocal(
    line: str, document: Document, problem: Problem
) -> Iterator[tuple[str, ...]]:
    yield (re.sub(r"\bnonlocal\b", "global", line),)


def _break(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    lines = document.bare_lines()
    if enclosing_def(lines, problem.diagnostic.span.start_line) is not None:
        yield (re.sub(r"\bbreak\b", "return", line),)


def _trailing_comma(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    yield (re.sub(r",\s*(#.*)?\Z", lambda m: f"  {m[1]}" if m[1] else "", line),)


def _def_name(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """`def my-name(` and `def my name(`."""
    if match := re.match(r"(\s*(?:async\s+)?def\s+)(\w+(?:\s*[- ]\s*\w+)+)(\s*\(.*)", line):
        yield (match[1] + re.sub(r"\s*[- ]\s*", "_", match[2]) + match[3],)


def _words(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """Whole statements of Python 2 and of other languages."""
    for pattern, right in _REWRITES:
        new = re.sub(pattern, right, line)
        if new != line:
            yield (new.rstrip(),)
    for start, stop in parentheses(line):
        inner = re.sub(r"^(.+?) \? (.+?) : (.+)$", r"\2 if \1 else \3", line[start:stop])
        if inner != line[start:stop]:
            yield (line[:start] + inner + line[stop:],)


_REWRITES: tuple[tuple[str, str], ...] = (
    (r"^(\s*)raise\s+([\w.]+)\s*,\s*(.+?)\s*$", r"\1raise \2(\3)"),
    (r"^(\s*)print\s*>>\s*([\w.]+)\s*,\s*(.+?),?\s*$", r"\1print(\3, file=\2)"),
    (r"^(\s*)print\s+(.+?),\s*$", r'\1print(\2, end=" ")'),
    (r"`([^`]+)`", r"repr(\1)"),
    (r"^(\s*)import\s+(\w+(?:\s*,\s*\w+)*)\s+from\s+([\w.]+)\s*;?\s*$", r"\1from \3 import \2"),
    (r"= (.+?) \? (.+?) : (.+?);?$", r"= \2 if \1 else \3"),
    (r"\breturn (.+?) \? (.+?) : (.+?);?$", r"return \2 if \1 else \3"),
    (r"\bfor\s+(\w+(?:\s*,\s*\w+)*)\s+(?!in\b|\w+\s+in\b)(?=[\w(\[\"'])", r"for \1 in "),
    (r"\blambda\s*\(([\w\s,=*]*)\)\s*(?::|=>|->)\s*", r"lambda \1: "),
    (r"\blambda\s+([\w\s,=*]*?\w)\s*(?:=>|->|=|;)\s*", r"lambda \1: "),
    (r"\blambda\s+(\w+(?:\s*,\s*\w+)*)\s+(?=[\w(\[\"'-])", r"lambda \1: "),
    (r"\blambda\b([^:]*):\s*return\s+", r"lambda\1: "),
    (r"(?<=[(=,])\s*\(?(\w+(?:\s*,\s*\w+)*)\)?\s*(?:=>|->)\s*", r" lambda \1: "),
    (r"(?<=\()\s*(\w+)\s*(?:=>|->)\s*", r"lambda \1: "),
    (r"^(\s*)(\w+(?:\.\w+)*)\s*:=\s*", r"\1\2 = "),
    (r"^(\s*class\s+\w+)\s+extends\s+([\w.]+)\s*[:{]?\s*$", r"\1(\2):"),
    (r"^(\s*class\s+\w+)\s*:\s*([\w.]+)\s*[:{]?\s*$", r"\1(\2):"),
    (r"\bisnt\b", "is not"),
)

_REGIONS = (
    ("outside async function", _async),
    ("outside of an asynchronous function", _async),
    ("'except:' must be last", _handlers),
    ("global declaration", _declaration_first),
    ("nonlocal declaration", _declaration_first),
    ("__future__ imports must occur", _declaration_first),
    ("invalid syntax", _keyword),
)  # fmt: skip
_LINES = (
    ("':' expected after dictionary key", _entry),
    ("cannot assign to literal", _entry),
    ("forgot a comma", _entry_not_item),
    ("cannot assign to", _sides),
    ("':=' instead of", _walrus),
    ("exception types must be parenthesized", _exceptions),
    ("is parameter and", _needless),
    ("not allowed at module level", _needless),
    ("no binding for nonlocal", _global_for_nonlocal),
    ("'break' outside loop", _break),
    ("trailing comma not allowed", _trailing_comma),
    ("expected '('", _def_name),
    ("invalid syntax", _def_name),
    ("", _words),
)  # fmt: skip
