"""What became of each suggestion, told from the text alone: a state machine without a protocol.

    OFFERED ──applied──▶ APPLIED ◀──redo── UNDONE
       │                  │  ▲  └──undo──────▲
       │            edit  ▼  │ edited back   │
       │                 EDITED ─────────────┘
       ▼
    settled, once: when the document is saved or closed, or by an explicit accept or reject

It is fed with what happened to documents (`changed`, `saved`, `closed`) and to suggestions
(`offered`, `applied`, `accepted`, `rejected`); it answers with what to write down. Nothing is
settled while the user is still typing, so undo and redo cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from lsp_server.alignment import map_span, trim
from lsp_server.captured import Bare, Change, Effect, Noted, Settled, Suggestion
from lsp_server.samecode import imports, same_code
from lsp_server.text import bare
from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Diagnostic

_SYNTAX = ("SyntaxError", "IndentationError")
_MAX_UNTOUCHED = 32
_MAX_IMPORTS = 3  # more at once are not the answer to one diagnostic

Lines = Sequence[str]


class State(Enum):
    OFFERED = auto()
    APPLIED = auto()
    EDITED = auto()
    UNDONE = auto()


@dataclass(slots=True, kw_only=True)
class _Track:
    suggestion: Suggestion
    region: tuple[int, int]  # the flagged lines, wherever they are now
    spot: tuple[int, int] = (0, 0)  # the lines of the applied change
    state: State = State.OFFERED
    candidate: str | None = None
    rejected: set[str] = field(default_factory=set)

    @property
    def change(self) -> Change | None:
        return self.suggestion.changes.get(self.candidate) if self.candidate else None

    def now(self, lines: Lines) -> Bare:
        """The lines that the applied change stands for, as they are."""
        start, stop = self.spot
        return bare(lines[start:stop])

    def user_lines(self, lines: Lines) -> Bare:
        change = self.change
        if change is not None and change.inserts_import:
            return tuple(line for line in self.now(lines) if line.strip())
        start, stop = self.region
        return bare(lines[start:stop])


class Capture:
    """All suggestions whose end has not been seen yet."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}

    def watches(self, uri: str) -> bool:
        """Is there anything to tell about this document? If not, its changes cost nothing."""
        return any(track.suggestion.uri == uri for track in self._tracks.values())

    def state(self, suggestion_id: str) -> State | None:
        """None when the suggestion is settled or was never offered."""
        track = self._tracks.get(suggestion_id)
        return track.state if track else None

    def span(self, suggestion_id: str) -> tuple[int, int] | None:
        """The lines of the applied change, now."""
        track = self._tracks.get(suggestion_id)
        return track.spot if track and track.candidate else None

    def applied_change(self, suggestion_id: str) -> tuple[str, Change] | None:
        """The candidate that is in the document now, and what it did."""
        track = self._tracks.get(suggestion_id)
        if track is None or track.candidate is None or track.state is State.UNDONE:
            return None
        return track.candidate, track.suggestion.changes[track.candidate]

    def standing(self, uri: str) -> list[tuple[str, str, tuple[int, int]]]:
        """(suggestion, candidate, lines) of the changes that stand in a document, not settled."""
        return [
            (track.suggestion.id, track.candidate, track.spot)
            for track in self._of(uri)
            if track.candidate is not None and track.state in (State.APPLIED, State.EDITED)
        ]

    # -- suggestions --------------------------------------------------------------------------

    def offered(self, suggestion: Suggestion) -> list[Effect]:
        """A new suggestion takes the place of an untouched older one for the same problem."""
        region = (suggestion.start, suggestion.start + len(suggestion.flagged))
        effects: list[Effect] = []
        for track in self._of(suggestion.uri):
            same = track.suggestion.diagnostic.code == suggestion.diagnostic.code
            if same and _overlap(track.region, region) and track.state is State.OFFERED:
                effects += self._settle(track, Outcome.IGNORED)
            elif same and _overlap(track.region, region) and track.state is State.UNDONE:
                effects += self._settle(track, Outcome.REVERTED)
        self._tracks[suggestion.id] = _Track(suggestion=suggestion, region=region)
        untouched = [t for t in self._of(suggestion.uri) if t.state is State.OFFERED]
        for track in untouched[:-_MAX_UNTOUCHED]:  # every change is compared with all of them
            effects += self._settle(track, Outcome.IGNORED)
        return effects

    def applied(self, suggestion_id: str, candidate_id: str, lines: Lines) -> list[Effect]:
        """The client says that it applied a candidate; its edit may arrive before or after."""
        track = self._tracks.get(suggestion_id)
        change = track.suggestion.changes.get(candidate_id) if track else None
        if track is None or change is None:
            return []
        track.candidate = candidate_id
        if not _anchor(track, change, lines):
            base = track.suggestion.lines
            stop = change.start + len(change.before)
            step = _Step(base, lines)
            track.spot = step.follow((change.start, stop), [change.after], grows=False)
        track.state = State.APPLIED
        kind = EventKind.APPLIED
        return [Noted(suggestion_id=suggestion_id, kind=kind, candidate_id=candidate_id)]

    def accepted(self, suggestion_id: str, candidate_id: str, lines: Lines | None) -> list[Effect]:
        """Settle now, by the user's word."""
        track = self._tracks.get(suggestion_id)
        if track is None:
            return []
        track.rejected.discard(candidate_id)
        note = Noted(
            suggestion_id=suggestion_id, kind=EventKind.ACCEPTED, candidate_id=candidate_id
        )
        if track.state is State.EDITED and track.candidate == candidate_id and lines is not None:
            return [note, *self._settle(track, Outcome.AMENDED, track.user_lines(lines))]
        track.candidate = candidate_id
        return [note, *self._settle(track, Outcome.ACCEPTED)]

    def rejected(self, suggestion_id: str, candidate_id: str) -> list[Effect]:
        """Turned down by the user's word; settled once no other candidate is left to choose."""
        track = self._tracks.get(suggestion_id)
        if track is None or candidate_id not in track.suggestion.changes:
            return []
        track.rejected.add(candidate_id)
        effects: list[Effect] = [
            Noted(suggestion_id=suggestion_id, kind=EventKind.REJECTED, candidate_id=candidate_id)
        ]
        if track.rejected >= set(track.suggestion.changes):
            track.candidate = candidate_id
            effects += self._settle(track, Outcome.REJECTED)
        return effects

    def reverted(self, suggestion_id: str, candidate_id: str) -> list[Effect]:
        """The old lines were put back by the user's word: settle now."""
        track = self._tracks.get(suggestion_id)
        if track is None or track.candidate != candidate_id:
            return []
        effects: list[Effect] = []
        if track.state is not State.UNDONE:
            effects.append(
                Noted(suggestion_id=suggestion_id, kind=EventKind.UNDONE, candidate_id=candidate_id)
            )
        return effects + self._settle(track, Outcome.REVERTED)

    # -- documents ----------------------------------------------------------------------------

    def changed(self, uri: str, old: Lines, new: Lines) -> list[Effect]:
        """The document's lines were `old` and are `new`."""
        step = _Step(old, new)
        effects: list[Effect] = []
        for track in self._of(uri):
            change = track.change
            targets = [track.suggestion.flagged, *([change.after] if change else [])]
            emptied = change is None or bool(change.after)
            track.region = step.follow(track.region, targets, grows=emptied)
            if change is None:
                continue
            if change.inserts_import:
                track.spot = step.follow(track.spot, [change.before, change.after], grows=False)
            else:
                track.spot = track.region
            effects += _judge(track, change, new)
        return effects

    def saved(self, uri: str, lines: Lines) -> list[Effect]:
        """Settle what the text alone tells: applied changes that were kept or taken out again."""
        effects: list[Effect] = []
        for track in self._of(uri):
            change = track.change
            if change is None:
                continue
            effects += _judge(track, change, lines)
            if track.state is State.APPLIED:
                effects += self._settle(track, Outcome.ACCEPTED)
            elif _taken_out(track, change, lines):
                effects += self._settle(track, Outcome.REVERTED)
        return effects

    def undecided(self, uri: str) -> bool:
        """Would the findings for the saved file settle anything?"""
        return any(
            track.state is State.EDITED or track.suggestion.checkable for track in self._of(uri)
        )

    def checked(self, uri: str, lines: Lines, found: Iterable[Diagnostic]) -> list[Effect]:
        """Settle what was amended, and what the user fixed without us.

        `found` must be the findings for exactly these saved `lines`. While they hold a syntax
        error, somebody is in the middle of something (automatic saving does that), and what stands
        there is not taken for their last word.
        """
        found = list(found)
        if any(other.code in _SYNTAX for other in found):
            return []
        effects: list[Effect] = []
        for track in self._of(uri):
            if track.state is State.EDITED:
                effects += self._settle(track, Outcome.AMENDED, track.user_lines(lines))
            elif track.suggestion.checkable and not _remains(track, found):
                effects += self._fixed(track, lines)
        return effects

    def closed(self, uri: str) -> list[Effect]:
        """Settle everything of a document that goes away; unsaved changes go with it."""
        effects: list[Effect] = []
        for track in self._of(uri):
            effects.append(Noted(suggestion_id=track.suggestion.id, kind=EventKind.CLOSED))
            effects += self._settle(track, _outcome_at_close(track))
        return effects

    def closed_all(self) -> list[Effect]:
        uris = dict.fromkeys(track.suggestion.uri for track in self._tracks.values())
        return [effect for uri in uris for effect in self.closed(uri)]

    # -- inside -------------------------------------------------------------------------------

    def _of(self, uri: str) -> list[_Track]:
        return [track for track in self._tracks.values() if track.suggestion.uri == uri]

    def _fixed(self, track: _Track, lines: Lines) -> list[Effect]:
        if track.state is State.OFFERED:
            track.candidate = None
        note = Noted(suggestion_id=track.suggestion.id, kind=EventKind.FIXED)
        return [note, *self._settle(track, Outcome.SUPERSEDED, *_own_fix(track, lines))]

    def _settle(
        self,
        track: _Track,
        outcome: Outcome,
        user_lines: Bare | None = None,
        user_kind: Literal["replace", "import"] | None = None,
    ) -> list[Effect]:
        del self._tracks[track.suggestion.id]
        settled = Settled(
            suggestion_id=track.suggestion.id,
            outcome=outcome,
            candidate_id=track.candidate,
            user_lines=user_lines,
            user_kind=user_kind,
        )
        return [settled]


