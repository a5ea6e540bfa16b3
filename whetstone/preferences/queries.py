"""What the store reads. Every function runs inside one snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from whetstone.errors import StoreError
from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.preferences.records import (
    Event,
    Group,
    Pair,
    PairKind,
    Stats,
    StoredCandidate,
    Suggestion,
    SuggestionDetail,
    replacement_from_json,
)
from whetstone.problem import Problem

if TYPE_CHECKING:
    from sqlite_utils import Database

_TRIPLET = "chosen IS NOT NULL AND rejected IS NOT NULL"
_KIND: dict[PairKind, str] = {"triplets": _TRIPLET, "unpaired": f"NOT ({_TRIPLET})", "all": "1"}
_UNTRAINED = "p.id NOT IN (SELECT pair_id FROM trainings)"
_PAIRS = """
    SELECT p.*, problems.data AS problem,
        (SELECT run_id FROM trainings t WHERE t.pair_id = p.id
            ORDER BY at DESC, run_id DESC LIMIT 1) AS run_id
    FROM pairs p JOIN problems ON problems.id = p.problem_id
"""
_SUGGESTIONS = """
    SELECT s.*, o.outcome, o.at AS settled_at, o.candidate_id,
        (SELECT count(*) FROM candidates c WHERE c.suggestion_id = s.id AND c.shown) AS candidates,
        (SELECT count(*) FROM pairs p WHERE p.suggestion_id = s.id) AS pairs
    FROM suggestions s LEFT JOIN outcomes o ON o.suggestion_id = s.id
