"""When a person was last asked whether to retrain: at most once a day, however many servers run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from whetstone.locks import locked
from whetstone.paths import atomic_write_text, data_dir

PAUSE = timedelta(days=1)


class Reminder:
    """`reminder.json` in the data folder. Damaged, it counts as never asked."""

    def __init__(
        self, path: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = path or data_dir() / "reminder.json"
        self._now = now

    @property
    def due(self) -> bool:
        """May the question be asked now?"""
        state = self._read()
        if state.get("never") is True:
            return False
        try:
            asked = datetime.fromisoformat(str(state["asked_at"]))
            # Either way: a clock that was set back must not silence it for years.
            return abs(self._now() - asked) >= PAUSE
        except (KeyError, ValueError, TypeError):
            return True

    def claim(self) -> bool:
        """Take the right to ask; of several processes one gets it.

        Raises:
            OSError: the file cannot be written.
            LockBusy: another process holds it.
        """
        with locked(self._path.with_suffix(".lock"), timeout_s=5):
            if not self.due:
                return False
            self._write({**self._read(), "asked_at": self._now().isoformat(timespec="seconds")})
            return True

    def never(self) -> None:
        """Do not ask again. Raises as `claim` does."""
        with locked(self._path.with_suffix(".lock"), timeout_s=5):
            self._write({**self._read(), "never": True})

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write(self, state: dict[str, Any]) -> None:
        atomic_write_text(self._path, json.dumps(state) + "\n")
