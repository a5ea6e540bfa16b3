"""A lock between processes, held while a file is opened, checked and migrated."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType

from whetstone.errors import StoreError


class FileLock:
    """`with FileLock(path, timeout_s):` The operating system lets go of it when a process dies."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._descriptor = -1

    def __enter__(self) -> FileLock:
        """Raises OSError when the file cannot be made, StoreError when the wait is too long."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + self._timeout_s
        while not _try_lock(self._descriptor):
            if time.monotonic() > deadline:
                os.close(self._descriptor)
                raise StoreError(
                    f"{self._path}: another process has been opening the preference database for "
                    f"{self._timeout_s:.0f} s. Try again, or end that process."
                )
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _unlock(self._descriptor)
        os.close(self._descriptor)


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
