"""Writes what was captured into the store, in order, in one thread of its own.

A store that cannot be written is told once; fixes are offered all the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from lsp_server.captured import Effect, Settled
from lsp_server.parts import Parts, Store
from whetstone.automatic import UNSEEN_CONFIDENCE
from whetstone.errors import WhetstoneError
from whetstone.preferences.outcome import EventKind
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.confidence import Choice

log = logging.getLogger(__name__)
_T = TypeVar("_T")

_RETRY_S = 30.0  # a store that could not be opened is not tried for every event
_ABANDONED = timedelta(days=7)  # open for so long: its server was killed


class Recorder:
    """Opens the store with the first write. Every call returns at once with a future."""

    def __init__(self, parts: Parts, *, warn: Callable[[str], None]) -> None:
        self._parts = parts
        self._warn = warn
        self._store: Store | None = None
        self._retry_at = 0.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whetstone-store")

    def suggestion(
        self, proposal: Proposal, settings: Settings, *, client: str, workspace: str
    ) -> Future[bool]:
        return self._submit(
            settings,
            lambda store: store.record_suggestion(proposal, client=client, workspace=workspace),
        )

    def unseen(
        self, proposal: Proposal, settings: Settings, *, client: str, workspace: str
    ) -> Future[bool]:
        """A suggestion of which a candidate is taken unread."""

        def write(store: Store) -> None:
            from whetstone.preferences.judged import UNSEEN

            name = f"{client} {UNSEEN}"
            store.record_suggestion(proposal, client=name, workspace=workspace)

        return self._submit(settings, write)

    def effects(self, effects: Sequence[Effect], settings: Settings) -> Future[bool]:
        """Append events and outcomes; the future says whether they are on the disk."""
        return self._submit(settings, lambda store: _write(store, effects))

    def choices(self) -> Future[list[Choice]]:
        """The user's history, with all that was written before; empty when it cannot be read."""

        def work() -> list[Choice]:
            try:
                return self._parts.choices()
            except WhetstoneError:  # told when something is to be written
                return []

        return self._later(work, [])

    def read(self, settings: Settings, ask: Callable[[Store], _T], otherwise: _T) -> Future[_T]:
        """What the store answers; `otherwise` when there is no store, or it cannot be read."""
        found = [otherwise]

        def work() -> _T:
            if self._store is not None or self._parts.has_store():
                self._run(settings, lambda store: found.append(ask(store)))
            return found[-1]

        return self._later(work, otherwise)

    def close(self) -> None:
        """Wait for what was submitted, then close the store."""
        self._thread.submit(self._close_store)
        self._thread.shutdown(wait=True)

    def _submit(self, settings: Settings, write: Callable[[Store], object]) -> Future[bool]:
        return self._later(lambda: self._run(settings, write), False)

    def _later(self, work: Callable[[], _T], closed: _T) -> Future[_T]:
        """`work` in the thread of the store; `closed` when the server is ending."""
        try:
            return self._thread.submit(work)
        except RuntimeError:
            nothing: Future[_T] = Future()
            nothing.set_result(closed)
            return nothing

    def _run(self, settings: Settings, write: Callable[[Store], object]) -> bool:
        """Never raises: what a person chose is worth a message, never a crash."""
        try:
            store = self._opened(settings)
            if store is None:
                return False
            write(store)
            return True
        except WhetstoneError as error:
            self._warn(f"{error} Choices are not recorded until then.")
        except Exception as error:
            log.exception("a choice could not be recorded")
            self._warn(f"A choice could not be recorded ({type(error).__name__}); see the log.")
        return False

    def _opened(self, settings: Settings) -> Store | None:
        if self._store is None and time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + _RETRY_S
            self._store = self._parts.open_store(settings)
            for notice in self._store.notices:
                self._warn(notice)
            self._store.begin_session()
            before = (datetime.now(UTC) - _ABANDONED).isoformat(timespec="milliseconds")
            self._store.expire(before.replace("+00:00", "Z"))
        return self._store

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


def _write(store: Store, effects: Sequence[Effect]) -> None:
    for effect in effects:
        if isinstance(effect, Settled):
            store.settle(
                effect.suggestion_id,
                effect.outcome,
                candidate_id=effect.candidate_id,
                user_lines=effect.user_lines,
                user_kind=effect.user_kind,
                confidence=1.0 if effect.seen else UNSEEN_CONFIDENCE,
            )
        elif effect.kind is EventKind.SAVED:
            verdict = effect.verdict
            store.record_save(
                effect.suggestion_id,
                verdict.outcome if verdict else None,
                candidate_id=verdict.candidate_id if verdict else None,
                user_lines=verdict.user_lines if verdict else None,
                user_kind=verdict.user_kind if verdict else None,
            )
        else:
            store.record_event(effect.suggestion_id, effect.kind, candidate_id=effect.candidate_id)
