"""What happens inside the store's write transactions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from whetstone.automatic import UNSEEN_CONFIDENCE
from whetstone.errors import StoreError
from whetstone.preferences import recording
from whetstone.preferences.judged import UNSEEN
from whetstone.preferences.outcome import (
    Choice,
    EventKind,
    Offered,
    Outcome,
    final,
    pairs_for,
    turned_down_by,
)
from whetstone.preferences.records import replacement_from_json
from whetstone.problem import Problem, Replacement

if TYPE_CHECKING:
    from sqlite_utils import Database


def exists(db: Database, suggestion_id: str) -> bool:
    found = db.execute("SELECT 1 FROM suggestions WHERE id = ?", [suggestion_id]).fetchone()
    return found is not None


def is_settled(db: Database, suggestion_id: str) -> bool:
    found = db.execute("SELECT 1 FROM outcomes WHERE suggestion_id = ?", [suggestion_id])
    return found.fetchone() is not None


def choice(db: Database, suggestion_id: str, candidate_id: str | None = None) -> Choice | None:
    """What is known about the suggestion, from stored (redacted) text; None when it is not stored.

    Raises:
        StoreError: `candidate_id` is not one of its candidates.
    """
    found = db.execute(
        "SELECT data FROM problems JOIN suggestions s ON problems.id = s.problem_id WHERE s.id = ?",
        [suggestion_id],
    ).fetchone()
    if found is None:
        return None
    rows = db.execute(
        "SELECT id, replacement, shown FROM candidates WHERE suggestion_id = ? ORDER BY rank",
        [suggestion_id],
    ).fetchall()
    offered = {
        row[0]: Offered(id=row[0], replacement=replacement_from_json(row[1])) for row in rows
    }
    if candidate_id is not None and candidate_id not in offered:
        raise StoreError(
            f"Candidate {candidate_id} does not belong to suggestion {suggestion_id}. "
            "Its outcome was not stored."
        )
    shown = tuple(offered[row[0]] for row in rows if row[2])
    events = _events(db, suggestion_id)
    down = turned_down_by(events)
    return Choice(
        problem=Problem.from_json(json.loads(found[0])),
        shown=shown,
        candidate=offered[candidate_id] if candidate_id is not None else None,
        turned_down=tuple(candidate for key, candidate in offered.items() if key in down),
        tried=any(kind == EventKind.APPLIED for kind, _ in events),
    )


def _events(db: Database, suggestion_id: str) -> list[tuple[str, str | None]]:
    rows = db.execute(
        "SELECT kind, candidate_id FROM events WHERE suggestion_id = ? ORDER BY id",
        [suggestion_id],
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


def with_user(
    known: Choice,
    outcome: Outcome,
    lines: tuple[str, ...] | None,
    kind: Literal["replace", "import"] | None,
) -> Choice:
    """`known` with what the user wrote, redacted, and with what this outcome turns down."""
    user = None
    if lines is not None:
        amended = known.candidate if outcome is Outcome.AMENDED else None
        kind = kind or (amended.replacement.kind if amended else "replace")
        user = recording.redact_replacement(known.problem, Replacement(kind=kind, lines=lines))
    down = list(known.turned_down)
    if outcome is Outcome.REJECTED:
        said_no = [known.candidate] if known.candidate else (known.shown if not down else ())
        down += [candidate for candidate in said_no if candidate not in down]
    return dataclasses.replace(known, user=user, turned_down=tuple(down))


def store_outcome(
    db: Database, suggestion_id: str, outcome: Outcome, known: Choice, *, confidence: float = 1.0
) -> list[int]:
    """Write the one outcome and its pairs; returns the ids of the pairs."""
    at = recording.now()
    user = known.user
    db["outcomes"].insert(
        {
            "suggestion_id": suggestion_id,
            "outcome": str(outcome),
            "candidate_id": known.candidate.id if known.candidate else None,
            "user_lines": recording.to_json(list(user.lines)) if user else None,
            "at": at,
        }
    )
    problem_id, model_id = db.execute(
        "SELECT problem_id, model_id FROM suggestions WHERE id = ?", [suggestion_id]
    ).fetchone()
    ids = []
    for draft in pairs_for(outcome, known):
        draft = dataclasses.replace(draft, weight=draft.weight * confidence)
        row = recording.pair_row(
            draft,
            problem_id=problem_id,
            suggestion_id=suggestion_id,
            model_id=model_id,
            created_at=at,
        )
        if (pair_id := insert_pair(db, row)) is not None:
            ids.append(pair_id)
    return ids


def abandon_all(db: Database, suggestion_ids: Sequence[str]) -> int:
    """Settle suggestions that nobody waits for any more; returns how many."""
    for suggestion_id in suggestion_ids:
        _abandon(db, suggestion_id)
    return len(suggestion_ids)


def _abandon(db: Database, suggestion_id: str) -> None:
    """As the last saved file says, else as expired; what was taken unread counts less."""
    row = db.execute(
        "SELECT candidate_id, text, detail FROM events WHERE suggestion_id = ? AND kind = ? "
        "ORDER BY id DESC LIMIT 1",
        [suggestion_id, str(EventKind.SAVED)],
    ).fetchone()
    outcome, lines, kind = recording.verdict_of(row[1], row[2]) if row else (None, None, None)
    known = choice(db, suggestion_id, row[0] if outcome is not None else None)
    assert known is not None
    ended = outcome or Outcome.EXPIRED
    known = with_user(known, ended, lines, kind)
    client = db.execute("SELECT client FROM suggestions WHERE id = ?", [suggestion_id]).fetchone()
    confidence = UNSEEN_CONFIDENCE if str(client[0]).endswith(UNSEEN) else 1.0
    store_outcome(db, suggestion_id, final(ended, known), known, confidence=confidence)


def insert_pair(
    db: Database, row: dict[str, Any], problem: dict[str, Any] | None = None
) -> int | None:
    """Insert a pair, its problem before it; None when the same pair is stored already."""
    if problem is not None:
        db["problems"].insert(problem, ignore=True)
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    found = db.conn.execute(
        f"INSERT INTO pairs ({columns}) VALUES ({marks}) "  # noqa: S608 - our own column names
        "ON CONFLICT (digest) DO NOTHING RETURNING id",
        list(row.values()),
    ).fetchone()
    return None if found is None else int(found[0])


def delete_suggestions(db: Database, suggestion_ids: Sequence[str]) -> int:
    """Delete suggestions with all that hangs on them; returns how many there were."""
    count = 0
    for suggestion_id in suggestion_ids:
        db.execute("DELETE FROM pairs WHERE suggestion_id = ?", [suggestion_id])
        count += db.execute("DELETE FROM suggestions WHERE id = ?", [suggestion_id]).rowcount
    drop_unused_problems(db)
    return count


def delete_pairs(db: Database, pair_ids: Sequence[int]) -> int:
    """Delete single pairs; returns how many there were."""
    count = 0
    for pair_id in pair_ids:
        count += db.execute("DELETE FROM pairs WHERE id = ?", [pair_id]).rowcount
    drop_unused_problems(db)
    return count


def forget_training(db: Database, run_id: str) -> int:
    """Forget that a run used its pairs; returns how many they were."""
    count: int = db.execute("DELETE FROM trainings WHERE run_id = ?", [run_id]).rowcount
    return count


def drop_unused_problems(db: Database) -> None:
    db.execute(
        "DELETE FROM problems WHERE id NOT IN (SELECT problem_id FROM suggestions) "
        "AND id NOT IN (SELECT problem_id FROM pairs)"
    )


def shrink(db: Database) -> None:
    """Give the space back, and leave nothing of what was deleted in the write-ahead log."""
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
