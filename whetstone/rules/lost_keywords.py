"""Keywords that were left out, where what is left of the line has only one reading."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from whetstone.problem import Document
from whetstone.regions import enclosing_def
from whetstone.rules.lines import bare, depth, indent

_WORD = re.compile(r"[A-Za-z_]\w*")
_KEYWORDS = "|".join(word for word in keyword.kwlist if word.islower())
_CALL = re.compile(r"(\s*)([A-Za-z_]\w*)\s*(\(.*\))(\s*->\s*[^:]+)?\s*:\s*(#.*)?\Z")
_PARAMETER = re.compile(r"[*]{0,2}\w*(?:\s*:[^=]+)?(?:\s*=.+)?\Z|/\Z")


def put_back(document: Document, row: int, line: str) -> Iterator[str]:
    """A keyword put in where what is left has only one reading."""
    margin, text = indent(line), line.strip()
    yield from _header(document, row, line)
    if re.match(r"\.*[\w.]*\s+import\s+[\w(*]", text) and not re.match(r"(?:from|import)\b", text):
        yield f"{margin}from {text}"
    one = r"\w+(?:\s+as\s+\w+)?"
    if match := re.match(rf"(from\s+\.*[\w.]*)\s+(?!import\b)({one}(?:\s*,\s*{one})*),?\Z", text):
        yield f"{margin}{match[1]} import {match[2]}"
    if match := re.match(r"(import\s+[\w.]+)\s+(?!as\b)(\w+)\Z", text):
        yield f"{margin}{match[1]} as {match[2]}"
    if match := re.match(r"((?:async\s+)?with\s.+[)\]])\s+(\w+:.*)\Z", text):
        yield f"{margin}{match[1]} as {match[2]}"
    if match := re.match(r"(except\s+(?:[\w.]+|\(.+\)))\s+(?!as\b)(\w+:.*)\Z", text):
        yield f"{margin}{match[1]} as {match[2]}"
    code = bare(line)
    for match in re.finditer(r"(?<=[\w)\]}])\s+(?=\w+(?:\s*,\s*\w+)*\s+in\s)", code):
        head = code[: match.start()]
        if depth(head) > 0 and not re.search(r"\b(?:for|not|and|or|if|async)\Z", head):
            yield f"{line[: match.start()]} for {line[match.end() :]}"
    for match in re.finditer(r"(?<=[\w)\]}])\s+not\s+(?!in\b)", code):
        word = "is not" if re.match(r"(?:None|True|False)\b", code[match.end() :]) else "not in"
        if not re.search(r"\b(?:is|and|or|if|elif|while|return|not|in|else)\Z",
                         code[: match.start()]):  # fmt: skip
            yield f"{line[: match.start()]} {word} {line[match.end() :]}"
    for match in re.finditer(r"(?<=[\w)\]}])\s+(?=(?:None|True|False)\b)", code):
        if not re.search(rf"\b(?:{_KEYWORDS})\Z", code[: match.start()]):
            yield f"{line[: match.start()]} is {line[match.end() :]}"


def _header(document: Document, row: int, line: str) -> Iterator[str]:
    """`def`, `class` or `if` before a line that ends in a colon and has a block below it."""
    lines = document.bare_lines()
    below = next((text for text in lines[row + 1 :] if text.strip()), "")
    margin, text = indent(line), line.strip()
    if not bare(text).split("#")[0].rstrip(" _").endswith(":"):
        return
    deeper = len(indent(below)) > len(margin)
    first = _WORD.match(text)
    if first and keyword.iskeyword(first.group()) and first.group() not in ("not", "None"):
        return
    outer = enclosing_def(lines, row) is None or re.match(r"\s*def\b", line)
    if (match := _CALL.match(line)) and _parameters(match[3]) and deeper:
        selfish = re.match(r"\(\s*(?:self|cls)\b", match[3]) or match[4]
        if match[2][:1].isupper() and not selfish:
            yield f"{margin}class {text}"
        elif outer or selfish:
            yield f"{margin}def {text}"
    if deeper and depth(text) == 0:
        if re.match(r"\w+(?:\s*,\s*\w+)* in\b", text):
            yield f"{margin}for {text}"
        if re.fullmatch(r"[A-Z]\w*:", text):
            yield f"{margin}class {text}"
        if re.search(r"\bas \w+:", text):
            yield f"{margin}{'with' if '(' in text else 'except'} {text}"
        yield f"{margin}if {text}"
        yield f"{margin}while {text}"


def _parameters(text: str) -> bool:
    """Could this be the parameters of a definition, and not only the arguments of a call?"""
    return all(_PARAMETER.match(part.strip()) for part in text[1:-1].split(",")) or ":" in text
