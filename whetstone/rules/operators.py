"""Operators, dots and commas: lost, doubled, parted by a space, or typed for one another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.compiles import Compiles
from whetstone.rules.lines import bare, depth, flagged, substituted, with_lines
from whetstone.rules.seen import Surroundings

_MOST = 3
_LONGEST = 1_000  # characters of a line
_ARROW = re.compile(
    r"(\s*(?:async\s+)?def\s+\w+\s*\(.*\))\s*(?:=>|>-|->>|-|=|>|:|~>)\s*([^\s:=>-].*)"
)
_ARROW_BELOW = re.compile(r"(\s*\))\s*(?:=>|>-|-|=|>)\s*([^\s:=>-].*:)\s*\Z")
_PARTED = r"(//|\*\*|[-+*/%&|^<>=!])\s+([=/*])(?![=/*])"
_HYPHENS = re.compile(r"(\s*)([^\W\d]\w*(?:-[^\W\d]\w*)+)\s*(?::[^=]+)?=(?!=)")
_NAMES = re.compile(r"(\s*)(\w+)\s+(\w+(?:\s*,\s*\w+)*\s*=(?!=).+)\Z")
_UNFINISHED = re.compile(r"(?P<left>[\w.]+(?:\[[^\[\]]*\])?)\s*(?P<sign>[=!<>]=|[<>])\s*:?\s*\Z")
_WORD_BEFORE = re.compile(r"(?:[A-Za-z_]\w*|\)|\])\Z")
_NO_OBJECT = re.compile(
    r"\b(?:and|as|assert|async|await|class|def|del|elif|else|except|for|from|global|if|import|in|is"
    r"|lambda|nonlocal|not|or|raise|return|while|with|yield|print|echo|match|case|new|function|func"
    r"|void|int|float|str|bool|let|var|const)\Z"
)


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """At most _MOST edits that compile, likeliest first."""
    found = flagged(problem)
    if problem.diagnostic.code != "SyntaxError" or found is None or len(found[1]) > _LONGEST:
        return
    index, line = found
    compiles = Compiles(document, problem)
    made = [with_lines(problem, index, new) for new in _edits(line, document, problem)]
    if index:  # the compiler saw it on the next line
        made += [
            with_lines(problem, index - 1, new) for new in _at_the_end(problem.flagged[index - 1])
        ]
    elif "forgot a comma" in problem.diagnostic.message and _in_brackets(problem, index):
        made += [with_lines(problem, 0, new) for new in _at_the_end(line)]
    compiling = [each for each in dict.fromkeys(made) if compiles(each.lines)]
    yield from compiling[:_MOST]


def _edits(line: str, document: Document, problem: Problem) -> Iterator[str]:
    if (header := _ARROW.match(line) or _ARROW_BELOW.match(line)) and depth(header[1]) <= 0:
        yield f"{header[1]} -> {header[2]}"
    if name := _HYPHENS.match(line):
        yield f"{name[1]}{name[2].replace('-', '_')}{line[name.end(2) :]}"
    yield from substituted(_PARTED, r"\1\2", line)
    if "starred expression" in problem.diagnostic.message:
        yield from substituted(r"(?<=[=(,])\s*\*\s*(?=[\w\"'])", " ", line)
    yield from substituted(r",\s*,", ",", line)
    if re.match(r"\s*(?:if|elif|while|assert|return)\b", line):
        yield from substituted(r"(?<=[\w)\]\"'] )=(?= )", "==", line)
    yield from _dotted(line, document, problem)
    yield from _listed(line, document)
    yield from _compared(line, document, problem)


def _dotted(line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`super() run(x)`, `line strip()`, `self name`: a dot between an object and its attribute."""
    code = bare(line)
    around = Surroundings(document, problem)
    made = []
    for gap in re.finditer(r"(?<=\w)\s+(?=[^\W\d]\w*)|(?<=[)\]])\s*(?=[^\W\d])", code):
        before = code[: gap.start()]
        if not _WORD_BEFORE.search(before) or _NO_OBJECT.search(before):
            continue
        called = re.match(r"\w+\s*\(", code[gap.end() :]) is not None
        attribute = re.match(r"\w+", code[gap.end() :])
        if attribute is None or _NO_OBJECT.match(attribute[0]) or not (
            called or before.endswith(("self", "cls"))
        ):  # fmt: skip
            continue
        new = f"{line[: gap.start()]}.{line[gap.end() :]}"
        made.append((-around.likeness(line, new), new))
    yield from (new for _, new in sorted(made))


def _listed(line: str, document: Document) -> Iterator[str]:
    """`a b = f()`, where both are used as variables: a comma between them."""
    match = _NAMES.match(line)
    if match and len(re.findall(rf"(?<![\w.\"']){match[2]}\b", document.text)) > 1:
        yield f"{match[1]}{match[2]}, {match[3]}"


def _compared(line: str, document: Document, problem: Problem) -> Iterator[str]:
    """`if table[key] ==`: what the same is compared with elsewhere."""
    match = _UNFINISHED.search(line)
    if match is None:
        return
    pattern = rf"(?<![\w.]){re.escape(match['left'])}\s*(?:[=!<>]=|[<>])\s*([\w.\"']+)"
    for text in (*reversed(problem.above), *problem.below):
        if other := re.search(pattern, text):
            colon = ":" if re.match(r"\s*(?:if|elif|while)\b", line) else ""
            yield f"{line[: match.end('sign')]} {other[1]}{colon}"
            return


def _at_the_end(line: str) -> Iterator[str]:
    """A comma where an item of several lines ends, instead of another mark or of none."""
    match = re.match(r"(.*?)\s*([.;:]?)(\s*#.*)?\Z", line)
    if match and match[1] and not match[1].endswith((",", "(", "[", "{", "\\")):
        yield f"{match[1]},{match[3] or ''}"


def _in_brackets(problem: Problem, index: int) -> bool:
    """Is a bracket open where the flagged line begins?"""
    return depth("\n".join((*problem.above[-60:], *problem.flagged[:index]))) > 0
