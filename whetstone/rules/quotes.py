"""Texts without one of their quotes, or with two that differ: where the quote was meant to stand.

A lost quote turns code into text and text into code from there on. Every place is tried; of what
compiles, the likeliest leaves words that the file knows outside and plain texts inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.compiles import Compiles
from whetstone.rules.lines import flagged, with_lines
from whetstone.rules.seen import Surroundings

_TRIES, _MOST, _LONGEST = 40, 3, 400
_BOUNDARY = re.compile(r"\w+|[^\w\s]")
_STRING = re.compile(
    r"(?P<prefix>\b[rbfuRBFU]{1,2})?(?P<quote>[\"'])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)"
)
_FIELD = re.compile(r"\{[^{}]*\}")
# A quote that opens right behind a word or an operator, or closes right before one.
_MISFIT = re.compile(r"[\w)\]<>+*/%-](?<!\b[rbfuRBFU])(?<!\b[rbfuRBFU]{2})\"\"|\"\"[\w(<>=+*/-]")
# Names in what may be an argument, an assignment or a comparison.
_CODE = re.compile(r"(?:,\s*|==?\s*|\A)([^\W\d]\w*)(?=\s*(?:[=,.(\[]|\Z))")
_FORMULA = re.compile(r"\w\s*==?\s*[\w\"']|\w\s[+*]\s|[\"'],\s")
_WORD = re.compile(r"(?<![\w.])[^\W\d]\w*")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """At most _MOST lines with one quote more, less, or of the other kind, likeliest first."""
    found = flagged(problem)
    if "unterminated string literal" not in problem.diagnostic.message or found is None:
        return
    index, line = found
    if len(line) > _LONGEST or '"""' in line or "'''" in line:
        return
    if _goes_on_below(problem, index):  # the pieces of a long text are kept apart by a space
        quote = re.search(r"[\"']", line[problem.diagnostic.span.start_column :])
        yield with_lines(problem, index, f"{line.rstrip()} {quote[0] if quote else ''}")
        return
    around = Surroundings(document, problem)
    scored: dict[Replacement, int] = {}
    for new, usual in _edits(line):
        made = with_lines(problem, index, new)
        score = _score(new, line, document, around) + usual
        scored[made] = max(score, scored.get(made, score))
    yield from Compiles(document, problem).likeliest(scored, tries=_TRIES, most=_MOST)


def _goes_on_below(problem: Problem, index: int) -> bool:
    """Does a word end the line, and a text that begins with a word stand alone on the next one?"""
    below = (*problem.flagged[index + 1 :], *problem.below)[:1]
    return (
        bool(below)
        and re.match(r"\s*[fF]?[\"']\w", below[0]) is not None
        and re.search(r"\w\Z", problem.flagged[index]) is not None
    )


def _edits(line: str) -> Iterator[tuple[str, int]]:
    """Lines, and how much more usual than others such a slip is."""
    differ = line.count("'") % 2 + line.count('"') % 2 == 2
    for quote, other in ("\"'", "'\""):
        if line.count(quote) % 2 == 0:
            continue
        for match in re.finditer(other, line):
            yield line[: match.start()] + quote + line[match.end() :], 3 if differ else -1
        yield from _one_too_many(line, quote, other)
        for token in _BOUNDARY.finditer(line):
            if token[0] != quote:
                yield line[: token.start()] + quote + line[token.start() :], 0
            yield line[: token.end()] + quote + line[token.end() :], 0


def _one_too_many(line: str, quote: str, other: str) -> Iterator[tuple[str, int]]:
    """A quote typed twice, or an apostrophe in a text between the same marks."""
    for match in re.finditer(rf"{quote}{quote}(?!{quote})", line):
        yield line[: match.start()] + line[match.start() + 1 :], 3
    if line.count(quote) == 3 and other not in line:
        first, middle, last = (match.start() for match in re.finditer(quote, line))
        usual = 4 if re.match(r"\w.\w", line[middle - 1 : middle + 2]) else 0
        yield f"{line[:first]}{other}{line[first + 1 : last]}{other}{line[last + 1 :]}", usual
        yield f"{line[:middle]}\\{line[middle:]}", usual - 1


def _score(new: str, old: str, document: Document, around: Surroundings) -> int:
    strings = list(_STRING.finditer(new))
    outside = _STRING.sub('""', new)
    if "'" in outside or outside.count('"') != 2 * len(strings):
        return -100  # one quote is left over
    score = around.likeness(old, new)
    score -= 3 * len(re.findall(r'""\s+""', outside))  # two texts with nothing between them
    score -= 3 * len(re.findall(r'""(?="")', outside))
    score -= 3 * len(_MISFIT.findall(outside))
    score -= 2 * sum(not around.knows(word) for word in _WORD.findall(outside.split("#")[0]))
    return score + sum(_plain(match, document, around) for match in strings)


def _plain(match: re.Match[str], document: Document, around: Surroundings) -> int:
    """How like a text, and not like code, the content of a string is."""
    text = match["text"]
    if "f" in (match["prefix"] or "").lower():
        text = _FIELD.sub("x", text)
    score = 3 if text and document.text.count(match[0]) > 1 else 0
    if re.match(r"[,)\]:;]", text) and len(text) > 1:
        score -= 4
    if text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        score -= 2
    if (re.search(r"[,(\[=]\s*\Z", text) and len(text) > 2) or re.match(r"\s+\S", text):
        score -= 2
    if _FORMULA.search(text):
        score -= 4
    score -= 2 * ((text.count("'") + text.count('"')) % 2)
    return score - 2 * any(around.knows(word) for word in _CODE.findall(text))
