"""The work folder of a build: parts that are there are not made again.

OUT/
  settings.json      what the parts were made with
  parts/*.jsonl      verified mutants and triplets, one file per piece of work
  held-out.jsonl     verified mutants of programs that are never trained on
  triplets.parquet   the result, with card.md and card.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from trainer.begun import begin
from whetstone.errors import UsageError
from whetstone.paths import atomic_write_text


class Stored(Protocol):
    def to_json(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Stored)


class WorkFolder:
    """Parts by name. Each write is whole or not there."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open the folder, or begin it.

        Raises:
            UsageError: it was begun with other settings, or cannot be written.
        """
        self.path = path
        begin(
            path,
            settings,
            otherwise="was begun with other settings ({changed}). Give another --out, or delete "
            "that folder.",
        )
        try:
            (path / "parts").mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error

    def has(self, name: str) -> bool:
        return self._file(name).exists()

    def write(self, name: str, rows: Iterable[Stored]) -> None:
        text = "".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)
        atomic_write_text(self._file(name), text)

    def read(self, name: str, make: Callable[[dict[str, Any]], T]) -> list[T]:
        """What `write` wrote."""
        lines = self._file(name).read_text(encoding="utf-8").split("\n")
        return [make(json.loads(line)) for line in lines if line]

    def _file(self, name: str) -> Path:
        return self.path / "parts" / f"{name}.jsonl"
