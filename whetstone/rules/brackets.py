"""Brackets that have no partner: where one was lost, doubled, or typed for another kind.

Every place is tried where the missing one could stand or the other could go; what compiles is
ordered by how like the rest of the file it makes the line (`seen.py`), and by what slips are like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.compiles import Compiles
from whetstone.rules.lines import CLOSER, bare, indent, with_lines
from whetstone.rules.parted import parted
from whetstone.rules.seen import Surroundings, spans

_OPENER = {closer: opener for opener, closer in CLOSER.items()}
_TRIES, _MOST = 60, 4
_LONGEST = 600  # characters of a line
_MESSAGE = re.compile(
    r"unmatched '(?P<unmatched>[)\]}])'|'(?P<closer>[)\]}])' does not match opening parenthesis "
    r"'(?P<opener>[(\[{])'|'(?P<open>[(\[{])' was never closed"
)
# How likely a slip is beside others, in the unit of `Surroundings.likeness`: known tokens.
_USUAL, _PLAIN, _ODD, _UNHEARD = 2, 0, -2, -4

Edit = tuple[str, int]  # the new line, and how usual such a slip is


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """At most _MOST edits of one bracket, likeliest first."""
    message = problem.diagnostic.message
    match = _MESSAGE.search(message)
    unclosed = _unclosed("\n".join(map(bare, problem.flagged)))
    if match is None and not (unclosed and ("invalid syntax" in message or "expected" in message)):
        return
    if any(len(line) > _LONGEST for line in problem.flagged):
        return
    around = Surroundings(document, problem)
    scored: dict[Replacement, int] = {}
    for index, line in enumerate(problem.flagged):
        for new, usual in _edits(line, problem, match, unclosed, around):
            made = with_lines(problem, index, *((new,) if new.strip() else ()))
            score = around.likeness(line, new) + usual
            scored[made] = max(score, scored.get(made, score))
    yield from Compiles(document, problem).likeliest(scored, tries=_TRIES, most=_MOST)


def _unclosed(code: str) -> list[str]:
    """The brackets that `code` opens and does not close, the innermost last."""
    opened: list[str] = []
    for char in code:
        if char in CLOSER:
            opened.append(char)
        elif opened and char == CLOSER[opened[-1]]:
            opened.pop()
    return opened


def _edits(
    line: str,
    problem: Problem,
    match: re.Match[str] | None,
    unclosed: list[str],
    around: Surroundings,
) -> Iterator[Edit]:
    """`line` with one bracket more, less, or of another kind."""
    closer = (match["unmatched"] or match["closer"]) if match else None
    opener = (match["opener"] or match["open"]) if match else unclosed[-1]
    found = spans(line)
    for begin, end in found:
        if end - begin == 1 and line[begin] in "([{)]}":
            yield from _gone(line, begin, closer)
            yield from _another_kind(line, begin, closer, opener)
    if closer:
        yield from _opened(line, _OPENER[closer], found, around)
    if opener:
        yield from _closed(line, CLOSER[opener], found, around)
        margin = next((indent(text) for text in problem.flagged if opener in bare(text)), "")
        if line.lstrip().startswith(("->", "= ")):
            yield f"{margin}{CLOSER[opener]} {line.lstrip()}", _USUAL


def _gone(line: str, at: int, closer: str | None) -> Iterator[Edit]:
    left, right = line[at - 1 : at], line[at + 1 : at + 2]
    if left.isalnum() and (right.isalnum() or right == "_"):
        return  # two words would be one
    doubled = line[at] in (left, right)
    usual = _USUAL if doubled else _PLAIN if line[at] == closer else _ODD
    yield line[:at] + line[at + 1 :], usual


def _another_kind(line: str, at: int, closer: str | None, opener: str | None) -> Iterator[Edit]:
    if opener and line[at] == closer:
        yield line[:at] + CLOSER[opener] + line[at + 1 :], _USUAL
    elif closer and line[at] == opener:
        called = line[at - 1 : at].isalnum()
        # `print{x)`: a name with a brace behind it is nothing else; `x = {a, b)` may be both.
        usual = _USUAL + 1 if called and opener == "{" else _PLAIN
        yield line[:at] + _OPENER[closer] + line[at + 1 :], usual


def _opened(
    line: str, opener: str, found: list[tuple[int, int]], around: Surroundings
) -> Iterator[Edit]:
    for begin, end in found:
        behind_word = begin > 0 and (line[begin - 1].isalnum() or line[begin - 1] in "_)]")
        text = line[begin] in "\"'" and behind_word and opener != "{"
        yield line[:begin] + opener + line[begin:], _USUAL if text else _PLAIN
        if line[end : end + 1] == CLOSER[opener]:  # empty brackets
            method = re.search(r"\.\w+\Z", line[:end]) is not None and opener == "("
            yield line[:end] + opener + line[end:], _USUAL + 1 if method else _UNHEARD
    for at in parted(line, found, around):
        yield line[:at] + opener + line[at:], 3 * _USUAL


def _closed(
    line: str, closer: str, found: list[tuple[int, int]], around: Surroundings
) -> Iterator[Edit]:
    for begin, end in found:
        rest = line[end:].lstrip()
        usual = _PLAIN
        if rest[:1] in (".", "(", "["):
            usual = _ODD
        elif not rest.strip(":,)]} \\") or rest.startswith(("->", "#")):
            usual = _USUAL + 1  # the line ends here
        elif line[begin] in "([{":
            usual = _PLAIN if line[begin] == _OPENER[closer] else _UNHEARD
        yield line[:end] + closer + line[end:], usual
    for at in parted(line, found, around):
        yield line[:at] + closer + line[at:], 3 * _USUAL
