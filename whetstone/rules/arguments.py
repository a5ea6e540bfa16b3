"""Arguments of a call: their order, one twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import bare, flagged, parentheses, split, with_lines


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    message = problem.diagnostic.message
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    for part, repair in _BY_MESSAGE:
        if re.search(part, message):
            for start, stop in parentheses(line):
                names = _parameters(document, line[:start])
                for parts in repair(split(line[start:stop]), problem, names):
                    text = line[:start] + ", ".join(parts) + line[stop:]
                    yield with_lines(problem, index, text)
    if "around the comprehension target" in message:
        for match in re.finditer(r"(?<=[\[{(])([^\[\]{}()]+,[^\[\]{}()]+?)(?= for )", line):
            text = f"{line[: match.start()]}({match[1].strip()}){line[match.end() :]}"
            yield with_lines(problem, index, text)


def _positional_first(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    plain = [part for part in parts if not _is_named(part)]
    last = max((n for n, part in enumerate(parts) if part in plain), default=0)
    in_place = [
        re.sub(rf"^{name}\s*=\s*", "", part) for name, part in zip(names, parts, strict=False)
    ][: last + 1]
    if len(in_place) == last + 1 and not any(map(_is_named, in_place)):
        yield [*in_place, *parts[last + 1 :]]
    named = [part for part in parts if _is_named(part)]
    if any(re.match(rf"{name}\s*=(?!=)", part) for part in named for name in names[: len(plain)]):
        return  # moved to the front, a positional argument would take its place
    if [*plain, *named] != parts:
        yield [*plain, *named]


def _parameters(document: Document, before: str) -> list[str]:
    """What the function that is called at the end of `before` takes by position, as far as the file
    says; `self` is left out."""
    name = re.search(r"(\w+)\($", before)
    if name is None:
        return []
    pattern = rf"^(?:\s*def {name[1]}|class {name[1]}\b(?:.*\n(?=\s))+?\s+def __init__)\(([^()]*)\)"
    match = re.search(pattern, document.text, re.MULTILINE)
    names = []
    for part in split(match[1]) if match else []:
        if part.startswith("*"):
            break
        names.append(re.split(r"\W", part.strip())[0])
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _is_named(part: str) -> bool:
    return part.startswith("**") or re.match(r"\w+\s*=(?!=)", part) is not None


def _once(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    word = problem.diagnostic.message.rpartition(": ")[2].strip()
    at = [n for n, part in enumerate(parts) if re.match(rf"{re.escape(word)}\s*=(?!=)", part)]
    if len(at) > 1:
        for number in reversed(at):
            yield [part for n, part in enumerate(parts) if n != number]


def _stars_last(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    double = [part for part in parts if part.startswith("**")]
    if double and parts[-len(double) :] != double:
        yield [*(part for part in parts if not part.startswith("**")), *double]


def _generator(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    for number, part in enumerate(parts):
        if re.search(r" for \w.* in ", bare(part)) and part[0] not in "([{":
            yield [*parts[:number], f"({part})", *parts[number + 1 :]]


_BY_MESSAGE = (
    (r"positional argument follows|argument unpacking follows", _positional_first),
    (r"keyword argument repeated", _once),
    (r"cannot follow var-keyword|follows keyword argument unpacking", _stars_last),
    (r"Generator expression must be parenthesized", _generator),
)