def classify(now: Bare, before: Bare, after: Bare) -> Literal["kept", "undone", "edited"]:
    """What the lines of an applied change are now. A formatter's reflow keeps them.

    Exact text is compared first: a change of indentation alone has the same tokens as no change.
    """
    now, old, new = (tuple(line.rstrip() for line in lines) for lines in (now, before, after))
    if now == new:
        return "kept"
    if now == old:
        return "undone"
    if same_code(now, new):
        return "kept"
    return "undone" if same_code(now, old) else "edited"


_NEXT: dict[tuple[str, State], tuple[State, EventKind | None]] = {
    ("undone", State.APPLIED): (State.UNDONE, EventKind.UNDONE),
    ("undone", State.EDITED): (State.UNDONE, EventKind.UNDONE),
    ("kept", State.UNDONE): (State.APPLIED, EventKind.REDONE),
    ("kept", State.EDITED): (State.APPLIED, None),
    ("edited", State.APPLIED): (State.EDITED, EventKind.EDITED),
    # Edited after an undo: that is the user's own fix of the old lines, and stays "undone".
}


def _judge(track: _Track, change: Change, lines: Lines) -> list[Effect]:
    """Move to the state that the lines are in now."""
    verdict = classify(track.now(lines), change.before, change.after)
    if verdict != "kept" and change.inserts_import and imports(lines) >= imports(change.after):
        verdict = "kept"  # sorted into its place, or merged with another import
    state, kind = _NEXT.get((verdict, track.state), (track.state, None))
    track.state = state
    if kind is None:
        return []
    return [Noted(suggestion_id=track.suggestion.id, kind=kind, candidate_id=track.candidate)]


