"""Ruff's findings that come without a fix of ruff's own, where the message says what is meant."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import enclosing_def
from whetstone.rules.imports import importable
from whetstone.rules.lines import flagged, indent, with_lines
from whetstone.rules.stray import ENDS

# Methods of the built-in containers and of files that are called for what they do.
_CHANGING = frozenset(
    "add append clear close discard extend flush insert remove reverse sort update".split()
)

_Repair = Callable[[str, Document, Problem], Iterator[tuple[str, ...]]]


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if problem.diagnostic.source != "ruff" or found is None:
        return
    index, line = found
    if problem.diagnostic.code == "F402":
        yield from _shadowed(problem)
    for new in _BY_CODE.get(problem.diagnostic.code, _nothing)(line, document, problem):
        yield with_lines(problem, index, *new)


def _nothing(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    yield from ()


def _shadowed(problem: Problem) -> Iterator[Replacement]:
    """Another name for the loop variable, in the whole loop."""
    match = re.search(r"Import '(\w+)'", problem.diagnostic.message)
    if match and len(problem.flagged) > 1:
        lines = (re.sub(rf"(?<![\w.]){match[1]}\b", f"{match[1]}_", x) for x in problem.flagged)
        yield Replacement(kind="replace", lines=tuple(lines))


def _type(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """E721: `isinstance` for a comparison with a type, `is` for one of two types."""
    pattern = (
        r"type\(((?:[^()]|\([^()]*\))+)\) (==|!=|is not|is) (type\((?:[^()]|\([^()]*\))+\)|[\w.]+)"
    )
    match = re.search(pattern, line)
    if match is None:
        return
    what, sign, other = match.groups()
    if not other.startswith("type("):
        negated = "not " if sign in ("!=", "is not") else ""
        new = f"{negated}isinstance({what}, {other})"
        yield (line[: match.start()] + new + line[match.end() :],)
    if sign in ("==", "!="):
        word = "is" if sign == "==" else "is not"
        yield (line[: match.start(2)] + word + line[match.end(2) :],)


def _comparison(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """B015: a comparison as a statement is an assignment, a lost `return` or a lost `assert`."""
    made = re.sub(r"^(\s*[\w.\[\]\"']+) == ", r"\1 = ", line)
    returned = f"{indent(line)}return {line.lstrip()}"
    asserted = f"{indent(line)}assert {line.lstrip()}"
    found = [made, returned]
    if "end of function" in problem.diagnostic.message:
        found.reverse()
    if document.name.startswith("test"):
        found.insert(0, asserted)
    yield from ((new,) for new in found if new != line)


def _expression(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """B018: a call without its parentheses, or a lost `return`, `raise` or name."""
    code = line.split("#")[0].rstrip()
    text = code.strip()
    rest = line[len(code) :]
    if re.fullmatch(r"\w*(?:Error|Exception)|NotImplemented", text):
        yield (f"{indent(line)}raise {text}{rest}",)
    if "." in text and line[:1].strip() and _is_module(document, problem, text):
        yield (f"import {line}",)
    dotted = re.fullmatch(r"[A-Za-z_][\w.\[\]\"']*\.\w+", text)
    defined = (
        re.search(rf"\bdef {re.escape(text)}\(", document.text) if text.isidentifier() else None
    )
    if dotted or defined:
        yield (f"{code}(){rest}",)
    below = next((other for other in problem.below if other.strip()), "")
    goes_on = bool(below) and indent(below) == indent(line) and line[:1].isspace()
    if text in ENDS or (dotted and (goes_on or text.rpartition(".")[2] in _CHANGING)):
        return
    if not goes_on or not text.isidentifier():
        yield (f"{indent(line)}return {line.lstrip()}",)


def _is_module(document: Document, problem: Problem, dotted: str) -> bool:
    """Is there a module of that name, and does its line stand among imports or nothing bind it?"""
    if not dotted.replace(".", "").isidentifier():
        return False
    around = [*problem.above[-1:], *problem.below[:1]]
    among = any(re.match(r"(?:import|from) ", other) for other in around)
    top = re.escape(dotted.split(".")[0])
    bound = rf"^\s*(?:{top}\s*[=:]|(?:import|from|class|def|with|for)\b.*\b{top}\b)"
    return (among or not re.search(bound, document.text, re.MULTILINE)) and importable(
        document, f"import {dotted}"
    )


def _tuple(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F631, F634: a condition in parentheses with a comma is a tuple, and always true."""
    if match := re.match(r"(\s*assert )\((.+)\)(\s*#.*)?$", line):
        yield (f"{match[1]}{match[2].rstrip().rstrip(',')}{match[3] or ''}",)
    if match := re.match(r"(\s*(?:if|elif|while) )\((.+?),\s*\):(.*)$", line):
        yield (f"{match[1]}{match[2]}:{match[3]}",)
    if match := re.match(r"(\s*(?:if|elif|while) )\((.+), ([^,]+)\):(.*)$", line):
        if match[3] in ('""', "''"):
            yield (f"{match[1]}{match[2]}:{match[4]}",)
        yield (f"{match[1]}{match[2]} and {match[3]}:{match[4]}",)


