"""What a user did about problems, as the choices that `whetstone.analogy` learns rewrites from.

Own choices only: not what was imported, nor what `--yes` took without anybody looking.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from whetstone.analogy import Judged, Rewrite, choices_of, learn
from whetstone.errors import WhetstoneError
from whetstone.paths import preferences_path
from whetstone.preferences.glance import glance
from whetstone.preferences.records import replacement_from_json
from whetstone.problem import Problem, Replacement

MOST = 1_000  # pairs, the newest: a taste may change, and the first fix does not wait for all
_STAMP = "SELECT (SELECT max(id) FROM pairs), (SELECT sum(count) FROM pair_tallies)"
# What was accepted unseen has a quarter of a choice's weight.
_SQL = """
    SELECT p.suggestion_id, p.chosen, p.rejected, problems.data
    FROM pairs p JOIN problems ON problems.id = p.problem_id
    WHERE p.source <> 'imported' AND p.suggestion_id <> '' AND p.weight >= 0.5
    ORDER BY p.id DESC LIMIT ?
"""

Stamp = tuple[int | None, int | None]


class Rewrites:
    """The rewrites of the user's store, learnt anew when there are other pairs. For one thread."""

    def __init__(self) -> None:
        self._stamp: Stamp | None = None
        self._found: tuple[Rewrite, ...] = ()

    def now(self) -> tuple[Rewrite, ...]:
        """The surest first; none where there is no store that can be read."""
        try:
            path = preferences_path()
        except WhetstoneError:  # told when something is to be written
            return ()
        nothing: tuple[Stamp | None, tuple[Rewrite, ...]] = (None, ())
        self._stamp, self._found = glance(path, self._renewed, nothing)
        return self._found

    def _renewed(self, connection: sqlite3.Connection) -> tuple[Stamp | None, tuple[Rewrite, ...]]:
        stamp: Stamp = connection.execute(_STAMP).fetchone()
        if stamp == self._stamp:
            return self._stamp, self._found
        return stamp, learn(reversed(choices_of(_judged(connection))))  # the oldest first


def _judged(connection: sqlite3.Connection) -> Iterator[Judged]:
    """Both sides of every pair, the newest first."""
    problems: dict[str, Problem] = {}  # by suggestion: its pairs are about one, which is read once
    for suggestion, chosen, rejected, problem in connection.execute(_SQL, (MOST,)):
        if suggestion not in problems:
            problems[suggestion] = Problem.from_json(json.loads(problem))
        yield suggestion, problems[suggestion], _fix(chosen), _fix(rejected)


def _fix(side: str | None) -> Replacement | None:
    return None if side is None else replacement_from_json(side)
