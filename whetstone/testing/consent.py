"""The user's word that the tests of a workspace may run, kept in the user's own data folder.

A workspace cannot give it for itself: `consent.json` lies outside of every workspace, and names
them by their resolved paths.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from whetstone.locks import locked
from whetstone.paths import atomic_write_text, data_dir
from whetstone.settings import Settings


class Consents:
    """Which workspaces' tests may run without asking again."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or data_dir() / "consent.json"

    def given(self, root: Path) -> bool:
        return str(root.resolve()) in self._read()

    def all(self) -> dict[str, str]:
        """The workspaces, and since when."""
        return self._read()

    def give(self, root: Path) -> None:
        """Raises OSError when it cannot be written, LockBusy when another process holds it."""
        self._change(root, given=True)

    def withdraw(self, root: Path) -> None:
        """Ask again from now on; harmless when it was not given. Raises as `give` does."""
        self._change(root, given=False)

    def _change(self, root: Path, *, given: bool) -> None:
        with locked(self._path.with_suffix(".lock"), timeout_s=5):
            known = self._read()
            if given:
                known[str(root.resolve())] = datetime.now(UTC).isoformat(timespec="seconds")
            else:
                known.pop(str(root.resolve()), None)
            text = json.dumps({"tests": known}, indent=1, ensure_ascii=False)
            atomic_write_text(self._path, text + "\n")

    def _read(self) -> dict[str, str]:
        """A damaged file gives no consent."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))["tests"]
            return {str(path): str(when) for path, when in known.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def may_run(settings: Settings, root: Path) -> bool:
    """By the setting `test.consent`, for every workspace, or by the word given for this one."""
    return settings.test.consent or Consents().given(root)
