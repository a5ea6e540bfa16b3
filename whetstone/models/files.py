"""Model files on disk: copied, synchronised, cleaned up; disk errors told as what to do next."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from whetstone.errors import ModelError

_T = TypeVar("_T")
_CHUNK = 4 << 20
_SPARE = 64 << 20  # bytes left free on the disk for the preference database and the rest
_STALE_S = 24 * 3600


def guarded(path: Path, work: Callable[[], _T]) -> _T:
    """`work()`, with an OSError told as a ModelError about its own file, or else `path`."""
    try:
        return work()
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "The disk is full. Free some space, or set WHETSTONE_DATA to another disk."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = "It cannot be written. Change its permissions, or set WHETSTONE_DATA."
        else:
            advice = "Nothing was changed."
        raise ModelError(f"{where}: {error.strerror or error}. {advice}") from error


def require_space(folder: Path, size: int) -> None:
    """Raises OSError (ENOSPC) unless `size` bytes fit, with some to spare."""
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        what = f"{size:,} bytes are needed and {free:,} are free"
        raise OSError(errno.ENOSPC, what, str(folder))


def copy_in(path: Path, folder: Path, size: int) -> tuple[Path, str]:
    """A synchronised copy of `path` under a temporary name in `folder`, and its sha256."""
    require_space(folder, size)
    digest = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".add.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as target, path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name), digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the system has a way to."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Delete the temporary files of processes that were killed a day or more ago."""
    for stale in folder.glob(".*.tmp"):
        try:
            if time.time() - stale.stat().st_mtime > _STALE_S:
                stale.unlink()
        except FileNotFoundError:
            continue
