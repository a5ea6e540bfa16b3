"""What a mutation is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from trainer.data.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Lines `start` to `stop` of the working document become `lines`.

    `answer_import` is set when the mended document is to have that import line inserted, instead of
    the old lines put back. `message` is set when a tool that is not at hand would report it: then
    it is the diagnostic, and (source, code) say whose.
    """

    start: int
    stop: int
    lines: tuple[str, ...]
    answer_import: str = ""
    message: str = ""
    source: str = ""
    code: str = ""

    @classmethod
    def line(cls, row: int, new: str) -> Mutation:
        return cls(start=row, stop=row + 1, lines=(new,))

    @classmethod
    def within(
        cls, source: Source, row: int, match: re.Match[str], new: str, *, group: int = 0
    ) -> Mutation:
        """A match in line `row`, or one of its groups, becomes `new`."""
        line = source.lines[row]
        return cls.line(row, line[: match.start(group)] + new + line[match.end(group) :])

    def applied(self, source: Source) -> str:
        """The broken document."""
        lines = [*source.lines[: self.start], *self.lines, *source.lines[self.stop :]]
        return "\n".join(lines) + "\n"


def pick(
    source: Source, pattern: str | re.Pattern[str], rng: Random
) -> tuple[int, re.Match[str]] | None:
    """One of the places in the code where `pattern` is found, with its row; None without any."""
    pool = [(row, m) for row in source.code_rows for m in re.finditer(pattern, source.lines[row])]
    return rng.choice(pool) if pool else None
