"""The values that go into the capture and come out of it. All lines are without endings, except
those of a whole document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Diagnostic

Bare = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a saved text says of a suggestion. It becomes the outcome when it has held for a while;
    `user_lines` where the user's own text is the answer."""

    outcome: Outcome
    candidate_id: str | None = None
    user_lines: Bare | None = None
    user_kind: Literal["replace", "import"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An event to append to the store; with SAVED, what the saved text says."""

    suggestion_id: str
    kind: EventKind
    candidate_id: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The one outcome of a suggestion; one that nobody has `seen` counts less."""

    suggestion_id: str
    outcome: Outcome
    candidate_id: str | None = None
    user_lines: Bare | None = None
    user_kind: Literal["replace", "import"] | None = None
    seen: bool = True


Effect = Noted | Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a candidate does: lines from `start` on, `before` it and `after` it."""

    start: int
    before: Bare
    after: Bare
    inserts_import: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What was shown: a diagnostic, the lines it flags, and the change of each candidate."""

    id: str
    uri: str
    diagnostic: Diagnostic
    start: int
    flagged: Bare
    lines: tuple[str, ...]  # the whole document it was made for
    changes: dict[str, Change]
    checkable: bool = True  # our own tools can tell when the diagnostic is gone
    seen: bool = True  # not part of "fix all", which nobody reads fix by fix
