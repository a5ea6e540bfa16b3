"""Files of gigabytes that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from whetstone.errors import TrainingError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it takes the place of `path` when the block succeeds.

    Raises:
        TrainingError: the folder cannot be written or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be written ({error.strerror or error}). Nothing was left behind; "
            "free some space or choose a folder you can write, then run the command again."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def scratch_file(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` for an intermediate file, which is gone afterwards."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.scratch.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
