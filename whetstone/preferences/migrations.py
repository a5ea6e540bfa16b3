"""The schema of preferences.db, as numbered steps. A step is never edited after it has landed.

`PRAGMA user_version` holds the number of the last step. Each step and its number are one
transaction, taken with the write lock, so that several processes may open an old file at once and
a killed one leaves a whole version behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from whetstone.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x57485354  # "WHST": tells our files from other SQLite files


def _suggestions(db: Database) -> None:
    db.execute(
        """CREATE TABLE problems (
            id TEXT PRIMARY KEY,       -- sha256 of data: the same problem is stored once
            data TEXT NOT NULL         -- Problem.to_json(), redacted
        )"""
    )
    db.execute(
        """CREATE TABLE suggestions (
            id TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            problem_id TEXT NOT NULL REFERENCES problems(id),
            file TEXT NOT NULL,
            code TEXT NOT NULL,
            headline TEXT NOT NULL,
            client TEXT NOT NULL,
            workspace TEXT NOT NULL,
            model_id TEXT NOT NULL,
            prompt_format TEXT NOT NULL,
            latency_s REAL NOT NULL,
            unparsable INTEGER NOT NULL
        )"""
    )
    db.execute("CREATE INDEX suggestions_by_time ON suggestions(created_at)")
    db.execute("CREATE INDEX suggestions_by_problem ON suggestions(problem_id)")
    db.execute(
        """CREATE TABLE candidates (
            id TEXT PRIMARY KEY,
            suggestion_id TEXT NOT NULL REFERENCES suggestions(id) ON DELETE CASCADE,
            rank INTEGER NOT NULL,     -- 0 is the best; those never shown come last
            shown INTEGER NOT NULL,
            origin TEXT NOT NULL,
            title TEXT NOT NULL,
            replacement TEXT NOT NULL, -- {"kind": ..., "lines": [...]}
            diff TEXT NOT NULL,
            evidence TEXT NOT NULL,
            logprob REAL,
            tokens INTEGER NOT NULL
        )"""
    )
    db.execute("CREATE INDEX candidates_by_suggestion ON candidates(suggestion_id, rank)")


def _events(db: Database) -> None:
    db.execute(
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            suggestion_id TEXT NOT NULL REFERENCES suggestions(id) ON DELETE CASCADE,
            candidate_id TEXT,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            text TEXT,
            detail TEXT
        )"""
    )
    db.execute("CREATE INDEX events_by_suggestion ON events(suggestion_id, id)")
    db.execute(
        """CREATE TRIGGER events_are_only_appended BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are only appended'); END"""
    )
    # The primary key is the rule "exactly one outcome per suggestion".
    db.execute(
        """CREATE TABLE outcomes (
            suggestion_id TEXT PRIMARY KEY REFERENCES suggestions(id) ON DELETE CASCADE,
            outcome TEXT NOT NULL,
            candidate_id TEXT,
            user_lines TEXT,           -- JSON list
            at TEXT NOT NULL
        )"""
    )


def _pairs(db: Database) -> None:
    # suggestion_id has no foreign key: an imported pair keeps the id it was given elsewhere.
    db.execute(
        """CREATE TABLE pairs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest TEXT NOT NULL UNIQUE,
            problem_id TEXT NOT NULL REFERENCES problems(id),
            suggestion_id TEXT NOT NULL,
            chosen TEXT,
            rejected TEXT,
            weight REAL NOT NULL,
            source TEXT NOT NULL,
            model_id TEXT NOT NULL,
            created_at TEXT NOT NULL,
            CHECK (chosen IS NOT NULL OR rejected IS NOT NULL)
        )"""
    )
    db.execute("CREATE INDEX pairs_by_suggestion ON pairs(suggestion_id)")
    db.execute("CREATE INDEX pairs_by_problem ON pairs(problem_id)")


