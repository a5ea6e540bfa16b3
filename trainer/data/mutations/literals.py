"""Numbers, strings and characters that the tokenizer refuses, and formats that do not fit."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Sequence
from random import Random

from trainer.data.mutations.base import Mutation, pick
from trainer.data.source import Source, typo

_LOOKALIKES = {
    "-": ("–", "—", "−"), "*": ("×", "∗"), "/": ("÷",), "<=": ("≤", "⩽"), ">=": ("≥",),
    "!=": ("≠",), ",": ("，", "‚"), ":": ("：",), "(": ("（",), ")": ("）",), "...": ("…",),
    "=": ("＝",), "[": ("【",), "]": ("】",), "+": ("＋",), "->": ("→",), "%": ("％",),
    "<": ("＜",),
}  # fmt: skip
_INVISIBLE = "\u00a0\u200b\u00a0\ufeff\u2003\u200e"


def number(source: Source, rng: Random) -> Mutation | None:
    """`007`, `10L`, `3x`, `1.5f`, `0x1G`."""
    found = [t for t in source.tokens if t.type == tokenize.NUMBER]
    if not found:
        return None
    token = rng.choice(found)
    text = token.string
    line = source.lines[token.start[0] - 1]
    chance = rng.random()
    if text.lower().startswith("0o"):
        return Mutation.line(*source.replaced(token, "0" + text[2:]))
    if line[token.end[1] :].startswith(" * ") and chance < 0.5:  # 2x for 2 * x
        new = line[: token.end[1]] + line[token.end[1] + 3 :]
        return Mutation.line(token.start[0] - 1, new)
    if text.isdecimal() and text[0] != "0" and chance < 0.75:
        return Mutation.line(*source.replaced(token, rng.choice(["0", "0", "00"]) + text))
    suffix = rng.choice(["L", "f", "px", "d", "e", "%", "s", "k"])
    return Mutation.line(*source.replaced(token, text + suffix))


def character(source: Source, rng: Random) -> Mutation | None:
    """A character as a word processor writes it, or one that cannot be seen."""
    if rng.random() < 0.25 and source.code_rows:
        row = rng.choice(source.code_rows)
        line = source.lines[row]
        gaps = [m.start() for m in re.finditer(" ", line)]
        if not gaps:
            return None
        at, odd = rng.choice(gaps), rng.choice(_INVISIBLE)
        keep = " " if odd in "\u200b\ufeff\u200e" else ""
        return Mutation.line(row, line[:at] + keep + odd + line[at + 1 :])
    found = source.operators(*_LOOKALIKES)
    if not found:
        return None
    kind = rng.choice(sorted({token.string for token in found}))
    token = rng.choice([t for t in found if t.string == kind])
    return Mutation.line(*source.replaced(token, rng.choice(_LOOKALIKES[kind])))


def docstring(source: Source, rng: Random) -> Mutation | None:
    """A long quote on one line that lost one of its marks; an escape outside its string."""
    pool: list[tuple[int, str]] = []
    for row in source.code_rows:
        line = source.lines[row]
        if m := re.match(r"(\s*[rR]?)(\"\"\"|''')(.+)\2$", line):
            mark, body = m[2], m[3]
            pool.append((row, m[1] + rng.choice([
                mark + body, mark + body + mark[:2], mark + body + mark[:1],
                mark[:2] + body + mark, mark[:1] + body + mark, body + mark, body,
            ])))  # fmt: skip
        if m := re.search(r"(\\[nt])([\"'])", line):
            pool.append((row, line[: m.start()] + m[2] + m[1] + line[m.end() :]))
        if line.endswith(" \\"):
            pool.append((row, line + " "))
    return Mutation.line(*rng.choice(pool)) if pool else None


_TEXT = r"([\"'])((?:(?!\1).)*%s(?:(?!\1).)*)\1"
_PERCENT = re.compile(_TEXT.replace("%s", "%") + r" % (\([^()]*\)|[\w.]+)")
_FORMAT = re.compile(_TEXT.replace("%s", r"\{") + r"\.format\(([^()]*)\)")


def percent(source: Source, rng: Random) -> Mutation | None:
    """Placeholders and values of `%` that do not fit each other."""
    found = pick(source, _PERCENT, rng)
    if found is None:
        return None
    row, match = found
    new = _unfit(match[2], match[3], rng)
    if new is None:
        return None
    text = f"{match[1]}{new[0]}{match[1]} % {new[1]}"
    return Mutation.within(source, row, match, text)


def _unfit(text: str, values: str, rng: Random) -> tuple[str, str] | None:
    marks = list(re.finditer(r"%(?:\(\w+\))?[-+ #0-9.]*[a-zA-Z]", text))
    if not marks:
        return None
    mark = rng.choice(marks)
    parts = values.strip("()").split(", ")
    ways: list[tuple[str, str]] = [
        (text[: mark.end() - 1] + rng.choice("ykpDSw") + text[mark.end() :], values),
        (text[: mark.end() - 1] + text[mark.end() :], values),
        (text[: mark.start()] + mark[0][1:] + text[mark.end() :], values),
    ]
    if values.startswith("(") and len(parts) > 1:
        at = rng.randrange(len(parts))
        fewer = [part for n, part in enumerate(parts) if n != at]
        ways += [(text, f"({', '.join(fewer)})")] * 3
        ways += [
            (text, f"({', '.join([*parts[: at + 1], *parts[at:]])})"),
            (text, ", ".join(parts)),
        ]
    elif not values.startswith("("):
        ways += [(text, f"({values}, {values})")] * 2
    if "%%" in text:
        ways += [(text.replace("%%", "%", 1), values)] * 3
    return rng.choice(ways)


def brace_format(source: Source, rng: Random) -> Mutation | None:
    """Placeholders and values of `.format` that do not fit each other."""
    found = pick(source, _FORMAT, rng)
    if found is None:
        return None
    row, match = found
    new = _misformat(match[2], match[3].split(", "), rng)
    if new is None:
        return None
    text = f"{match[1]}{new[0]}{match[1]}.format({', '.join(new[1])})"
    return Mutation.within(source, row, match, text)


def _misformat(text: str, values: Sequence[str], rng: Random) -> tuple[str, Sequence[str]] | None:
    fields = list(re.finditer(r"\{(\w*)([^{}]*)\}", text))
    if not fields:
        return None
    field = rng.choice(fields)
    at = rng.randrange(len(values))
    ways: list[tuple[str, Sequence[str]]] = [
        (text, [value for n, value in enumerate(values) if n != at]),
        (text, [*values[:at], rng.choice(["name", "value", "self", "x", "i"]), *values[at:]]),
        (text[: field.start()] + field[0][1:] + text[field.end() :], values),
        (text[: field.start()] + field[0][:-1] + text[field.end() :], values),
    ]
    if field[1].isdecimal() and len(fields) > 1:
        ways += [(text[: field.start()] + "{" + field[2] + "}" + text[field.end() :], values)] * 2
    elif not field[1] and len(fields) > 1:
        ways.append((text[: field.start()] + "{0" + field[2] + "}" + text[field.end() :], values))
    elif field[1] and not field[1].isdecimal():
        wrong = typo(field[1], rng)
        ways += [
            (text[: field.start()] + "{" + wrong + field[2] + "}" + text[field.end() :], values)
        ] * 3
    return rng.choice(ways)


def replacement_field(source: Source, rng: Random) -> Mutation | None:
    """What stands between the braces of an f-string, with a part of it lost or too much."""
    pool = [
        (t, m) for t in source.strings() if t.string[:1] in "fF"
        for m in re.finditer(r"\{([^{}]+)\}", t.string)
    ]  # fmt: skip
    if not pool:
        return None
    token, match = rng.choice(pool)
    inner = match[1]
    ways = ["{" + inner, inner + "}", "{{" + inner + "}", "{" + inner + "}}", "{ " + inner + " ]",
            "(" + inner + "}", "{" + inner + ")", "{" + inner + "!}",
            "{" + inner + ",}"]  # fmt: skip
    if ":" in inner:
        ways += ["{" + inner.replace(":", "", 1) + "}", "{" + inner.replace(":", "::", 1) + "}",
                 "{" + inner.replace(":", ",", 1) + "}"]  # fmt: skip
    for mark in ")]":
        if mark in inner:
            ways += ["{" + inner.replace(mark, "", 1) + "}"] * 2
    new = rng.choice(ways)
    text = token.string[: match.start()] + new + token.string[match.end() :]
    return Mutation.line(*source.replaced(token, text))
