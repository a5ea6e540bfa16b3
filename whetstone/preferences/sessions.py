"""Which recorders are alive: each holds a lock on a file of its own, and the system frees it when
the process dies, however it dies. What a dead one left open is settled by the next that begins.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from whetstone.locks import Held, hold

FOLDER = "sessions"


class Session:
    """This process's own."""

    def __init__(self, name: str, held: Held) -> None:
        self.name = name
        self._held = held

    def end(self) -> None:
        """Everything is settled, or somebody else shall do it."""
        self._held.release(remove=True)


def begin(data: Path) -> Session:
    """Begin a session beside a store in the folder `data`.

    Raises:
        OSError: the file cannot be made.
    """
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        name = secrets.token_hex(8)
        held = hold(folder / name)
        if held is not None:  # else somebody took it for a dead one between two steps
            return Session(name, held)


def dead(data: Path) -> list[Session]:
    """The sessions whose process died. They are ours now: settle what they left, then end them."""
    found = []
    for path in sorted((data / FOLDER).glob("*")):
        with contextlib.suppress(OSError):
            held = hold(path)
            if held is not None:
                found.append(Session(path.name, held))
    return found
