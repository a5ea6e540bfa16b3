"""A look into the store without opening it, which checks and migrates and costs more than a fix."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from whetstone.preferences import migrations

_log = logging.getLogger(__name__)

Found = TypeVar("Found")


def glance(path: Path, read: Callable[[sqlite3.Connection], Found], nothing: Found) -> Found:
    """What `read` finds in a file that need not exist; `nothing` where it cannot be read.

    What an older version wrote is read once the store has been opened, which brings it to the
    newest schema; a file that cannot be read is left to the store too, which says so.
    """
    if not path.exists():
        return nothing
    try:
        where = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(where, uri=True, timeout=1.0)) as connection:
            connection.execute("PRAGMA query_only = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] != migrations.LATEST:
                return nothing
            return read(connection)
    except (sqlite3.Error, OSError, ValueError) as error:
        _log.info("earlier choices could not be read: %s", error)
        return nothing
