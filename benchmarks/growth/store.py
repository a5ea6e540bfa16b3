"""The preference store at ten to a million suggestions: capturing, statistics, opening.

The rows are made by SQL from one suggestion that the store itself wrote, each with a candidate, an
outcome and a pair of its own, spread over 1,000 problems, 20 rule codes, 5 models and 3 years.
"""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.serving.figures import spread
from whetstone import context
from whetstone.candidate import Candidate, Proposal
from whetstone.edit import unified_diff
from whetstone.evidence import Check, Evidence
from whetstone.preferences import EventKind, Outcome, PreferenceStore
from whetstone.problem import Diagnostic, Document, Replacement, Span

ROWS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_CAPTURES, _STATS = 200, 5
_TEXT = "def area(length, width):\n    scale = 2\n    return lenght * width * scale\n"

# Everything of the suggestion :id, once more for each n from :low to :high.
_COPIES = (
    """INSERT INTO problems SELECT printf('%064x', n), data FROM numbers,
        (SELECT data FROM problems LIMIT 1) WHERE n <= 1000""",
    """INSERT INTO suggestions SELECT printf('%032x', n),
        strftime('%Y-%m-%dT%H:%M:%fZ', '2024-01-01', printf('+%d minutes', n % 1576800)),
        printf('%064x', 1 + n % min(1000, :high)), s.file, printf('F%03d', n % 20), s.headline,
        s.client, s.workspace, printf('model-%d@00000000', n % 5), s.prompt_format, s.latency_s,
        s.unparsable FROM numbers, (SELECT * FROM suggestions WHERE id = :id) s""",
    """INSERT INTO candidates SELECT printf('%032x', n), printf('%032x', n), c.rank, c.shown,
        c.origin, c.title, c.replacement, c.diff, c.evidence, c.logprob, c.tokens
        FROM numbers, (SELECT * FROM candidates WHERE suggestion_id = :id LIMIT 1) c""",
    """INSERT INTO outcomes SELECT printf('%032x', n), o.outcome, printf('%032x', n), o.user_lines,
        o.at FROM numbers, (SELECT * FROM outcomes WHERE suggestion_id = :id) o""",
    """INSERT INTO pairs SELECT NULL, printf('%064x', n), printf('%064x', 1 + n % min(1000, :high)),
        printf('%032x', n), p.chosen, p.rejected, p.weight, p.source, p.model_id, p.created_at
        FROM numbers, (SELECT * FROM pairs WHERE suggestion_id = :id LIMIT 1) p""",
    """INSERT INTO trainings SELECT id, 'run', '2025-01-01T00:00:00.000Z' FROM pairs
        WHERE id % 2 = 0 AND id NOT IN (SELECT pair_id FROM trainings)""",
)


def measure(folder: Path, most: int, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row of figures for each number of suggestions up to `most`."""
    path = folder / "preferences.db"
    with PreferenceStore.open(path) as store:
        first = capture(store)
    rows = []
    low = 1
    for count in (count for count in ROWS if count <= most):
        progress(f"preference store: {count:,} suggestions")
        fill(path, first, low, count)
        low = count + 1
        rows.append(measure_one(path, count))
    return rows


def fill(path: Path, first: str, low: int, high: int) -> None:
    """Add the copies number `low` to `high`."""
    numbers = (
        "WITH RECURSIVE numbers(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM numbers "
        "WHERE n < :high) "
    )
    with sqlite3.connect(path) as connection:
        for number, copy in enumerate(_COPIES):
            if number == 0 and low > 1000:
                continue
            values = {"low": low, "high": high, "id": first}
            connection.execute(numbers + copy if "numbers" in copy else copy, values)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    if hasattr(os, "sync"):
        os.sync()  # what is measured next must not wait for what was written here


def measure_one(path: Path, count: int) -> dict[str, Any]:
    begin = time.perf_counter()
    store = PreferenceStore.open(path)
    opened = time.perf_counter() - begin
    with store:
        captures = []
        for _ in range(_CAPTURES):
            begin = time.perf_counter()
            capture(store)
            captures.append(time.perf_counter() - begin)
        outcomes = [_outcome_s(store) for _ in range(_CAPTURES)]
        stats = []
        for _ in range(_STATS):
            begin = time.perf_counter()
            store.stats()
            stats.append(time.perf_counter() - begin)
    return {
        "suggestions": count,
        "open_s": opened,
        "whole_capture_s": spread(captures),
        "outcome_s": spread(outcomes),
        "stats_s": statistics.median(stats),
        "disk_sync_s": spread(_syncs(path.parent)),
        "file_mb": round(path.stat().st_size / 1e6, 1),
    }


def _syncs(folder: Path) -> list[float]:
    """What the disk itself takes to keep one page: every capture waits for that at least."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as stream:
        for _ in range(_CAPTURES):
            begin = time.perf_counter()
            stream.write(b"x" * 4096)
            stream.flush()
            os.fsync(stream.fileno())
            taken.append(time.perf_counter() - begin)
    return taken


def capture(store: PreferenceStore) -> str:
    """One suggestion from its showing to its outcome: three commits."""
    proposal = _proposal()
    store.record_suggestion(proposal, client="growth")
    candidate = proposal.candidates[0].id
    store.record_event(proposal.id, EventKind.APPLIED, candidate_id=candidate)
    store.settle(proposal.id, Outcome.ACCEPTED, candidate_id=candidate)
    return proposal.id


def _outcome_s(store: PreferenceStore) -> float:
    """Seconds of capturing an outcome alone."""
    proposal = _proposal()
    store.record_suggestion(proposal, client="growth")
    begin = time.perf_counter()
    store.settle(proposal.id, Outcome.ACCEPTED, candidate_id=proposal.candidates[0].id)
    return time.perf_counter() - begin


def _proposal() -> Proposal:
    """A proposal with new ids, as the fixer makes them."""
    document = Document(text=_TEXT, path=Path("area.py"))
    span = Span(start_line=2, start_column=11, end_line=2, end_column=17)
    diagnostic = Diagnostic(
        source="ruff", code="F821", message=f"undefined name 'lenght' {uuid.uuid4()}", span=span
    )
    problem = context.build_problem(document, diagnostic)
    fixed = _TEXT.replace("lenght", "length")
    candidate = Candidate(
        origin="model",
        replacement=Replacement(kind="replace", lines=("    return length * width * scale",)),
        edits=(),
        new_text=fixed,
        diff=unified_diff(document, fixed),
        evidence=Evidence(checks=(Check(name="parses", passed=True, detail=""),)),
        title="Replace 'lenght' with 'length'",
        logprob=-0.5,
        tokens=12,
    )
    return Proposal(
        problem=problem,
        document=document,
        diagnostic=diagnostic,
        candidates=(candidate, dataclasses.replace(candidate, id=uuid.uuid4().hex)),
        rejected=(),
        model_id="starter@00000000",
        prompt_format="compact",
        latency_s=0.1,
    )
