"""Which model is active, which were before it, and why each was chosen.

One small file, replaced in one step: a reader sees the old choice or the new one.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whetstone.errors import ModelError
from whetstone.models.entry import STARTER, ModelEntry
from whetstone.paths import atomic_write_text

_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One choice."""

    name: str
    sha256: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    current: Pointer
    previous: tuple[Pointer, ...]  # what `rollback` goes back to, the latest last
    log: tuple[Pointer, ...]  # every choice, the latest last; rollbacks too


# Before the first choice the embedded model serves.
_IMPLICIT = Pointer(name=STARTER, sha256="", at="", reason="embedded")


class PointerFile:
    """The pointer on disk. Whoever changes it holds the registry's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamp(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError:
            return ()
        return (status.st_mtime_ns, status.st_ino, status.st_size)

    def read(self) -> Pointer | None:
        state = self._state()
        return None if state is None else state.current

    def previous(self) -> list[Pointer]:
        """Earlier choices, the latest first."""
        state = self._state()
        return [] if state is None else [*reversed(state.previous)]

    def log(self) -> list[Pointer]:
        state = self._state()
        return [] if state is None else [*state.log]

    def point(self, entry: ModelEntry, *, reason: str) -> None:
        state = self._state() or _State(current=_IMPLICIT, previous=(), log=())
        chosen = _pointer(entry, reason)
        same = (state.current.name, state.current.sha256) == (chosen.name, chosen.sha256)
        previous = state.previous if same else (*state.previous, state.current)
        self._write(_State(current=chosen, previous=previous, log=(*state.log, chosen)))

    def step_back(self, depth: int, entry: ModelEntry, *, reason: str) -> None:
        """Make `entry`, which is `depth` choices back, the active one."""
        state = self._state() or _State(current=_IMPLICIT, previous=(), log=())
        chosen = _pointer(entry, f"{reason} from {state.current.name}")
        previous = state.previous[: len(state.previous) - depth]
        self._write(_State(current=chosen, previous=previous, log=(*state.log, chosen)))

    def _state(self) -> _State | None:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return _State(
                current=_load(stored["current"]),
                previous=tuple(map(_load, stored["previous"])),
                log=tuple(map(_load, stored["log"])),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{self._path}: damaged, so the active model is not known. Delete this file to go "
                "back to the embedded starter, then run `whetstone models use NAME`."
            ) from error
        except OSError as error:
            raise ModelError(f"{self._path}: cannot be read ({error.strerror}).") from error

    def _write(self, state: _State) -> None:
        stored = {
            "version": 1,
            "current": dataclasses.asdict(state.current),
            "previous": [dataclasses.asdict(item) for item in state.previous[-_KEPT:]],
            "log": [dataclasses.asdict(item) for item in state.log[-_KEPT:]],
        }
        atomic_write_text(self._path, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")


def _pointer(entry: ModelEntry, reason: str) -> Pointer:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Pointer(name=entry.name, sha256=entry.sha256, at=now, reason=reason)


def _load(stored: dict[str, Any]) -> Pointer:
    return Pointer(**{key: str(stored[key]) for key in ("name", "sha256", "at", "reason")})
