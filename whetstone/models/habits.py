"""What a model's file says of the choices that it was trained on: which kinds of fixes were taken
and which were turned down. Kinds name no code (`whetstone.kinds`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whetstone.models.gguf_info import GGUF_HABITS_KEY, GgufKind, read_gguf

_MOST = 1_000  # kinds of each; of a file from anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Kinds of fixes that a user took more often than not, and those that they turned down."""

    taken: frozenset[str] = frozenset()
    turned_down: frozenset[str] = frozenset()

    @classmethod
    def of_counts(cls, taken: Mapping[str, int], turned_down: Mapping[str, int]) -> Habits:
        """What happened more often; in a tie the user keeps an open mind."""
        return cls(
            taken=frozenset(k for k, count in taken.items() if count > turned_down.get(k, 0)),
            turned_down=frozenset(k for k, count in turned_down.items() if count > taken.get(k, 0)),
        )

    def then(self, later: Habits) -> Habits:
        """These, where the later ones say nothing else."""
        return Habits(
            taken=later.taken | (self.taken - later.turned_down),
            turned_down=later.turned_down | (self.turned_down - later.taken),
        )

    def to_json(self) -> dict[str, list[str]]:
        return {"taken": sorted(self.taken), "turned_down": sorted(self.turned_down)}

    @classmethod
    def from_json(cls, found: Any) -> Habits:
        """What is of another shape counts as nothing: files come from anywhere."""
        known = found if isinstance(found, Mapping) else {}
        return cls(taken=_kinds(known.get("taken")), turned_down=_kinds(known.get("turned_down")))


def _kinds(found: Any) -> frozenset[str]:
    return frozenset(map(str, found[:_MOST])) if isinstance(found, list) else frozenset()


def habits_in(metadata: Mapping[str, object]) -> Habits | None:
    """The habits that a file's metadata name; None when it was trained on nobody's choices."""
    text = metadata.get(GGUF_HABITS_KEY)
    if text is None:
        return None
    try:
        return Habits.from_json(json.loads(str(text)))
    except (ValueError, RecursionError):
        return Habits()


def habits_of(path: Path, kind: GgufKind = "model") -> Habits | None:
    """The same of the file at `path`.

    Raises:
        ModelError: no GGUF file of that kind, or one that cannot be read.
    """
    return habits_in(read_gguf(path, kind=kind).metadata)


def together(known: Iterable[Habits | None]) -> Habits | None:
    """Of a model and what is laid over it; None when neither has any."""
    found = [habits for habits in known if habits is not None]
    if not found:
        return None
    merged = Habits()
    for habits in found:
        merged = merged.then(habits)
    return merged
