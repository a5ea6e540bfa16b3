"""What was acknowledged stays: kill -9, several processes, damage, full disks, closed folders."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from builders import proposal, replace
from conftest import Process

from whetstone.errors import StoreError
from whetstone.preferences import EventKind, Outcome, PreferenceStore
from whetstone.preferences import database as database_module

OPEN = """
import os, signal, sys
from pathlib import Path
from builders import proposal, replace
from whetstone.preferences import EventKind, Outcome, PreferenceStore
path = Path(sys.argv[1])
store = PreferenceStore.open(path)
"""
ACKNOWLEDGE = (
    OPEN
    + """
while True:
    shown = proposal(replace("    return length"))
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    print(shown.id, flush=True)
"""
)
DIE_INSIDE = (
    OPEN
    + """
shown = proposal(replace("    return length"))
store.record_suggestion(shown, client="test")
def job(db):
    db["events"].insert({"suggestion_id": shown.id, "at": "now", "kind": "note"})
    print(shown.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
store._file.write(job)
"""
)
WRITE_MANY = (
    OPEN
    + """
for _ in range(int(sys.argv[2])):
    shown = proposal(replace("    return length"), replace("    return 0"))
    store.record_suggestion(shown, client=sys.argv[3])
    store.record_event(shown.id, EventKind.APPLIED, candidate_id=shown.candidates[0].id)
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[1].id)
store.close()
print("done", flush=True)
"""
)


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def accept(store: PreferenceStore) -> str:
    shown = proposal(replace("    return length"))
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    return shown.id


def test_what_was_acknowledged_survives_kill_9(path: Path, start: Process) -> None:
    process = start(ACKNOWLEDGE, path)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    acknowledged += process.communicate()[0].split()
    with PreferenceStore.open(path) as store:
        assert store.notices == ()
        settled = {s.id for s in store.suggestions() if s.outcome is Outcome.ACCEPTED}
        # A last line may be cut short by the kill.
        assert {id for id in acknowledged if len(id) == 32} <= settled
        assert {pair.suggestion_id for pair in store.pairs()} == settled


def test_a_kill_inside_a_transaction_leaves_a_good_database(path: Path, start: Process) -> None:
    output, _ = start(DIE_INSIDE, path).communicate(timeout=60)
    with PreferenceStore.open(path) as store:
        assert store.notices == ()
        detail = store.get(output.strip())
        assert detail is not None and detail.events == ()
        accept(store)
        assert len(store.pairs()) == 1


def test_four_processes_write_at_once(path: Path, start: Process) -> None:
    processes = [start(WRITE_MANY, path, 15, f"client-{n}") for n in range(4)]
    for process in processes:
        assert finish(process) == "done\n"
    with PreferenceStore.open(path) as store:
        assert store.notices == ()
        clients = [s.client for s in store.suggestions()]
        assert {name: clients.count(name) for name in set(clients)} == {
            f"client-{n}": 15 for n in range(4)
        }
        assert store.stats().triplets == 4 * 15 * 2


def test_threads_share_one_store(store: PreferenceStore) -> None:
    def work() -> None:
        for _ in range(5):
            accept(store)
            store.stats()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.stats().triplets == 30


def test_only_the_user_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        with PreferenceStore.open(path) as store:
            accept(store)
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {
        "preferences.db": 0o600,
        "preferences.db-wal": 0o600,
        "preferences.db-shm": 0o600,
        "preferences.db.lock": 0o600,
    }
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    PreferenceStore.open(path).close()
    path.chmod(0o644)
    PreferenceStore.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_durable_by_its_pragmas(store: PreferenceStore) -> None:
    def read(db: object) -> tuple[object, ...]:
        return tuple(
            db.execute(f"PRAGMA {name}").fetchone()[0]  # type: ignore[attr-defined]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        )

    assert store._file.maintain(read) == ("wal", 2, 1, 1)


@pytest.mark.parametrize("damage", ["text", "truncated", "middle"])
def test_a_damaged_file_is_set_aside(path: Path, damage: str) -> None:
    with PreferenceStore.open(path) as store:
        for _ in range(20):
            accept(store)
    whole = path.read_bytes()
    broken = {
        "text": b"this is not a database " * 400,
        "truncated": whole[: len(whole) // 2 + 100],
        "middle": whole[:4096] + b"\xff" * 8192 + whole[12288:],
    }[damage]
    path.write_bytes(broken)
    with PreferenceStore.open(path) as store:
        assert len(store.notices) == 1
        assert "set aside" in store.notices[0]
        assert store.stats().suggestions == 0
        accept(store)
    aside = [p for p in path.parent.iterdir() if ".corrupt-" in p.name]
    assert len(aside) == 1 and aside[0].read_bytes() == broken
    assert aside[0].name in store.notices[0]
    with PreferenceStore.open(path) as store:
        assert store.notices == () and store.stats().suggestions == 1


def test_a_large_file_is_checked_whole_after_damage_was_met(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whetstone.preferences.database._CHECKED_BYTES", 0)
    with PreferenceStore.open(path) as store:
        for _ in range(20):
            accept(store)
    connection = sqlite3.connect(path)
    [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'suggestions'")
    connection.close()
    with path.open("r+b") as stream:  # the schema is whole: opening does not notice
        stream.seek((page[0] - 1) * 4096)
        stream.write(b"\xff" * 4096)
    with PreferenceStore.open(path) as store:
        assert store.notices == ()
        with pytest.raises(StoreError, match="damaged"):
            store.suggestions()
    with PreferenceStore.open(path) as store:
        assert "set aside" in store.notices[0]
    with PreferenceStore.open(path) as store:
        assert store.notices == ()
    assert not path.with_name("preferences.db.suspect").exists()


def test_two_damaged_files_are_both_kept(path: Path) -> None:
    PreferenceStore.open(path).close()
    for text in (b"one" * 1000, b"two" * 1000):
        path.write_bytes(text)
        PreferenceStore.open(path).close()
    kept = {p.read_bytes() for p in path.parent.iterdir() if ".corrupt-" in p.name}
    assert kept == {b"one" * 1000, b"two" * 1000}


def test_processes_that_meet_a_damaged_file_set_it_aside_once(path: Path, start: Process) -> None:
    path.parent.mkdir()
    path.write_bytes(b"garbage" * 1000)
    for process in [start(WRITE_MANY, path, 3, "x") for _ in range(3)]:
        finish(process)
    aside = [p for p in path.parent.iterdir() if ".corrupt-" in p.name]
    assert len(aside) == 1
    with PreferenceStore.open(path) as store:
        assert store.stats().suggestions == 9


def test_someone_elses_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not one of Whetstone's"):
        PreferenceStore.open(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    PreferenceStore.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.commit()
    newer.close()
    with pytest.raises(StoreError, match="Upgrade Whetstone"):
        PreferenceStore.open(path)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (99,)


def test_a_full_disk_loses_nothing_that_was_stored(path: Path) -> None:
    with PreferenceStore.open(path) as store:
        kept = accept(store)
        # SQLite's own limit on pages gives the very error of a full disk.
        store._file.maintain(
            lambda db: db.execute(
                f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}"
            ).fetchone()
        )
        with pytest.raises(StoreError, match=r"disk is full.*[Nn]othing"):
            for _ in range(500):
                accept(store)
        stored = store.stats()
        store._file.maintain(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
        accept(store)
        assert store.stats().suggestions == stored.suggestions + 1
    with PreferenceStore.open(path) as store:
        assert store.notices == () and store.get(kept) is not None


READ_ONLY = """
import os, sys
from pathlib import Path
import sqlite_utils
from whetstone.errors import StoreError
from whetstone.preferences import PreferenceStore
if os.getuid() == 0:  # root may write everywhere
    os.setgid(65534)
    os.setuid(65534)
