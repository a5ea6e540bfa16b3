"""What is wrong, and where: the values that flow from a diagnostic to a shown fix.

All positions are 0-based; columns count code points; ends are exclusive. Only `lsp_server` knows
about the UTF-16 units that the protocol may use.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")


def split_lines(text: str) -> list[str]:
    """Lines of `text` with their endings, split as Python and LSP split them.

    `str.splitlines` also splits at form feeds and Unicode separators, which editors do not.
    """
    return [line for line in _LINE.findall(text) if line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range in a document."""

    start_line: int
    start_column: int = 0
    end_line: int
    end_column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding of one tool: `source` is "python", "ruff", "test", or the editor's own name."""

    source: str
    code: str
    message: str
    span: Span
    severity: Literal["error", "warning", "information", "hint"] = "error"

    @property
    def headline(self) -> str:
        """One line that a person (and the model) reads: `F821 undefined name 'x'`."""
        first = self.message.strip().splitlines()[0] if self.message.strip() else "problem"
        return first if not self.code or first.startswith(self.code) else f"{self.code} {first}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The text of one file as the editor or the disk has it, line endings kept."""

    text: str
    path: Path | None = None
    version: int | None = None

    @property
    def name(self) -> str:
        return self.path.name if self.path else "untitled.py"

    def lines(self) -> list[str]:
        """Lines with their endings."""
        return split_lines(self.text)

    def bare_lines(self) -> list[str]:
        """Lines without their endings."""
        return [line.rstrip("\r\n") for line in self.lines()]

    @property
    def newline(self) -> str:
        """The line ending of the file: that of its first line, `\\n` when it has none."""
        match = re.search(r"\r\n|\n|\r", self.text)
        return match.group() if match else "\n"

    def with_text(self, text: str) -> Document:
        return dataclasses.replace(self, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Whole lines `start` to `stop`, exclusive: what an answer replaces."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """An answer: new lines for the region, or import lines to insert where imports stand.

    `lines` carry no line endings. An empty tuple with kind "replace" deletes the region.
    """

    kind: Literal["replace", "import"]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything a prompt is made of, and nothing else: it can be stored and rendered later.

    Line groups carry no line endings. `head` holds the import lines of the file when `above` does
    not reach them. `failure` is the relevant tail of a traceback or of a test's output.
    """

    name: str
    diagnostic: Diagnostic
    region: Region
    head: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    flagged: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    failure: str = ""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Problem:
        """Raises KeyError or TypeError when `data` is not what `to_json` wrote."""
        diagnostic = dict(data["diagnostic"])
        return cls(
            name=str(data["name"]),
            diagnostic=Diagnostic(**{**diagnostic, "span": Span(**diagnostic["span"])}),
            region=Region(**data["region"]),
            failure=str(data.get("failure", "")),
            **{
                key: tuple(map(str, data.get(key, ())))
                for key in ("head", "above", "flagged", "below", "hints")
            },
        )
