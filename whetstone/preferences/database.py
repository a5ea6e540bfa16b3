"""One SQLite file, safely: checked when opened, written by one thread, read by another connection.

A write is a function that runs inside one transaction on the writer thread; the caller waits until
it is committed. With the write-ahead log and synchronous=FULL a commit is on the disk, so what was
acknowledged survives kill -9 and a power cut. Other processes take turns through SQLite's own
locks; the write lock is taken at the start, so two writers wait for each other instead of failing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from whetstone.errors import StoreError
from whetstone.lean import without
from whetstone.locks import locked
from whetstone.preferences import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")
Job = Callable[["Database"], T]
_Task = tuple[Callable[["Database"], Any], bool, "Future[Any]"]

BUSY_TIMEOUT_S = 15.0
_IDLE_S = 1.0
_CHECKED_BYTES = 32_000_000  # 0.2 s on the machine it was measured on
_SIDE_FILES = ("", "-wal", "-shm")
_log = logging.getLogger(__name__)


class DatabaseFile:
    """An open preferences.db. Thread-safe. `notices` are messages that the user should see."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: tuple[str, ...] = ()
        self._writer = self._open()
        self._reader: Database | None = None
        self._reading = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._state = threading.Lock()
        self._closed = False

    def write(self, job: Job[T]) -> T:
        """Run `job` in one transaction; return when it is on the disk.

        Raises:
            StoreError: nothing of the job was stored.
        """
        return self._submit(job, transaction=True)

    def maintain(self, job: Job[T]) -> T:
        """Run `job` on the writer thread outside a transaction, as VACUUM needs it."""
        return self._submit(job, transaction=False)

    def read(self, job: Job[T]) -> T:
        """Run `job` on a connection that cannot write; it sees what was committed before.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._reading, self._explained():
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed.")
            if self._reader is None:
                self._reader = _connect(self.path)
                self._reader.conn.execute("PRAGMA query_only = ON")
            self._reader.conn.execute("BEGIN")  # one snapshot for all that the job reads
            try:
                return job(self._reader)
            finally:
                self._reader.conn.execute("ROLLBACK")

    def close(self) -> None:
        """Finish what was asked for and close. Harmless to repeat."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._tasks.put(None)
        if self._thread is not None:
            self._thread.join()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
        # Last, so that SQLite folds the write-ahead log into the file.
        self._writer.close()

    # -- the writer thread ----------------------------------------------------------------------

    def _submit(self, job: Job[T], *, transaction: bool) -> T:
        future: Future[T] = Future()
        with self._state:
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed.")
            if self._thread is None:
                # A daemon: everyone who waits for a write has not been told that it is stored.
                self._thread = threading.Thread(
                    target=self._work, name="whetstone-preferences", daemon=True
                )
                self._thread.start()
            self._tasks.put((job, transaction, future))
        return future.result()

    def _work(self) -> None:
        unfolded = False  # something was written that stands in the write-ahead log alone
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE_S if unfolded else None)
            except queue.Empty:
                self._fold()
                unfolded = False
                continue
            if task is None:
                return
            job, transaction, future = task
            unfolded = True
            try:
                with self._explained():
                    result = self._in_transaction(job) if transaction else job(self._writer)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del task, job, future  # do not keep a finished job's data until the next one comes

    def _fold(self) -> None:
        """Move the write-ahead log into the file while nobody waits for it.

        In a large file the pages of a few commits lie far apart, so this takes up to 0.1 s.
        """
        with contextlib.suppress(sqlite3.Error):  # another process may be at it
            self._writer.conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _in_transaction(self, job: Job[T]) -> T:
        connection = self._writer.conn
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = job(self._writer)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    # -- opening --------------------------------------------------------------------------------

    def _open(self) -> Database:
        """Check, repair by setting aside, migrate. One process at a time does this."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = self.path.with_name(self.path.name + ".lock")
            busy = StoreError(
                f"{beside}: another process has been opening the preference database for "
                f"{BUSY_TIMEOUT_S:.0f} s. Try again, or end that process."
            )
            _database_class()  # imported now, not while others wait for the lock

            with locked(beside, timeout_s=BUSY_TIMEOUT_S, busy=busy), self._explained():
                _create_private(self.path)
                try:
                    return _open_checked(self.path)
                except sqlite3.DatabaseError as error:
                    if not _is_corrupt(error):
                        raise
                    self._set_aside(str(error))
                    _create_private(self.path)
                    return _open_checked(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot open the preference database ({error.strerror or error}). "
                "Nothing was changed. Make its folder writable, or set WHETSTONE_DATA to another."
            ) from error

    def _set_aside(self, reason: str) -> None:
        aside = _free_name(self.path)
        for suffix in _SIDE_FILES:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        _suspect(self.path).unlink(missing_ok=True)
        notice = (
            f"{self.path}: the preference database is damaged ({reason}). It was set aside, "
            f"whole, as {aside.name}, and a new one was started. "
            f"`sqlite3 {aside.name} .recover` may bring its contents back."
        )
        _log.warning("%s", notice)
        self.notices += (notice,)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.DatabaseError) and _is_corrupt(error):
                with contextlib.suppress(OSError):
                    _suspect(self.path).touch(mode=0o600)
            raise StoreError(_explain(self.path, error)) from error


def _database_class() -> type[Database]:
    """Imported when first needed, and alone: with pandas, where training has installed it, it
    takes a second and 90 MB, for types of columns that are not used here."""
    with without("pandas", "numpy"):
        from sqlite_utils import Database

    return Database  # type: ignore[no-any-return]


def _connect(path: Path) -> Database:
    # mode=rw: only `_create_private` makes the file, so that it never has another mode.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the pages
        return _database_class()(connection, execute_plugins=False)
    except BaseException:
        connection.close()
        raise


def _open_checked(path: Path) -> Database:
    database = _connect(path)
    try:
        _check_whole(database, path)
        migrations.check(database, str(path))
        database.conn.execute("PRAGMA journal_mode = WAL")
        migrations.migrate(database)
        # Folded in when idle; under a load without a pause, at the latest at 64 MB.
        database.conn.execute("PRAGMA wal_autocheckpoint = 16384")
        # A page of the log is only reused after a checkpoint: keep it near 4 MB.
        database.conn.execute("PRAGMA journal_size_limit = 4194304")
    except BaseException:
        database.close()
        raise
    return database


def _check_whole(database: Database, path: Path) -> None:
    """Look for damage: in all of a small file, else only after damage was met while it was used.

    The check reads every page: a second for each 160 MB. `whetstone doctor` always makes it.
    """
    suspect = _suspect(path)
    if path.stat().st_size > _CHECKED_BYTES and not suspect.exists():
        return
    findings = [row[0] for row in database.execute("PRAGMA quick_check(1)").fetchall()]
    if findings != ["ok"]:
        raise _Damaged(findings[0] if findings else "no answer from its check")
    suspect.unlink(missing_ok=True)


def _suspect(path: Path) -> Path:
    """The mark that damage was met: the next opening checks the whole file."""
    return path.with_name(f"{path.name}.suspect")


class _Damaged(sqlite3.DatabaseError):
    """SQLite opened the file but its check found damage."""


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _Damaged) or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _create_private(path: Path) -> None:
    """SQLite gives -wal and -shm the mode of the file itself, so this one call covers all three."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.name == "posix" and os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _free_name(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 2
    while any(Path(f"{aside}{suffix}").exists() for suffix in _SIDE_FILES):
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
        number += 1
    return aside


def _explain(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    advice = {
        sqlite3.SQLITE_FULL: "The disk is full. Nothing that was stored before is lost. "
        "Free some space and try again.",
        sqlite3.SQLITE_IOERR: "The disk did not take it: full, over quota or failing. Nothing that "
        "was stored before is lost. Free some space and try again.",
        sqlite3.SQLITE_READONLY: "It cannot be written. Make the file and its folder writable, or "
        "set WHETSTONE_DATA to another folder.",
        sqlite3.SQLITE_CANTOPEN: "It cannot be opened. Make the file and its folder writable, or "
        "set WHETSTONE_DATA to another folder.",
        sqlite3.SQLITE_PERM: "It cannot be opened. Check the permissions of the file.",
        sqlite3.SQLITE_BUSY: f"Another process kept it locked for {BUSY_TIMEOUT_S:.0f} s. "
        "Try again when that one has finished.",
        sqlite3.SQLITE_CORRUPT: "It is damaged. Start again: the damaged file is then set aside, "
        "never deleted.",
        sqlite3.SQLITE_NOTADB: "It is damaged. Start again: the damaged file is then set aside, "
        "never deleted.",
    }.get(code, "Nothing was stored.")
    return f"{path}: {error}. {advice}"
