"""What users did with candidates, as the history that `whetstone.confidence` learns from.

Accepted and amended count as kept; reverted, rejected and superseded do not; ignored and expired
say nothing. What was accepted without anybody looking says nothing either.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from whetstone.confidence import MOST_HISTORY, Choice, Features, certainty, proof
from whetstone.preferences.glance import glance
from whetstone.preferences.outcome import Outcome

UNSEEN = "(unseen)"  # ends the name of a client that accepts by itself

_KEPT = (Outcome.ACCEPTED, Outcome.AMENDED)
_NOT_KEPT = (Outcome.REVERTED, Outcome.REJECTED, Outcome.SUPERSEDED)
_SQL = """
    SELECT s.code, o.outcome, c.id, c.origin, c.evidence, c.logprob, c.tokens,
        (SELECT max(r.logprob) FROM candidates r
            WHERE r.suggestion_id = s.id AND r.shown AND r.id <> c.id) AS rival
    FROM outcomes o
    JOIN suggestions s ON s.id = o.suggestion_id
    JOIN candidates c ON c.suggestion_id = s.id
        AND (c.id = o.candidate_id OR (o.candidate_id IS NULL AND c.rank = 0))
    WHERE o.outcome IN (?, ?, ?, ?, ?) AND c.shown
        AND s.client NOT LIKE ? AND s.client <> 'whetstone fix --yes'
    ORDER BY o.at DESC, s.id LIMIT ?
"""


def read(path: Path) -> list[Choice]:
    """The choices in a file that need not exist: asked for before the first fix is shown."""
    return glance(path, choices, [])


def choices(connection: sqlite3.Connection) -> list[Choice]:
    """The newest choices, oldest first."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    values = [*map(str, (*_KEPT, *_NOT_KEPT)), f"%{UNSEEN}", MOST_HISTORY]
    return [_choice(row) for row in cursor.execute(_SQL, values)][::-1]


def _choice(row: sqlite3.Row) -> Choice:
    passed = {check["name"]: check["passed"] for check in json.loads(row["evidence"])}
    return Choice(
        features=Features(
            proof=proof(passed),
            certainty=certainty(row["origin"], row["logprob"], row["tokens"], [row["rival"]]),
            code=row["code"],
        ),
        kept=row["outcome"] in _KEPT,
    )