def _print(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F633: `print >>stream, x`."""
    new = re.sub(r"\bprint\s*>>\s*([\w.]+)\s*,\s*(.+?)\s*$", r"print(\2, file=\1)", line)
    if new != line:
        yield (new,)


def _global(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F823: a name of the module, or of the function around, that this function assigns to."""
    match = re.search(r"variable '(\w+)'", problem.diagnostic.message)
    if match is None:
        return
    lines = document.bare_lines()
    inner = enclosing_def(lines, problem.diagnostic.span.start_line)
    outer = None if inner is None else enclosing_def(lines, inner)
    enclosed = outer is not None and inner is not None and any(
        re.match(rf"\s*{match[1]}\s*(?::[^=]+)?=", text) for text in lines[outer:inner]
    )  # fmt: skip
    word = "nonlocal" if enclosed else "global"
    yield (f"{indent(line)}{word} {match[1]}", line)


def _percent(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F501, F509: a sign that stands for itself, or a letter that stands for nothing."""
    if problem.diagnostic.code == "F509":
        bad = re.search(r"character '(.)'", problem.diagnostic.message)
        for letter in "xsd" if re.search(r"(?:\\[xu]|0x|#)%[0-9.]", line) else "sd":
            if bad:
                pattern = rf"(%(?:\(\w+\))?[-+ #0-9.*]*){re.escape(bad[1])}"
                yield (re.sub(pattern, rf"\g<1>{letter}", line, count=1),)
    else:
        yield (re.sub(r"%(?![\w%(.\-+#]|\s*[(\w])", "%%", line.rstrip(), count=1),)
        yield (re.sub(r"(\d)%(?!%)", r"\1%%", line, count=1),)
        yield (re.sub(r"%\((\w+)\)(?![-+ #0-9.*]*[a-zA-Z])", r"%(\1)s", line),)
        yield (re.sub(r"(?<!%)%([-+ #0-9.*]*)(?=[\"'])", r"%\1s", line, count=1),)
        yield (re.sub(r"(?<!%)%([-+ #0-9.*]*)(?=[\"'])", r"%\1d", line, count=1),)


def _numbering(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F523, F525: fields with and without numbers."""
    new = re.sub(r"\{\d+(?=[}:!])", "{", line)
    if new != line and re.search(r"\{(?=[}:!])", line):
        yield (new,)


def _format_name(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F504, F505, F522, F524: a field takes the name of the value that is nearest to its own."""
    values = re.findall(r"[(,{]\s*[\"']?(\w+)[\"']?\s*(?:=(?!=)|:)", line[line.find("format") :])
    values = values or re.findall(r"[\"'](\w+)[\"']\s*:", line)
    for pattern in (r"\{([A-Za-z_]\w*)(?=[}:!.\[])", r"%\((\w+)\)"):
        for field in re.finditer(pattern, line):
            if field[1] in values:
                continue
            for near in difflib.get_close_matches(field[1], values, 1, 0.5):
                yield (line[: field.start(1)] + near + line[field.end(1) :],)


def _exported(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F822: the nearest name of the module for one in `__all__` that is not there."""
    match = re.search(r"name '(\w+)' in", problem.diagnostic.message)
    try:
        body = ast.parse(document.text).body
    except (SyntaxError, ValueError, RecursionError):
        return
    if match is None:
        return
    names = [n.name for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    names += [t.id for n in body if isinstance(n, ast.Assign)
              for t in n.targets if isinstance(t, ast.Name)]  # fmt: skip
    for near in difflib.get_close_matches(match[1], names, 1, 0.6):
        yield (re.sub(rf"([\"']){match[1]}\1", rf"\g<1>{near}\1", line),)


def _without(line: str, document: Document, problem: Problem) -> Iterator[tuple[str, ...]]:
    """F842: an annotation of a variable that nobody uses."""
    yield ()


_BY_CODE: dict[str, _Repair] = {
    "E721": _type,
    "B015": _comparison,
    "B018": _expression,
    "F501": _percent,
    "F504": _format_name,
    "F505": _format_name,
    "F509": _percent,
    "F522": _format_name,
    "F523": _numbering,
    "F524": _format_name,
    "F525": _numbering,
    "F631": _tuple,
    "F633": _print,
    "F634": _tuple,
    "F822": _exported,
    "F823": _global,
    "F842": _without,
}
