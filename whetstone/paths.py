"""Where Whetstone keeps its files, and how it writes them so that none is ever half there."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from whetstone.errors import WhetstoneError


def data_dir() -> Path:
    """The user's data folder, private to them: `$WHETSTONE_DATA` or the platform's own place.

    Raises:
        WhetstoneError: it cannot be created.
    """
    chosen = os.environ.get("WHETSTONE_DATA")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("whetstone")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WhetstoneError(
            f"{folder}: cannot create the data folder ({error.strerror}). "
            "Set WHETSTONE_DATA to a folder you can write."
        ) from error
    return folder


def preferences_path() -> Path:
    """Where the choices are kept, whether there is such a file yet or not."""
    return data_dir() / "preferences.db"


def atomic_write_bytes(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` with `data`: a crash leaves the old file or the new one, never a part.

    Raises:
        OSError: the folder cannot be written or the disk is full; the old file is untouched.
    """
    import tempfile  # much for a server that has yet to answer

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def atomic_write_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """`atomic_write_bytes` for UTF-8 text, line endings kept as they are."""
    atomic_write_bytes(path, text.encode("utf-8"), mode=mode)
