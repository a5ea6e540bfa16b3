"""The kept counts are what counting every row would give, whatever happens to the rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from builders import proposal, replace
from sqlite_utils import Database

from whetstone.preferences import Outcome, PreferenceStore
from whetstone.preferences.migrations import migrate

_BOTH = "chosen IS NOT NULL AND rejected IS NOT NULL"


def counted(path: Path) -> tuple[int, int, dict[str, int], int, int, int]:
    """Suggestions, codes, outcomes and pairs, from the rows themselves."""
    db = sqlite3.connect(path)

    def one(sql: str) -> int:
        return int(db.execute(sql).fetchone()[0])

    outcomes = dict(db.execute("SELECT outcome, count(*) FROM outcomes GROUP BY 1").fetchall())
    trained = "id IN (SELECT pair_id FROM trainings)"
    found = (
        one("SELECT count(*) FROM suggestions"),
        one("SELECT count(DISTINCT code) FROM suggestions"),
        outcomes,
        one(f"SELECT count(*) FROM pairs WHERE {_BOTH}"),
        one(f"SELECT count(*) FROM pairs WHERE {_BOTH} AND NOT {trained}"),
        one(f"SELECT count(*) FROM pairs WHERE NOT ({_BOTH})"),
    )
    db.close()
    return found


def kept(store: PreferenceStore) -> tuple[int, int, dict[str, int], int, int, int]:
    stats = store.stats()
    assert sum(group.suggestions for group in stats.by_day) == stats.suggestions
    assert sum(group.suggestions for group in stats.by_model) == stats.suggestions
    assert sum(stats.sources.values()) == stats.triplets + stats.unpaired
    by_code: dict[str, int] = {}
    for group in stats.by_code:
        for outcome, count in group.outcomes.items():
            by_code[outcome] = by_code.get(outcome, 0) + count
    assert by_code == stats.outcomes
    return (
        stats.suggestions, len(stats.by_code), stats.outcomes,
        stats.triplets, stats.untrained, stats.unpaired,
    )  # fmt: skip


def some(store: PreferenceStore) -> list[str]:
    """Suggestions with different ends; one stays open."""
    ids = []
    for number, outcome in enumerate((Outcome.ACCEPTED, Outcome.REJECTED, Outcome.IGNORED, None)):
        shown = proposal(replace(f"    return {number}"), replace("    y"), model_id=f"m{number}@1")
        ids.append(store.record_suggestion(shown, client="test"))
        chosen = shown.candidates[0].id if outcome is Outcome.ACCEPTED else None
        if outcome is not None:
            store.settle(shown.id, outcome, candidate_id=chosen)
    return ids


def test_they_follow_every_change(store: PreferenceStore, path: Path) -> None:
    ids = some(store)
    assert kept(store) == counted(path)
    assert store.stats().suggestions == 4 and store.stats().open == 1
    pairs = [pair.id for pair in store.pairs(kind="all")]
    store.mark_trained(pairs, "one")
    store.mark_trained(pairs[:1], "two")
    assert kept(store) == counted(path) and store.stats().untrained == 0
    store.forget_training("one")
    assert kept(store) == counted(path)
    store.delete_pairs(pairs[1:2])
    store.delete(ids[:1])
    assert kept(store) == counted(path) and store.stats().suggestions == 3
    store.purge(outcomes=[Outcome.REJECTED])
    assert kept(store) == counted(path)
    store.purge()
    assert kept(store) == counted(path) == (0, 0, {}, 0, 0, 0)


@pytest.mark.parametrize("settled", [True, False])
def test_deleting_a_whole_day_leaves_no_row_of_it(store: PreferenceStore, settled: bool) -> None:
    shown = proposal(replace("    y"))
    store.record_suggestion(shown, client="test")
    if settled:
        store.settle(shown.id, Outcome.IGNORED)
    store.delete([shown.id])
    assert store._file.read(lambda db: db["tallies"].count) == 0


def test_an_older_store_is_counted_once_when_it_is_migrated(path: Path, tmp_path: Path) -> None:
    with PreferenceStore.open(path) as store:
        some(store)
        store.mark_trained([store.pairs()[0].id], "run")
        expected = kept(store)
    old = tmp_path / "old.db"
    database = Database(sqlite3.connect(old, isolation_level=None))
    migrate(database, target=4)
    database.execute("ATTACH ? AS new", [str(path)])
    for table in ("problems", "suggestions", "candidates", "events", "outcomes", "pairs",
                  "trainings"):  # fmt: skip
        database.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
    database.close()
    with PreferenceStore.open(old) as store:
        assert kept(store) == expected == counted(old)