"""


def _where(conditions: dict[str, Any]) -> tuple[str, list[Any]]:
    """Conditions whose value is not None, as SQL and its parameters."""
    kept = {sql: value for sql, value in conditions.items() if value is not None}
    return " AND ".join(kept) or "1", list(kept.values())


def pairs(
    db: Database,
    *,
    kind: PairKind,
    untrained_only: bool = False,
    since: str | None = None,
    source: str | None = None,
    suggestion_id: str | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> list[Pair]:
    where, values = _where(
        {"created_at >= ?": since, "source = ?": source, "suggestion_id = ?": suggestion_id}
    )
    where += f" AND {_KIND[kind]}" + (f" AND {_UNTRAINED}" if untrained_only else "")
    count = -1 if limit is None else limit
    order = "DESC" if newest_first else ""
    sql = f"{_PAIRS} WHERE {where} ORDER BY p.id {order} LIMIT ?"
    return [_pair(row) for row in db.query(sql, [*values, count])]


def _pair(row: dict[str, Any]) -> Pair:
    return Pair(
        id=row["id"],
        suggestion_id=row["suggestion_id"],
        problem_id=row["problem_id"],
        problem=Problem.from_json(json.loads(row["problem"])),
        chosen=replacement_from_json(row["chosen"]) if row["chosen"] else None,
        rejected=replacement_from_json(row["rejected"]) if row["rejected"] else None,
        weight=row["weight"],
        source=row["source"],
        model_id=row["model_id"],
        created_at=row["created_at"],
        trained_run=row["run_id"],
    )


def suggestions(
    db: Database,
    *,
    outcome: Outcome | Literal["open"] | None = None,
    code: str | None = None,
    model_id: str | None = None,
    since: str | None = None,
    limit: int | None = None,
) -> list[Suggestion]:
    named = None if outcome in (None, "open") else str(outcome)
    where, values = _where(
        {
            "o.outcome = ?": named,
            "s.code = ?": code,
            "s.model_id = ?": model_id,
            "s.created_at >= ?": since,
        }
    )
    where += " AND o.outcome IS NULL" if outcome == "open" else ""
    count = -1 if limit is None else limit
    sql = f"{_SUGGESTIONS} WHERE {where} ORDER BY s.created_at DESC, s.id LIMIT ?"
    return [_suggestion(row) for row in db.query(sql, [*values, count])]


def _suggestion(row: dict[str, Any]) -> Suggestion:
    outcome = row["outcome"]
    fields = {key: value for key, value in row.items() if key not in ("problem_id", "outcome")}
    return Suggestion(**fields, outcome=Outcome(outcome) if outcome else None)


def detail(db: Database, start: str) -> SuggestionDetail | None:
    """The suggestion whose id starts like this, or None.

    Raises:
        StoreError: several do.
    """
    wanted = start.lower().replace("-", "")
    found = list(
        db.query(f"{_SUGGESTIONS} WHERE substr(s.id, 1, ?) = ? LIMIT 2", [len(wanted), wanted])
    )
    if not wanted or not found:
        return None
    if len(found) > 1:
        raise StoreError(f"Several suggestions start with {start!r}. Give more of the id.")
    summary = _suggestion(found[0])
    data = db.execute(
        "SELECT data FROM problems WHERE id = ?", [found[0]["problem_id"]]
    ).fetchone()[0]
    lines = db.execute(
        "SELECT user_lines FROM outcomes WHERE suggestion_id = ?", [summary.id]
    ).fetchone()
    return SuggestionDetail(
        summary=summary,
        problem=Problem.from_json(json.loads(data)),
        candidates=tuple(_candidates(db, summary.id)),
        events=tuple(_events(db, summary.id)),
        user_lines=tuple(json.loads(lines[0])) if lines and lines[0] else None,
        pairs=tuple(pairs(db, kind="all", suggestion_id=summary.id)),
    )


def _candidates(db: Database, suggestion_id: str) -> Iterable[StoredCandidate]:
    for row in db.query(
        "SELECT * FROM candidates WHERE suggestion_id = ? ORDER BY rank", [suggestion_id]
    ):
        yield StoredCandidate(
            id=row["id"],
            rank=row["rank"],
            shown=bool(row["shown"]),
            origin=row["origin"],
            title=row["title"],
            replacement=replacement_from_json(row["replacement"]),
            diff=row["diff"],
            evidence=json.loads(row["evidence"]),
            logprob=row["logprob"],
            tokens=row["tokens"],
        )


def _events(db: Database, suggestion_id: str) -> Iterable[Event]:
    known = {str(kind): kind for kind in EventKind}
    for row in db.query(
        "SELECT * FROM events WHERE suggestion_id = ? ORDER BY id", [suggestion_id]
    ):
        yield Event(
            at=row["at"],
            kind=known.get(row["kind"], row["kind"]),
            candidate_id=row["candidate_id"],
            text=row["text"],
            detail=json.loads(row["detail"]) if row["detail"] else None,
        )


def open_suggestions(
    db: Database, *, before: str | None = None, client: str | None = None, session: str = ""
) -> list[str]:
    """Ids of suggestions without an outcome that wait for a session, by default for none."""
    where, values = _where(
        {"u.session = ?": session, "u.created_at < ?": before, "s.client = ?": client}
    )
    sql = (
        "SELECT s.id FROM undecided u JOIN suggestions s ON s.id = u.suggestion_id "  # noqa: S608
        f"WHERE {where} ORDER BY u.created_at"
    )
    return [row[0] for row in db.execute(sql, values).fetchall()]


def to_purge(db: Database, *, before: str | None, outcomes: list[str] | None) -> list[str]:
    """Ids of the suggestions that a purge takes."""
    where, values = _where({"s.created_at < ?": before})
    if outcomes is not None:
        where += f" AND o.outcome IN ({', '.join('?' for _ in outcomes)})"
        values += outcomes
    sql = (
        "SELECT s.id FROM suggestions s LEFT JOIN outcomes o ON o.suggestion_id = s.id "  # noqa: S608
        f"WHERE {where}"
    )
    return [row[0] for row in db.execute(sql, values).fetchall()]


def stats(db: Database) -> Stats:
    """From the tallies that the store keeps (migrations.py), never by counting every row."""
    outcomes = _counts(
        db,
        "SELECT outcome, sum(count) FROM tallies WHERE outcome != '' GROUP BY 1 ORDER BY 2 DESC, 1",
    )
    total, triplets, untrained, unpaired = db.execute(
        """SELECT
            (SELECT coalesce(sum(count), 0) FROM tallies WHERE outcome = ''),
            coalesce(sum(count) FILTER (WHERE triplet), 0),
            coalesce(sum(count) FILTER (WHERE triplet AND NOT trained), 0),
            coalesce(sum(count) FILTER (WHERE NOT triplet), 0)
        FROM pair_tallies"""
    ).fetchone()
    return Stats(
        suggestions=total,
        open=total - sum(outcomes.values()),
        outcomes=outcomes,
        triplets=triplets,
        untrained=untrained,
        unpaired=unpaired,
        sources=_counts(
            db,
            "SELECT source, sum(count) FROM pair_tallies GROUP BY 1 HAVING sum(count) > 0 "
            "ORDER BY 2 DESC, 1",
        ),
        by_code=_groups(db, "code", "2 DESC, 1"),
        by_model=_groups(db, "model_id", "2 DESC, 1"),
        by_day=_groups(db, "day", "1"),
    )


def _counts(db: Database, sql: str) -> dict[str, int]:
    return {row[0]: row[1] for row in db.execute(sql).fetchall()}


def _groups(db: Database, column: str, order: str) -> tuple[Group, ...]:
    """Outcomes per value of a column; `column` and `order` are ours, never a user's."""
    names = db.execute(
        f"SELECT {column}, sum(count) FROM tallies WHERE outcome = '' "  # noqa: S608
        f"GROUP BY 1 ORDER BY {order}"
    ).fetchall()
    settled: dict[str, dict[str, int]] = {}
    for name, outcome, count in db.execute(
        f"SELECT {column}, outcome, sum(count) FROM tallies "  # noqa: S608
        "WHERE outcome != '' GROUP BY 1, 2"
    ).fetchall():
        settled.setdefault(name, {})[outcome] = count
    return tuple(
        Group(name=name, suggestions=count, outcomes=settled.get(name, {})) for name, count in names
    )
