"""Hand-written files with one bug each, as text files in `static/` and `realistic/`.

A case is one file, `KIND-NAME.case`:

    kind: missing-colon          what is wrong
    group: colon                 the row of the report it counts in
    file: gradebook.py           the name that the model sees and the check imports
    style: beginner
    ---- source
    ...lines that are the same in both versions...
    <<<< buggy
    def letter_for(mark)
    ==== fixed
    def letter_for(mark):
    >>>>
    ...
    ---- wrong                   a tempting repair that must not count; may be absent
    def letter_for():
    ---- check                   Python that passes on a right repair, whatever it looks like
    from gradebook import letter_for
    assert letter_for(75) == "B"

They were written before any model was run on them and are never tuned to results. `static` came
with the first model; `realistic` was written later, for models and rules that had seen only the
other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeVar

SuiteName = Literal["static", "realistic"]
SUITES: tuple[SuiteName, ...] = ("static", "realistic")

T = TypeVar("T")

_SECTION = re.compile(r"^---- (source|wrong|check)\n", re.MULTILINE)
_BLOCK = re.compile(
    r"^<<<< buggy\n(?P<buggy>.*?)^==== fixed\n(?P<fixed>.*?)^>>>>\n", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One bug: the file with it and without it, and how to tell whether a repair is right."""

    name: str
    kind: str
    group: str
    file: str
    style: str
    buggy: str
    fixed: str
    check: str
    wrong: str | None = None  # the whole file with the tempting repair

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py")


def parse_case(name: str, text: str) -> Case:
    """Read one case file.

    Raises:
        ValueError: a section or a header is missing, or there is not exactly one marked bug.
    """
    head, *rest = _SECTION.split(text)
    header = dict(line.split(": ", 1) for line in head.splitlines())
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    blocks = _BLOCK.findall(sections.get("source", ""))
    if len(blocks) != 1 or not sections.get("check"):
        raise ValueError(f"{name}: wants one marked bug and a check")
    source = sections["source"]
    wrong = sections.get("wrong")
    return Case(
        name=name,
        kind=header["kind"],
        group=header["group"],
        file=header["file"],
        style=header["style"],
        buggy=_fill(source, blocks[0][0]),
        fixed=_fill(source, blocks[0][1]),
        check=sections["check"],
        wrong=None if wrong is None else _fill(source, wrong),
    )


def _fill(source: str, lines: str) -> str:
    return _BLOCK.sub(lambda _: lines, source)


@cache
def cases_of(suite: SuiteName) -> tuple[Case, ...]:
    """All cases of a suite, by name."""
    folder = resources.files("trainer.evaluation") / suite
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".case")),
        key=lambda item: item.name,
    )
    return tuple(
        parse_case(item.name.removesuffix(".case"), item.read_text(encoding="utf-8"))
        for item in files
    )


def spread(cases: Sequence[T], limit: int | None) -> tuple[T, ...]:
    """At most `limit` cases, taken evenly from all kinds and always the same ones."""
    if limit is None or limit >= len(cases):
        return tuple(cases)
    return tuple(cases[index * len(cases) // limit] for index in range(limit))
