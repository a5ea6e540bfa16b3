"""What the server is made from. `__main__` puts the real parts in, tests put theirs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from whetstone.engine.base import Cancel, Engine
from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Diagnostic, Document
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.confidence import Choice
    from whetstone.evidence import TestRunner
    from whetstone.preferences.records import Pair, Stats
    from whetstone.slips.passing import Passing


class Proposer(Protocol):
    """The part of `whetstone.fixer.Fixer` that the server uses."""

    def propose(
        self,
        document: Document,
        diagnostic: Diagnostic,
        *,
        cancel: Cancel | None = None,
        test: TestRunner | None = None,
        failure: str = "",
    ) -> Proposal: ...

    def rank(
        self, document: Document, found: Passing, cancel: Cancel | None = None
    ) -> Proposal: ...


class Store(Protocol):
    """The part of `whetstone.preferences.store.PreferenceStore` that the server uses."""

    @property
    def notices(self) -> tuple[str, ...]: ...

    def record_suggestion(self, proposal: Proposal, *, client: str, workspace: str = "") -> str: ...

    def record_event(
        self, suggestion_id: str, kind: EventKind, *, candidate_id: str | None = None
    ) -> None: ...

    def record_save(
        self,
        suggestion_id: str,
        outcome: Outcome | None,
        *,
        candidate_id: str | None = None,
        user_lines: tuple[str, ...] | None = None,
        user_kind: Literal["replace", "import"] | None = None,
    ) -> None: ...

    def settle(
        self,
        suggestion_id: str,
        outcome: Outcome,
        *,
        candidate_id: str | None = None,
        user_lines: tuple[str, ...] | None = None,
        user_kind: Literal["replace", "import"] | None = None,
        confidence: float = 1.0,
    ) -> list[int]: ...

    def pairs(
        self, *, untrained_only: bool = False, since: str | None = None, limit: int | None = None
    ) -> list[Pair]: ...

    def stats(self) -> Stats: ...

    def begin_session(self) -> int: ...

    def expire(self, before: str) -> int: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Factories, so that nothing heavy is imported or opened before it is needed.

    `load_engine` and `open_store` are called in the thread that will use the result.
    """

    load_engine: Callable[[Settings], Engine]
    # Put the adapter that is wanted over the loaded model; False when another model is wanted.
    adapt: Callable[[Engine, Settings], bool] = lambda engine, settings: False
    model_stamp: Callable[[], Hashable]
    # The last says whether answers may be proved beside the model, on another core.
    make_fixer: Callable[[Engine | None, Settings, bool], Proposer]
    # Import what the two need, in any thread, so that the first fix does not wait for it.
    warm_up: Callable[[Settings], None] = lambda settings: None
    find: Callable[[Document], list[Diagnostic]]
    open_store: Callable[[Settings], Store]
    load_settings: Callable[[Path | None, Mapping[str, Any]], tuple[Settings, list[str]]]
    has_store: Callable[[], bool] = lambda: True  # else there is nothing to read
    choices: Callable[[], list[Choice]] = list  # the history; cheaper than opening the store
    retrain_command: tuple[str, ...] = (sys.executable, "-m", "trainer", "retrain")