def _trainings(db: Database) -> None:
    db.execute(
        """CREATE TABLE trainings (
            pair_id INTEGER NOT NULL REFERENCES pairs(id) ON DELETE CASCADE,
            run_id TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (pair_id, run_id)
        ) WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX trainings_by_run ON trainings(run_id)")


def _tallies(db: Database) -> None:
    """Counts kept as rows come and go: counting a million suggestions anew takes half a minute."""
    # outcome '' counts the suggestions themselves, settled or not.
    db.execute(
        """CREATE TABLE tallies (
            day TEXT NOT NULL,
            code TEXT NOT NULL,
            model_id TEXT NOT NULL,
            outcome TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (day, code, model_id, outcome)
        ) WITHOUT ROWID"""
    )
    db.execute(
        """CREATE TABLE pair_tallies (
            source TEXT NOT NULL,
            triplet INTEGER NOT NULL,  -- 1 when it has both sides
            trained INTEGER NOT NULL,  -- 1 when a training run has used it
            count INTEGER NOT NULL,
            PRIMARY KEY (source, triplet, trained)
        ) WITHOUT ROWID"""
    )
    _count_what_is_there(db)
    for trigger in _TALLY_TRIGGERS:
        db.execute(trigger)


_KEY = "substr(s.created_at, 1, 10), s.code, s.model_id"
_SAME_KEY = "day = substr(OLD.created_at, 1, 10) AND code = OLD.code AND model_id = OLD.model_id"
_BOTH = "chosen IS NOT NULL AND rejected IS NOT NULL"
_TRAINED = "EXISTS (SELECT 1 FROM trainings t WHERE t.pair_id = {0}.id)"


def _count_what_is_there(db: Database) -> None:
    db.execute(f"INSERT INTO tallies SELECT {_KEY}, '', count(*) FROM suggestions s GROUP BY 1,2,3")
    db.execute(
        f"INSERT INTO tallies SELECT {_KEY}, o.outcome, count(*) FROM outcomes o "
        "JOIN suggestions s ON s.id = o.suggestion_id GROUP BY 1, 2, 3, 4"
    )
    db.execute(
        "INSERT INTO pair_tallies "
        f"SELECT source, {_BOTH}, {_TRAINED.format('p')}, count(*) FROM pairs p "
        "GROUP BY 1, 2, 3"
    )


def _move_pair(row: str, trained: str, step: int) -> str:
    """One more or one fewer pair of the kind of `row`; its kind by `trained`, 0 or 1."""
    return f"""INSERT INTO pair_tallies
        SELECT source, {_BOTH}, {trained}, {step} FROM pairs WHERE id = {row}
        ON CONFLICT DO UPDATE SET count = count + {step};"""


# A suggestion's outcomes, and a pair's trainings, go with it: what they count is subtracted while
# they are still there.
_TALLY_TRIGGERS = (
    """CREATE TRIGGER tally_suggestion AFTER INSERT ON suggestions BEGIN
        INSERT INTO tallies
        VALUES (substr(NEW.created_at, 1, 10), NEW.code, NEW.model_id, '', 1)
        ON CONFLICT DO UPDATE SET count = count + 1; END""",
    f"""CREATE TRIGGER tally_outcome AFTER INSERT ON outcomes BEGIN
        INSERT INTO tallies
        SELECT {_KEY}, NEW.outcome, 1 FROM suggestions s WHERE s.id = NEW.suggestion_id
        ON CONFLICT DO UPDATE SET count = count + 1; END""",
    f"""CREATE TRIGGER untally_suggestion BEFORE DELETE ON suggestions BEGIN
        UPDATE tallies SET count = count - 1 WHERE {_SAME_KEY} AND (outcome = '' OR
            outcome = (SELECT outcome FROM outcomes o WHERE o.suggestion_id = OLD.id));
        DELETE FROM tallies WHERE {_SAME_KEY} AND count <= 0; END""",
    f"CREATE TRIGGER tally_pair AFTER INSERT ON pairs BEGIN {_move_pair('NEW.id', '0', 1)} END",
    f"""CREATE TRIGGER untally_pair BEFORE DELETE ON pairs BEGIN
        {_move_pair("OLD.id", _TRAINED.format("OLD"), -1)} END""",
    f"""CREATE TRIGGER tally_training AFTER INSERT ON trainings
        WHEN (SELECT count(*) FROM trainings WHERE pair_id = NEW.pair_id) = 1 BEGIN
        {_move_pair("NEW.pair_id", "0", -1)} {_move_pair("NEW.pair_id", "1", 1)} END""",
    f"""CREATE TRIGGER untally_training AFTER DELETE ON trainings
        WHEN NOT EXISTS (SELECT 1 FROM trainings WHERE pair_id = OLD.pair_id) BEGIN
        {_move_pair("OLD.pair_id", "1", -1)} {_move_pair("OLD.pair_id", "0", 1)} END""",
)


def _undecided(db: Database) -> None:
    """Suggestions without an outcome, and who waits for it: found without reading all others."""
    db.execute(
        """CREATE TABLE undecided (
            suggestion_id TEXT PRIMARY KEY REFERENCES suggestions(id) ON DELETE CASCADE,
            session TEXT NOT NULL,     -- of sessions.py; '' when nobody is known to wait
            created_at TEXT NOT NULL
        ) WITHOUT ROWID"""
    )
    db.execute(
        "INSERT INTO undecided SELECT s.id, '', s.created_at FROM suggestions s "
        "LEFT JOIN outcomes o ON o.suggestion_id = s.id WHERE o.outcome IS NULL"
    )
    db.execute(
        """CREATE TRIGGER decided AFTER INSERT ON outcomes BEGIN
        DELETE FROM undecided WHERE suggestion_id = NEW.suggestion_id; END"""
    )


# Step n is STEPS[n - 1].
STEPS: tuple[Callable[[Database], None], ...] = (
    _suggestions, _events, _pairs, _trainings, _tallies, _undecided,
)  # fmt: skip
LATEST = len(STEPS)


def version(db: Database) -> int:
    """The number of the last step applied; 0 for a new file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check(db: Database, name: str) -> None:
    """Refuse a file that is not ours or that a newer Whetstone wrote, before touching it.

    Raises:
        StoreError: with what to do.
    """
    found = version(db)
    owner = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and tables:
        raise StoreError(
            f"{name}: this is a SQLite database, but not one of Whetstone's. It was left as it is. "
            "Move it away, or set WHETSTONE_DATA to another folder."
        )
    if found > LATEST:
        raise StoreError(
            f"{name}: written by a newer Whetstone (schema {found}, this one knows {LATEST}). "
            "It was left as it is. Upgrade Whetstone, or set WHETSTONE_DATA to another folder."
        )


def migrate(db: Database, *, target: int = LATEST) -> None:
    """Bring the file to schema `target`, one transaction for each step."""
    while version(db) < target:
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            number = version(db)  # again: another process may have been faster
            if number < target:
                STEPS[number](db)
                db.conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.conn.execute(f"PRAGMA user_version = {number + 1}")
            db.conn.execute("COMMIT")
        except BaseException:
            if db.conn.in_transaction:
                db.conn.execute("ROLLBACK")
            raise
