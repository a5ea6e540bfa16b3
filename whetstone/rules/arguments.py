"""Arguments and parameters: their order, one twice, `self` left out."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator, Sequence

from whetstone.problem import Document, Problem, Replacement
from whetstone.regions import TOO_MANY
from whetstone.rules.lines import bare, flagged, indent, parentheses, split, with_lines

_DEF = re.compile(r"\s*(?:async\s+)?def\s+\w+\s*\(|\s*class\s")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    message = problem.diagnostic.message
    if "Undefined name 'self'" in message or "Undefined name 'cls'" in message or (
        TOO_MANY.search(message)
    ):  # fmt: skip
        yield from _self(problem)
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
    if "duplicate argument" in message:
        for new in _duplicate(document, problem, line):
            yield with_lines(problem, index, new)
    if "around the comprehension target" in message:
        for match in re.finditer(r"(?<=[\[{(])([^\[\]{}()]+,[^\[\]{}()]+?)(?= for )", line):
            text = f"{line[: match.start()]}({match[1].strip()}){line[match.end() :]}"
            yield with_lines(problem, index, text)


def _self(problem: Problem) -> Iterator[Replacement]:
    """The first parameter of the method that has none, or whose first one is misspelt."""
    line = problem.flagged[0]
    match = re.match(r"(\s*(?:async\s+)?def\s+\w+\s*\()([^,)]*)(.*)", line)
    if len(problem.flagged) != 1 or match is None:
        return
    name = "cls" if "'cls'" in problem.diagnostic.message else "self"
    head, first, rest = match.groups()
    if first.strip() in (
        "this",
        "slef",
        "sefl",
        "elf",
        "sel",
        "me",
        "seld",
        "selff",
        "Self",
        "clss",
    ):
        yield with_lines(problem, 0, head + name + rest)
    comma = ", " if first.strip() else ""
    yield with_lines(problem, 0, head + name + comma + first + rest)


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


def _defaults_last(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    stop = next((n for n, part in enumerate(parts) if part.startswith("*")), len(parts))
    head, tail = parts[:stop], parts[stop:]
    plain = [part for part in head if not _has_default(part)]
    default = [part for part in head if _has_default(part)]
    if [*plain, *default] == head or not default:
        return
    yield [*plain, *default, *tail]
    first = head.index(default[0])
    yield [
        *(f"{p}{' = ' if ':' in p else '='}None" if n > first and p in plain else p
          for n, p in enumerate(head)),
        *tail,
    ]  # fmt: skip


def _has_default(part: str) -> bool:
    depth = 0
    for char in bare(part):
        depth += (char in "([{") - (char in ")]}")
        if char == "=" and not depth:
            return True
    return False


def _stars_last(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    double = [part for part in parts if part.startswith("**")]
    if double and parts[-len(double) :] != double:
        yield [*(part for part in parts if not part.startswith("**")), *double]


def _generator(parts: list[str], problem: Problem, names: list[str]) -> Iterator[list[str]]:
    for number, part in enumerate(parts):
        if re.search(r" for \w.* in ", bare(part)) and part[0] not in "([{":
            yield [*parts[:number], f"({part})", *parts[number + 1 :]]


def _duplicate(document: Document, problem: Problem, line: str) -> Iterator[str]:
    """One of the two takes the name that the body uses and nobody binds; else one goes."""
    word = re.search(r"'(\w+)'", problem.diagnostic.message)
    if word is None:
        return
    for start, stop in parentheses(line):
        parts = split(line[start:stop])
        at = [n for n, part in enumerate(parts) if re.match(rf"\**{word[1]}\b", part)]
        if len(at) < 2:
            continue
        names = list(_unbound(document, problem, line, parts))
        for name in names:
            for number in reversed(at):
                new = [
                    re.sub(rf"\b{word[1]}\b", name, part, count=1) if n == number else part
                    for n, part in enumerate(parts)
                ]
                yield line[:start] + ", ".join(new) + line[stop:]
        if not names:
            fewer = [part for n, part in enumerate(parts) if n != at[-1]]
            yield line[:start] + ", ".join(fewer) + line[stop:]


def _unbound(
    document: Document, problem: Problem, line: str, parts: Sequence[str]
) -> Iterator[str]:
    """Names that the function's body reads and neither it nor the rest of the file binds."""
    lines = document.bare_lines()
    row = problem.diagnostic.span.start_line
    body = []
    for text in lines[row + 1 :]:
        if text.strip() and len(indent(text)) <= len(indent(line)):
            break
        body.append(text)
    code = "\n".join(map(bare, body)) + "\n".join(re.findall(r"\{(\w+)", "\n".join(body)))
    used = dict.fromkeys(re.findall(r"(?<![\w.])([A-Za-z_]\w*)\b(?!\s*=(?!=))", code))
    elsewhere = "\n".join([*lines[:row], *lines[row + 1 + len(body) :]])
    bound = set(re.findall(r"(?:def|class|import|as|for|,)\s+(\w+)", code + "\n" + elsewhere))
    bound |= set(re.findall(r"(\w+)\s*(?:=(?!=)|:=)", code))
    bound |= set(re.findall(r"^(\w+)\s*(?:=|:)", elsewhere, re.MULTILINE))
    bound |= {re.split(r"\W", part.lstrip("*"))[0] for part in parts}
    for name in used:
        if (
            name.strip("_")
            and name not in bound
            and not hasattr(builtins, name)
            and not keyword.iskeyword(name)
        ):
            yield name


_BY_MESSAGE = (
    (r"positional argument follows|argument unpacking follows", _positional_first),
    (r"keyword argument repeated", _once),
    (r"follows default argument|follows parameter with a default", _defaults_last),
    (r"cannot follow var-keyword|follows keyword argument unpacking", _stars_last),
    (r"Generator expression must be parenthesized", _generator),
)
