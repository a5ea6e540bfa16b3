"""What a mutation is."""

from __future__ import annotations

from dataclasses import dataclass

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

    def applied(self, source: Source) -> str:
        """The broken document."""
        lines = [*source.lines[: self.start], *self.lines, *source.lines[self.stop :]]
        return "\n".join(lines) + "\n"
