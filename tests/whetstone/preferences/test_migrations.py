"""Every old schema becomes the newest one, with its rows."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
from builders import proposal, replace
from sqlite_utils import Database

from whetstone.preferences import Outcome, PreferenceStore
from whetstone.preferences.migrations import LATEST, STEPS, migrate, version

LANDED = [
    "c0ba78952a61",
    "96d1dc5ff5fa",
    "5baab6b71e16",
    "ab203b46b277",
    "ab0f78ce3e09",
    "641df86760eb",
]


def at_version(path: Path, number: int) -> Database:
    path.parent.mkdir(exist_ok=True)
    database = Database(sqlite3.connect(path, isolation_level=None))
    migrate(database, target=number)
    return database


def schema(path: Path) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize("number", range(LATEST + 1))
def test_from_every_version(path: Path, tmp_path: Path, number: int) -> None:
    old = at_version(path, number)
    assert version(old) == number
    if number >= 1:
        old["problems"].insert({"id": "p", "data": "{}"})
    old.close()
    with PreferenceStore.open(path) as store:
        shown = proposal(replace("    return length"))
        store.record_suggestion(shown, client="test")
        assert store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    fresh = tmp_path / "fresh.db"
    PreferenceStore.open(fresh).close()
    assert schema(path) == schema(fresh)
    if number >= 1:
        assert sqlite3.connect(path).execute("SELECT data FROM problems WHERE id = 'p'").fetchone()


def test_a_step_that_fails_leaves_the_version_before_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(db: Database) -> None:
        db.execute("CREATE TABLE half (x)")
        raise RuntimeError("no")

    database = at_version(path, 2)
    before = schema(path)
    monkeypatch.setattr("whetstone.preferences.migrations.STEPS", (*STEPS[:2], broken))
    with pytest.raises(RuntimeError):
        migrate(database, target=3)
    assert version(database) == 2
    assert schema(path) == before


def test_opening_twice_migrates_once(path: Path) -> None:
    PreferenceStore.open(path).close()
    first = schema(path)
    with PreferenceStore.open(path), PreferenceStore.open(path):
        assert schema(path) == first


def test_steps_are_the_ones_that_landed() -> None:
    """A step is never edited after it has landed: a new number is added instead."""
    digests = []
    database = Database(memory=True)
    database.conn.isolation_level = None
    for number in range(1, LATEST + 1):
        migrate(database, target=number)
        digests.append(hashlib.sha256(database.schema.encode()).hexdigest()[:12])
    assert digests == LANDED
