"""A folder of work that goes on where it was stopped, if it is the same work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whetstone.errors import UsageError
from whetstone.paths import atomic_write_text


def begin(path: Path, settings: Mapping[str, Any], *, otherwise: str) -> None:
    """Make the folder and note its settings, or see that they are those it was begun with.

    Args:
        otherwise: what to say when they are not; `{changed}` in it names the keys that differ.

    Raises:
        UsageError: they are others, or the folder cannot be written.
    """
    file = path / "settings.json"
    wanted = json.loads(json.dumps(settings))
    try:
        path.mkdir(parents=True, exist_ok=True)
        if file.exists() and (begun := json.loads(file.read_text(encoding="utf-8"))) != wanted:
            changed = sorted(k for k in {*begun, *wanted} if begun.get(k) != wanted.get(k))
            raise UsageError(f"{path}: {otherwise.format(changed=', '.join(changed))}")
        atomic_write_text(file, json.dumps(wanted, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
