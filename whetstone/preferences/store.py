"""The preference store: what was suggested, what became of it, and the pairs that follow.

    with PreferenceStore.open() as store:
        suggestion_id = store.record_suggestion(proposal, client="cli")
        store.settle(suggestion_id, Outcome.ACCEPTED, candidate_id=candidate.id)
        triplets = store.pairs(untrained_only=True)

Every call returns when its transaction is on the disk. Servers and the trainer may have the same
file open at the same time. Nothing is stored before it is redacted (recording.py), and nothing at
all of a file that matches an ignore glob.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from whetstone.errors import StoreError
from whetstone.ignored import is_ignored
from whetstone.paths import preferences_path
from whetstone.preferences import judged, queries, recording, sessions, writes
from whetstone.preferences.database import DatabaseFile
from whetstone.preferences.outcome import EventKind, Outcome, final
from whetstone.preferences.records import (
    NewPair,
    Pair,
    PairKind,
    Stats,
    Suggestion,
    SuggestionDetail,
)
from whetstone.preferences.redact import redact
from whetstone.settings import IGNORE_GLOBS

if TYPE_CHECKING:
    from sqlite_utils import Database

    from whetstone.candidate import Proposal
    from whetstone.confidence import Choice

_NEEDS_CANDIDATE = frozenset({Outcome.ACCEPTED, Outcome.AMENDED, Outcome.REVERTED})
_NEEDS_LINES = frozenset({Outcome.AMENDED, Outcome.SUPERSEDED})


class PreferenceStore:
    """One open preferences.db. Thread-safe; use `open`."""

    def __init__(self, file: DatabaseFile, *, ignore_globs: Sequence[str]) -> None:
        self._file = file
        self._ignore_globs = tuple(ignore_globs)
        self._session: sessions.Session | None = None

    @classmethod
    def open(
        cls, path: Path | None = None, *, ignore_globs: Sequence[str] = IGNORE_GLOBS
    ) -> PreferenceStore:
        """Open or create the database, by default `preferences.db` in the data folder.

        A damaged file is set aside and a new one started; `notices` then says so.

        Raises:
            StoreError: it cannot be opened or written, or a newer Whetstone wrote it.
        """
        return cls(DatabaseFile(path or preferences_path()), ignore_globs=ignore_globs)

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def notices(self) -> tuple[str, ...]:
        """Messages for the user from opening the file."""
        return self._file.notices

    def close(self) -> None:
        self._file.close()
        if self._session is not None:
            self._session.end()
            self._session = None

    def __enter__(self) -> PreferenceStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- what happens in the editor -------------------------------------------------------------

    def record_suggestion(
        self,
        proposal: Proposal,
        *,
        client: str,
        workspace: str = "",
        ignore_globs: Sequence[str] = (),
    ) -> str:
        """Store a proposal with all its candidates, the shown ones first; returns its id.

        Harmless to repeat. Of an ignored file nothing is stored; later calls with its id do
        nothing.

        Args:
            ignore_globs: more globs than the store was opened with.
        """
        if is_ignored(proposal.document.path, (*self._ignore_globs, *ignore_globs)):
            return proposal.id
        problem = recording.problem_row(recording.redact_problem(proposal.problem))
        row = recording.suggestion_row(proposal, client=client, workspace=workspace)
        ranked = [(c, True) for c in proposal.candidates] + [(c, False) for c in proposal.rejected]
        candidates = [
            recording.candidate_row(candidate, proposal, rank=rank, shown=shown)
            for rank, (candidate, shown) in enumerate(ranked)
        ]

        session = self._session.name if self._session else ""

        def job(db: Database) -> None:
            if writes.exists(db, proposal.id):
                return
            db["problems"].insert(problem, ignore=True)
            db["suggestions"].insert({**row, "problem_id": problem["id"]})
            db["candidates"].insert_all(candidates)
            db["undecided"].insert(
                {"suggestion_id": proposal.id, "session": session, "created_at": row["created_at"]}
            )

        self._file.write(job)
        return proposal.id

    def record_event(
        self,
        suggestion_id: str,
        kind: EventKind,
        *,
        candidate_id: str | None = None,
        text: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Append what was seen to happen. Does nothing for a suggestion that is not stored."""
        row = {
            "suggestion_id": suggestion_id,
            "candidate_id": candidate_id,
            "at": recording.now(),
            "kind": str(kind),
            "text": None if text is None else redact(text[: recording.MAX_EVENT_CHARS]),
            "detail": None if detail is None else recording.to_json(recording.redact_json(detail)),
        }

        def job(db: Database) -> None:
            if writes.exists(db, suggestion_id):
                db["events"].insert(row)

        self._file.write(job)

    def record_save(
        self,
        suggestion_id: str,
        outcome: Outcome | None,
        *,
        candidate_id: str | None = None,
        user_lines: tuple[str, ...] | None = None,
        user_kind: Literal["replace", "import"] | None = None,
    ) -> None:
        """Note what a saved file says of the suggestion; None when it says nothing.

        It becomes the outcome when whoever recorded it dies before it settles it (`expire`).
        """
        text, detail = recording.verdict_fields(outcome, user_lines, user_kind)
        self.record_event(
            suggestion_id, EventKind.SAVED, candidate_id=candidate_id, text=text, detail=detail
        )

    def turn_down(self, suggestion_id: str, candidate_id: str) -> list[int]:
        """The user said no to one candidate; settles once every shown one is turned down.

        Until then another candidate can still be taken, and the pair of the two be learned from.
        Returns the ids of the pairs made.
        """
        self.record_event(suggestion_id, EventKind.REJECTED, candidate_id=candidate_id)
        choice = self._file.read(lambda db: writes.choice(db, suggestion_id))
        if choice is None or len(choice.turned_down) < len(choice.shown):
            return []
        return self.settle(suggestion_id, Outcome.REJECTED)

    def settle(
        self,
        suggestion_id: str,
        outcome: Outcome,
        *,
        candidate_id: str | None = None,
        user_lines: tuple[str, ...] | None = None,
        user_kind: Literal["replace", "import"] | None = None,
        confidence: float = 1.0,
    ) -> list[int]:
        """Give the suggestion its one outcome and make the pairs of `outcome.TABLE`.

        A second call, or one for a suggestion that is not stored, does nothing.

        Args:
            candidate_id: the candidate it is about; accepted, amended and reverted need one.
            user_lines: what the user wrote in place of the flagged lines, without line endings;
                amended and superseded need them.
            user_kind: "import" when the lines are imports that stand elsewhere; by default the
                kind of the amended candidate, else "replace".
            confidence: multiplies the weights of the pairs; less than 1 where nobody looked.

        Returns:
            The ids of the pairs made.

        Raises:
            ValueError: an argument that the outcome needs is missing.
            StoreError: the candidate is not one of this suggestion's.
        """
        outcome = Outcome(outcome)
        if outcome in _NEEDS_CANDIDATE and candidate_id is None:
            raise ValueError(f"{outcome}: which candidate?")
        if outcome in _NEEDS_LINES and user_lines is None:
            raise ValueError(f"{outcome}: which lines did the user write?")

        def job(db: Database) -> list[int]:
            choice = writes.choice(db, suggestion_id, candidate_id)
            if choice is None or writes.is_settled(db, suggestion_id):
                return []
            choice = writes.with_user(choice, outcome, user_lines, user_kind)
            ended = final(outcome, choice)
            return writes.store_outcome(db, suggestion_id, ended, choice, confidence=confidence)

        return self._file.write(job)

    def begin_session(self) -> int:
        """From now on suggestions wait for this process; `close` ends that.

        What processes left open that died meanwhile is settled: as the last saved file says
        (`record_save`), else as expired. Returns how many these were.
        """
        data, count = self.path.parent, 0
        try:
            self._session = sessions.begin(data)
            gone = sessions.dead(data)
        except OSError as error:
            raise StoreError(
                f"{data / sessions.FOLDER}: cannot be written ({error.strerror}). Make it writable."
            ) from error

        for session in gone:
            name = session.name
            count += self._file.write(
                lambda db, name=name: writes.abandon_all(  # type: ignore[misc]
                    db, queries.open_suggestions(db, session=name)
                )
            )
            session.end()
        return count

    def expire(self, before: str, *, client: str | None = None) -> int:
        """Settle what was suggested before a time (as `created_at`) and is still open.

        For what nobody waits for any more: as the last saved file says (`record_save`), else as
        expired. What was turned down still counts as that.
        """

        return self._file.write(
            lambda db: writes.abandon_all(
                db, queries.open_suggestions(db, before=before, client=client)
            )
        )

    # -- what the trainer uses ------------------------------------------------------------------

    def pairs(
        self,
        *,
        kind: PairKind = "triplets",
        untrained_only: bool = False,
        since: str | None = None,
        source: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Pair]:
        """The pairs, oldest first unless asked; by default those with both sides.

        Args:
            untrained_only: only pairs that no training run has used.
            since: a time as in `created_at`, inclusive.
            limit: at most so many, the first in this order.
        """
        return self._file.read(
            lambda db: queries.pairs(
                db,
                kind=kind,
                untrained_only=untrained_only,
                since=since,
                source=source,
                limit=limit,
                newest_first=newest_first,
            )
        )

    def mark_trained(self, pair_ids: Iterable[int], run_id: str) -> None:
        """Remember that a training run used these pairs. Ids that are gone are skipped."""
        ids, at = list(pair_ids), recording.now()

        def job(db: Database) -> None:
            db.conn.executemany(
                "INSERT OR IGNORE INTO trainings (pair_id, run_id, at) "
                "SELECT id, ?, ? FROM pairs WHERE id = ?",
                [(run_id, at, pair_id) for pair_id in ids],
            )

        self._file.write(job)

    def forget_training(self, run_id: str) -> int:
        """Undo `mark_trained`, for a run whose model was rolled back; returns how many pairs."""
        return self._file.write(lambda db: writes.forget_training(db, run_id))

    def add_pairs(self, rows: Iterable[NewPair]) -> list[int | None]:
        """Store pairs that were made elsewhere; None for one that is stored already."""
        ready = [recording.new_pair_rows(row) for row in rows]

        def job(db: Database) -> list[int | None]:
            return [writes.insert_pair(db, row, problem) for problem, row in ready]

        return self._file.write(job)

    # -- what the user looks at -----------------------------------------------------------------

    def suggestions(
        self,
        *,
        outcome: Outcome | Literal["open"] | None = None,
        code: str | None = None,
        model_id: str | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> list[Suggestion]:
        """The suggestions, newest first."""
        return self._file.read(
            lambda db: queries.suggestions(
                db, outcome=outcome, code=code, model_id=model_id, since=since, limit=limit
            )
        )

    def get(self, suggestion_id: str) -> SuggestionDetail | None:
        """Everything about one suggestion, by its id or the start of it.

        Raises:
            StoreError: several ids start like this.
        """
        return self._file.read(lambda db: queries.detail(db, suggestion_id))

    def choices(self) -> list[Choice]:
        """The newest choices with the features of what they were about, oldest first."""
        return self._file.read(lambda db: judged.choices(db.conn))

    def stats(self) -> Stats:
        return self._file.read(queries.stats)

    # -- deleting -------------------------------------------------------------------------------

    def delete(self, suggestion_ids: Iterable[str]) -> int:
        """Delete suggestions with their candidates, events and pairs; returns how many."""
        ids = list(suggestion_ids)
        return self._file.write(lambda db: writes.delete_suggestions(db, ids))

    def delete_pairs(self, pair_ids: Iterable[int]) -> int:
        """Delete single pairs; returns how many."""
        ids = list(pair_ids)
        return self._file.write(lambda db: writes.delete_pairs(db, ids))

    def purge(
        self, *, before: str | None = None, outcomes: Iterable[Outcome] | None = None
    ) -> tuple[int, int]:
        """Delete suggestions and pairs for good and shrink the file; returns how many of each.

        Args:
            before: only what is older than this time (as in `created_at`).
            outcomes: only suggestions that ended so, with their pairs; imported pairs then stay.
        """
        wanted = None if outcomes is None else [str(outcome) for outcome in outcomes]

        def job(db: Database) -> tuple[int, int]:
            pairs = db["pairs"].count
            gone = writes.delete_suggestions(
                db, queries.to_purge(db, before=before, outcomes=wanted)
            )
            if wanted is None:
                db.execute("DELETE FROM pairs WHERE created_at < ?", [before or "~"])
                writes.drop_unused_problems(db)
            return gone, pairs - db["pairs"].count

        counts = self._file.write(job)
        self._file.maintain(writes.shrink)
        return counts