def _taken_out(track: _Track, change: Change, lines: Lines) -> bool:
    """Undone, with nothing in its place. After an explicit no, another one may still be taken."""
    start, stop = track.region
    return (
        track.state is State.UNDONE
        and track.now(lines) == change.before
        and bare(lines[start:stop]) == track.suggestion.flagged
        and track.candidate not in track.rejected
    )


def _anchor(track: _Track, change: Change, lines: Lines) -> bool:
    """Place the change exactly where the suggestion said, when the text there agrees."""
    suggestion = track.suggestion
    for there in (change.after, change.before):
        grown = len(there) - len(change.before)
        stop = change.start + len(there)
        if len(lines) != len(suggestion.lines) + grown or bare(lines[change.start : stop]) != there:
            continue
        track.spot = (change.start, stop)
        if not change.inserts_import:
            track.region = track.spot
        elif change.start <= suggestion.start:
            start = suggestion.start + grown
            track.region = (start, start + len(suggestion.flagged))
        return True
    return False


class _Step:
    """From one text of a document to the next; what both share is found once for all ranges."""

    def __init__(self, old: Lines, new: Lines) -> None:
        self._old, self._new = old, new
        self._same = trim(old, new)

    def follow(
        self, span: tuple[int, int], targets: Iterable[Bare], *, grows: bool
    ) -> tuple[int, int]:
        """`map_span`, and an empty range takes in what comes back: undo, redo, lines retyped."""
        old, new = self._old, self._new
        start, stop = map_span(old, new, *span, same=self._same)
        top, bottom = self._same
        inserted = len(new) - bottom - top
        if start < stop or inserted <= 0:
            return start, stop
        for target in targets:
            end = start + len(target)
            if target and bare(new[start:end]) == target and bare(old[start:end]) != target:
                return start, end
        if grows and top == start and len(old) - bottom == top:
            return start, start + inserted
        return start, stop