try:
    PreferenceStore.open(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="folder permissions as on POSIX")
@pytest.mark.parametrize("existing", [True, False])
def test_a_read_only_folder_says_so(existing: bool, start: Process) -> None:
    # Not tmp_path: the folders above that one are closed to the other user.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if existing:
            with PreferenceStore.open(folder / "preferences.db") as store:
                accept(store)
            if os.getuid() == 0:
                os.chown(folder / "preferences.db", 65534, 65534)
        folder.chmod(0o555)
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        output = finish(start(READ_ONLY, folder / "preferences.db"))
        folder.chmod(0o755)
        assert "cannot open the preference database" in output
        assert "WHETSTONE_DATA" in output
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_folder_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot open the preference database"):
        PreferenceStore.open(tmp_path / "data" / "preferences.db")


def test_a_lock_that_is_held_too_long_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, start: Process
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.2)
    with PreferenceStore.open(path) as store:
        kept = accept(store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="kept it locked"):
            store.record_event(kept, EventKind.SAVED)
        assert store.get(kept) is not None  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        store.record_event(kept, EventKind.SAVED)


def test_an_error_in_one_write_leaves_the_writer_alive(store: PreferenceStore) -> None:
    with pytest.raises(ZeroDivisionError):
        store._file.write(lambda db: 1 / 0)
    assert accept(store)


def test_after_close_every_call_says_so(path: Path) -> None:
    store = PreferenceStore.open(path)
    accept(store)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.stats()
    with pytest.raises(StoreError, match="closed"):
        accept(store)
    assert not Path(f"{path}-wal").exists()  # folded into the file


def test_importing_the_store_loads_no_database_library(start: Process) -> None:
    code = "import sys, whetstone.preferences; print('sqlite_utils' in sys.modules)"
    assert finish(start(code)) == "False\n"


def test_the_log_is_folded_into_the_file_when_nobody_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whetstone.preferences.database._IDLE_S", 0.05)
    with PreferenceStore.open(path) as store:
        before = path.stat().st_size
        for _ in range(30):
            accept(store)
        end = time.monotonic() + 20
        while path.stat().st_size == before and time.monotonic() < end:
            time.sleep(0.02)
        assert path.stat().st_size > before
        accept(store)
        assert store.stats().suggestions == 31
