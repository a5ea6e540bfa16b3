"""Undefined names that are not misspelt: a quote, a dot, `self.` or one of two `=` is wrong."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import enclosing_def
from whetstone.rules.imports import offers
from whetstone.rules.lines import bare, flagged, indent, with_lines
from whetstone.rules.names import undefined_name
from whetstone.rules.parted import parted
from whetstone.rules.seen import Surroundings, spans

_COMMON_TYPES = (str, list, dict, set, tuple, bytes)
_MOST = 4

_Repair = Callable[[str, str, Document, Problem], Iterator[str]]


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """What the line itself or the file speaks for; comes before the nearest names."""
    yield from _each(document, problem, (_dot, _equals, _parted, _private, _text_elsewhere))


def unlikelier(document: Document, problem: Problem) -> Iterator[Replacement]:
    """What may be meant where no visible name is like this one; comes after them."""
    yield from _each(document, problem, (_inherited, _text))


def _each(
    document: Document, problem: Problem, repairs: tuple[_Repair, ...]
) -> Iterator[Replacement]:
    name = undefined_name(problem.diagnostic)
    found = flagged(problem)
    if name is None or found is None:
        return
    index, line = found
    made = (new for repair in repairs for new in repair(name, line, document, problem))
    for number, new in enumerate(dict.fromkeys(made)):
        if number < _MOST and new != line:
            yield with_lines(problem, index, new)


def _dot(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`self,run(x)`, `words,split()`: a comma typed for the dot."""
    code = bare(line)
    for match in re.finditer(rf"(?<![\w.])(\w+),{name}\b(\s*\()?", code):
        owner = match[1]
        known = owner in ("self", "cls") or (
            Surroundings(document, problem).imports(owner) and offers(owner, name)
        )
        method = match[2] and any(hasattr(kind, name) for kind in _COMMON_TYPES)
        elsewhere = re.search(rf"\b{owner}\.{name}\b", document.text) is not None
        if known or method or elsewhere:
            yield f"{line[: match.end(1)]}.{line[match.end(1) + 1 :]}"


def _equals(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`f(key==1)`, where nothing is called `key`."""
    for match in re.finditer(rf"(?<=[(,])(\s*){name}\s*==\s*", bare(line)):
        yield f"{line[: match.start()]}{match[1]}{name}={line[match.end() :]}"
    if item := re.match(rf"\s*{name}\s*==\s*(?=\S.*,\s*(?:#.*)?\Z)", line):
        yield f"{indent(line)}{name}={line[item.end() :]}"


def _parted(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`selfname`, `self_run()`, `nodeaccept(x)`: the dot was lost, or typed as an underscore."""
    around = Surroundings(document, problem)
    places = [span for span in spans(line) if line[slice(*span)] == name]
    if name.startswith("self") and "self" in "".join(problem.above[-200:]):
        for begin, end in places[:1]:
            for attribute in (name[4:], name[4:].lstrip("_")):
                if around.knows(attribute) and attribute:
                    yield f"{line[:begin]}self.{attribute}{line[end:]}"
        return
    for at in parted(line, places, around):
        left = re.search(r"\w+\Z", line[:at])
        if left and len(left[0]) > 2 and not keyword.iskeyword(left[0]):
            right = line[at : at + len(name) - len(left[0])]
            if re.search(rf"\.{re.escape(right)}\b", document.text):
                yield f"{line[:at]}.{line[at:]}"


def _text_elsewhere(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """A word that stands in quotes elsewhere, and where a text can stand."""
    if re.search(rf"([\"']){name}\1", document.text):
        yield from _quoted(name, line, document)


def _text(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """A word where others of its kind are texts: `row[name]` beside `row["id"]`."""
    owner = re.search(rf"(\w+)\.\w+\((?:\w+=)?\[?{name}\b", bare(line))
    if owner and re.search(rf"\b{owner[1]}\[[\"']", document.text):
        yield from _quoted(name, line, document)
    for match in re.finditer(
        rf"(\w+)(\[|\()(?:[^\[\]()]*,)?\s*(?:\w+=)?{name}\b(?!\s*[(.\[])", bare(line)
    ):
        if hasattr(builtins, match[1]):
            continue  # `print` and the like take anything
        others = re.findall(
            rf"\b{match[1]}{re.escape(match[2])}(?:[^\[\]()]*,)?\s*(?:\w+=)?[\"']", document.text
        )
        if others:
            yield from _quoted(name, line, document)
            return


def _quoted(name: str, line: str, document: Document) -> Iterator[str]:
    quote = "'" if document.text.count("'") > 2 * document.text.count('"') else '"'
    for match in re.finditer(rf"(?<![\w.\"'])(?<!\w=\s){name}\b(?!\s*[(.\[=\"'])", bare(line)):
        before = line[: match.start()].rstrip()
        if before.endswith(("[", "(", ",", "=", "in", "+", ":", "return", "{")):
            yield f"{line[: match.start()]}{quote}{name}{quote}{line[match.end() :]}"


def _private(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`_check()` in a method: what begins with an underscore belongs to the object."""
    if name[:1] == "_" and name[:2] != "__" and _bases(document, problem) is not None:
        yield re.sub(rf"(?<![\w.]){name}\b", f"self.{name}", line)


def _inherited(name: str, line: str, document: Document, problem: Problem) -> Iterator[str]:
    """A function that is called in a method, of a class with bases or with methods elsewhere."""
    called = re.search(rf"(?<![\w.]){name}\s*\(", bare(line))
    if called is None or hasattr(builtins, name) or name[:1].isupper():
        return
    bases = _bases(document, problem)
    if bases is not None and (
        bases not in ("", "object") or re.search(r"\bself\.\w+\(", document.text)
    ):
        at = called.start()
        yield f"{line[:at]}self.{line[at:]}"


def _bases(document: Document, problem: Problem) -> str | None:
    """The bases of the class whose method the problem is in; None outside of one."""
    lines = document.bare_lines()
    inner = enclosing_def(lines, problem.diagnostic.span.start_line)
    while inner is not None and not re.match(
        r"\s*(?:async\s+)?def\s+\w+\s*\(\s*self\b", lines[inner]
    ):
        below = lines[inner + 1].strip() if inner + 1 < len(lines) else ""
        if lines[inner].rstrip().endswith("(") and re.match(r"self\b", below):
            break
        inner = enclosing_def(lines, inner)
    if inner is None:
        return None
    for row in range(inner - 1, -1, -1):
        match = re.match(r"(\s*)class\s+\w+\s*(?:\((.*?)\))?\s*:", lines[row])
        if match and len(match[1]) < len(indent(lines[inner])):
            return (match[2] or "").strip()
    return None