def _remains(track: _Track, found: list[Diagnostic]) -> bool:
    """Is the diagnostic still among the findings, in the lines that it flagged?"""
    mine = track.suggestion.diagnostic
    start, stop = track.region
    return any(
        (other.code, other.message) == (mine.code, mine.message)
        and _overlap((other.span.start_line, other.span.end_line + 1), (start, stop))
        for other in found
    )


def _own_fix(track: _Track, lines: Lines) -> tuple[Bare, Literal["replace", "import"]]:
    """What the user wrote: other lines in place of the flagged ones, or imports elsewhere."""
    start, stop = track.region
    own = bare(lines[start:stop])
    if same_code(own, track.suggestion.flagged):
        known = set(bare(track.suggestion.lines))
        added = [line for line in bare(lines) if line.startswith(("import ", "from "))]
        added = [line for line in added if line not in known]
        if added and len(added) <= _MAX_IMPORTS and imports(added):
            return tuple(added), "import"
    return own, "replace"


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < max(other[1], other[0] + 1) and other[0] < max(one[1], one[0] + 1)


def _outcome_at_close(track: _Track) -> Outcome:
    if track.rejected:
        return Outcome.REJECTED
    if track.state is State.UNDONE:
        return Outcome.REVERTED
    return Outcome.IGNORED if track.state is State.OFFERED else Outcome.EXPIRED
