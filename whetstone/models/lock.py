"""The registry's lock: changes of the models happen one after the other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from whetstone.errors import ModelError
from whetstone.locks import locked as held


def locked(path: Path, *, timeout_s: float = 10.0) -> AbstractContextManager[None]:
    """Hold `path`; raises ModelError when another process does so for `timeout_s`."""
    busy = ModelError(f"{path}: another process is changing the models. Try again in a moment.")
    return held(path, timeout_s=timeout_s, busy=busy)
