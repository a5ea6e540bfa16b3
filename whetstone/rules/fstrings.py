"""Braces and quotes of f-strings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import flagged, with_lines

_OPENING = re.compile(r"\b[rR]?[fF][rR]?(?P<quote>[\"'])(?!(?P=quote){2})")
_OPERAND = r"[\w.]+(?:\([^()]*\)|\[[^\[\]]*\])*"
_FIELD = re.compile(
    rf"{_OPERAND}(?:\s*(?://|\*\*|[-+*/%])\s*{_OPERAND})*(?:![rsa])?(?::[\w.,+%<>^-]+)?"
)


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    message = problem.diagnostic.message
    for opening in _OPENING.finditer(line):
        for new in _other_quotes(line, opening):
            yield with_lines(problem, index, new)
        if "expecting '}'" in message or "'{' was never closed" in message:
            for new in _closed(line, opening):
                yield with_lines(problem, index, new)
        if wrong := re.search(r"unmatched '([)\]])'|'([)\]])' does not match", message):
            for at in _places(line, opening, wrong[1] or wrong[2]):
                yield with_lines(problem, index, line[:at] + "}" + line[at + 1 :])
        if "invalid conversion character" in message:
            for at in _places(line, opening, "!}"):
                yield with_lines(problem, index, line[:at] + line[at + 1 :])
        if "single '}'" in message:
            for at in _places(line, opening, "{{"):
                yield with_lines(problem, index, line[:at] + line[at + 1 :])
            for new in _opened(line, opening):
                yield with_lines(problem, index, new)


def _places(line: str, opening: re.Match[str], mark: str) -> list[int]:
    """Where `mark` stands behind the beginning of the string."""
    return [match.start() for match in re.compile(re.escape(mark)).finditer(line, opening.end())]


def _other_quotes(line: str, opening: re.Match[str]) -> Iterator[str]:
    """The quotes inside of the braces become the kind that does not end the string."""
    quote = opening["quote"]
    other = "'" if quote == '"' else '"'
    head, body = line[: opening.end()], line[opening.end() :]
    new = re.sub(r"\{[^{}]*\}", lambda m: m[0].replace(quote, other), body)
    if new != body and quote in new:
        yield head + new


def _closed(line: str, opening: re.Match[str]) -> Iterator[str]:
    """A brace at the end of the expression that has none, or at the end of the string."""
    stop = line.find(opening["quote"], opening.end())
    stop = len(line) if stop < 0 else stop
    for start in range(opening.end(), stop):
        if line[start] != "{" or line[start + 1 : start + 2] == "{" or line[start - 1] == "{":
            continue
        close = re.search(r"[{}]", line[start + 1 : stop])
        if close and close[0] == "}":
            continue
        match = _FIELD.match(line[start + 1 : stop])
        places = [start + 1 + match.end()] if match else []
        for at in places:
            text = line[opening.end() : stop]
            if line[at] in ")]" and text.count(")") + text.count("]") > text.count(
                "("
            ) + text.count("["):
                yield line[:at] + "}" + line[at + 1 :]
        for at in dict.fromkeys([*places, stop]):
            yield line[:at] + "}" + line[at:]


def _opened(line: str, opening: re.Match[str]) -> Iterator[str]:
    """A brace before the word that ends in one, else that one taken away."""
    stop = line.rfind(opening["quote"])
    depth = 0
    for at in range(opening.end(), stop):
        depth += (line[at] == "{") - (line[at] == "}")
        if depth < 0:
            word = re.search(
                r"[\w.]+(?:\[[^\[\]]*\]|\([^()]*\))?(?:![rsa])?(?::[^{}\s]+)?\Z",
                line[opening.end() : at],
            )
            if word and line[at - 1] != "}":
                start = opening.end() + word.start()
                if line[start - 1] in "([" and start > opening.end():  # typed for the brace
                    yield line[: start - 1] + "{" + line[start:]
                yield line[:start] + "{" + line[start:]
            yield line[:at] + line[at + 1 :]
            return
