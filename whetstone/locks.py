"""A lock between processes, freed by the system when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from whetstone.errors import WhetstoneError


class LockBusy(WhetstoneError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float, busy: WhetstoneError | None = None) -> Iterator[None]:
    """Hold `path` exclusively.

    Args:
        busy: raised when another process held it for `timeout_s`; a LockBusy by default.

    Raises:
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise busy or LockBusy(f"{path}: another process holds it. Try again in a moment.")
            time.sleep(0.02)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


class Held:
    """A lock that this process holds until it releases it, or dies."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self, *, remove: bool = False) -> None:
        """Let go of it; with `remove` the file goes first, so that nobody can hold it after us."""
        if remove and sys.platform != "win32":
            self.path.unlink(missing_ok=True)
        _unlock(self._descriptor)
        os.close(self._descriptor)
        if remove:
            with contextlib.suppress(OSError):  # Windows: somebody else has opened it
                self.path.unlink(missing_ok=True)


def hold(path: Path) -> Held | None:
    """Hold `path` exclusively if nobody does; None when another process does, or removed it.

    Raises:
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _try_lock(descriptor):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return Held(path, descriptor)
    os.close(descriptor)
    return None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
