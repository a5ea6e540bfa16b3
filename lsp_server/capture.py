"""What became of each suggestion, told from the text alone: a state machine without a protocol.

    OFFERED ──applied──▶ APPLIED ◀──redo── UNDONE
       │                  │  ▲  └──undo──────▲
       │            edit  ▼  │ edited back   │
       │                 EDITED ─────────────┘
       ▼
    a verdict, each time the document is saved; it settles the suggestion once it has held for
    `hold_s`, or when the document is closed. An explicit accept, reject or revert settles at once.

It is fed with what happened to documents (`changed`, `saved`, `closed`, ...) and to suggestions
(`offered`, `applied`, `accepted`, `rejected`, `reverted`); it answers with what to write down.
Nothing is settled while the user is still typing, so undo and redo cost nothing.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable

from lsp_server.captured import Change, Effect, Noted, Settled, Suggestion, Verdict
from lsp_server.track import (
    Lines,
    Standing,
    State,
    Step,
    Track,
    judge,
    overlap,
    own_fix,
    place,
    remains,
    removed,
    standing,
    taken_out,
    written,
)
from lsp_server.verdicts import EXPIRED, amended, at_the_end, holds, of_candidate, still_true
from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Diagnostic

_SYNTAX = ("SyntaxError", "IndentationError")
_MAX_UNTOUCHED = 32


class Capture:
    """All suggestions whose end has not been seen yet."""

    def __init__(
        self,
        *,
        hold_s: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A verdict settles after `hold_s` seconds of `clock`; at once when that is 0."""
        self._hold_s = hold_s
        self._clock = clock
        self._tracks: dict[str, Track] = {}

    def watches(self, uri: str) -> bool:
        """Is there anything to tell about this document? If not, its changes cost nothing."""
        return any(track.uri == uri for track in self._tracks.values())

    def state(self, suggestion_id: str) -> State | None:
        """None when the suggestion is settled or was never offered."""
        track = self._tracks.get(suggestion_id)
        return track.state if track else None

    def span(self, suggestion_id: str) -> tuple[int, int] | None:
        """The lines of the applied change, now."""
        track = self._tracks.get(suggestion_id)
        return track.spot if track and track.candidate else None

    def applied_change(self, suggestion_id: str) -> tuple[str, Change] | None:
        """The candidate that is in the document now, and what it did; None when nothing stands
        there that could be put back line by line."""
        track = self._tracks.get(suggestion_id)
        if track is None or track.candidate is None or track.state is State.UNDONE:
            return None
        if track.kept_forms:
            return None  # a formatter joined our lines with others
        return track.candidate, track.suggestion.changes[track.candidate]

    def standing(self, uri: str) -> list[tuple[str, str, tuple[int, int]]]:
        """(suggestion, candidate, lines) of the changes that stand in a document, not settled.

        Without those of "fix all": undo takes them out together.
        """
        return [
            (track.suggestion.id, track.candidate, track.spot)
            for track in self._of(uri)
            if track.candidate is not None
            and track.suggestion.seen
            and track.state in (State.APPLIED, State.EDITED)
        ]

    # -- suggestions --------------------------------------------------------------------------

    def offered(self, suggestion: Suggestion) -> list[Effect]:
        """A new suggestion takes the place of an untouched older one for the same problem."""
        region = (suggestion.start, suggestion.start + len(suggestion.flagged))
        effects: list[Effect] = []
        for track in self._of(suggestion.uri):
            same = track.suggestion.diagnostic.code == suggestion.diagnostic.code
            if same and overlap(track.region, region):
                if track.state is State.OFFERED:
                    effects += self._settle(track, Verdict(outcome=Outcome.IGNORED))
                elif track.state is State.UNDONE:
                    effects += self._settle(track, of_candidate(Outcome.REVERTED, track))
        self._tracks[suggestion.id] = Track(
            suggestion=suggestion, uri=suggestion.uri, region=region
        )
        untouched = [t for t in self._of(suggestion.uri) if t.state is State.OFFERED]
        for track in untouched[:-_MAX_UNTOUCHED]:  # every change is compared with all of them
            effects += self._settle(track, Verdict(outcome=Outcome.IGNORED))
        return effects

    def applied(self, suggestion_id: str, candidate_id: str, lines: Lines) -> list[Effect]:
        """The client says that it applied a candidate.

        Its edit may arrive before or after, or never: Emacs says so, and then asks whether the edit
        is wanted at all. So nothing is noted while the old lines stand.
        """
        track = self._tracks.get(suggestion_id)
        change = track.suggestion.changes.get(candidate_id) if track else None
        if track is None or change is None:
            return []
        if self._would_stand(track, candidate_id, change, lines) == "undone":
            track.told = candidate_id
            return []
        return self._applied(track, candidate_id, change, lines)

    def taken(
        self, suggestion: Suggestion, candidate_id: str, after: Lines, lines: Lines
    ) -> list[Effect]:
        """A candidate became part of a larger edit, unread.

        Args:
            after: the text right after this candidate, between two others.
            lines: the document as it is now.
        """
        effects = self.offered(suggestion)
        effects += self.applied(suggestion.id, candidate_id, after)
        return effects + self._moved(self._tracks[suggestion.id], Step(after, lines), lines)

    def accepted(self, suggestion_id: str, candidate_id: str, lines: Lines) -> list[Effect]:
        """Keep: settle now. Nothing happens when the candidate's lines are not there."""
        track = self._tracks.get(suggestion_id)
        change = track.suggestion.changes.get(candidate_id) if track else None
        if track is None or change is None:
            return []
        effects: list[Effect] = []
        if track.candidate != candidate_id or track.state not in (State.APPLIED, State.EDITED):
            if self._would_stand(track, candidate_id, change, lines) != "kept":
                return []
            effects += self._applied(track, candidate_id, change, lines)
        effects += self._judged(track, change, lines)
        if track.state is State.UNDONE:
            return effects
        track.rejected.discard(candidate_id)
        effects.append(
            Noted(suggestion_id=suggestion_id, kind=EventKind.ACCEPTED, candidate_id=candidate_id)
        )
        verdict = of_candidate(Outcome.ACCEPTED, track)
        if track.state is State.EDITED:
            verdict = amended(track, lines)
        return effects + self._settle(track, verdict)

    def rejected(self, suggestion_id: str, candidate_id: str) -> list[Effect]:
        """Turned down by the user's word; settled once no other candidate is left to choose."""
        track = self._tracks.get(suggestion_id)
        if track is None or candidate_id not in track.suggestion.changes:
            return []
        track.rejected.add(candidate_id)
        if track.candidate == candidate_id:
            track.verdict = track.due = None
        effects: list[Effect] = [
            Noted(suggestion_id=suggestion_id, kind=EventKind.REJECTED, candidate_id=candidate_id)
        ]
        if track.rejected >= set(track.suggestion.changes):
            track.candidate = candidate_id
            effects += self._settle(track, of_candidate(Outcome.REJECTED, track))
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
        return effects + self._settle(track, of_candidate(Outcome.REVERTED, track))

    # -- documents ----------------------------------------------------------------------------

    def opened(
        self, uri: str, lines: Lines, moved: Callable[[str], bool] = lambda _: True
    ) -> list[Effect]:
        """A document that was closed a moment ago may be back: reloaded, or under another name.

        Args:
            moved: may the document of this uri have become the opened one?
        """
        parked = [track for track in self._tracks.values() if track.parked is not None]
        mine = [track for track in parked if track.uri == uri]
        if not mine:
            text = tuple(lines)
            mine = [track for track in parked if track.parked == text and moved(track.uri)]
        effects: list[Effect] = []
        for track in mine:
            old, track.parked, track.uri = track.parked or (), None, uri
            effects += self._moved(track, Step(old, lines), lines)
            track.due = self._clock() + self._hold_s()
        return effects

    def renamed(self, old: str, new: str, lines: Lines | None) -> None:
        """A file has another name. `lines` is the text of the old document when it is open."""
        for track in self._of(old):
            track.uri = new
            if track.parked is None and lines is not None:
                track.parked, track.due = tuple(lines), None  # until the new one is opened

    def changed(self, uri: str, old: Lines, new: Lines) -> list[Effect]:
        """The document's lines were `old` and are `new`."""
        step = Step(old, new)
        return [effect for track in self._of(uri) for effect in self._moved(track, step, new)]

    def saved(self, uri: str, lines: Lines) -> list[Effect]:
        """What the text alone tells: applied changes that were kept or taken out again."""
        effects: list[Effect] = []
        for track in self._of(uri):
            track.header = None
            key = None if removed(track, lines) else written(track, lines)
            if key is not None:
                effects += self._applied(track, key, track.suggestion.changes[key], lines)
            change = track.change
            if change is not None:
                effects += self._judged(track, change, lines)
            if track.state is State.APPLIED and track.candidate not in track.rejected:
                effects += self._hold(track, of_candidate(Outcome.ACCEPTED, track))
            elif change is not None and taken_out(track, change, lines):
                effects += self._hold(track, of_candidate(Outcome.REVERTED, track))
            elif not still_true(track, lines):
                effects += self._hold(track, None)
        return effects

    def parked(self, uri: str) -> tuple[str, ...] | None:
        """The text that a document was closed with; None when nobody waits for it."""
        return next((t.parked for t in self._of(uri) if t.parked is not None), None)

    def undecided(self, uri: str) -> bool:
        """Would the findings for the saved file tell anything?"""
        return any(
            track.state is State.EDITED
            or (track.suggestion.checkable and track.state is not State.APPLIED)
            for track in self._of(uri)
        )

    def checked(self, uri: str, lines: Lines, found: Iterable[Diagnostic]) -> list[Effect]:
        """What was amended, and what the user fixed without us.

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
                effects += self._hold(track, amended(track, lines))
            elif track.state is State.APPLIED or not track.suggestion.checkable:
                continue
            elif not remains(track, found):
                effects += self._fixed(track, lines)
            elif track.verdict is not None and track.verdict.outcome is Outcome.SUPERSEDED:
                effects += self._hold(track, None)
        return effects

    def closed(self, uri: str, lines: Lines) -> list[Effect]:
        """The document was closed: it is kept in mind until `left`, because it may come back."""
        effects: list[Effect] = []
        for track in self._of(uri):
            track.parked, track.due = tuple(lines), None
            effects.append(Noted(suggestion_id=track.suggestion.id, kind=EventKind.CLOSED))
        return effects

    def left(self, uri: str, disk: Lines | None) -> list[Effect]:
        """It did not come back: settle by what is on the disk; unsaved changes went with it."""
        effects: list[Effect] = []
        for track in self._of(uri):
            if track.parked is not None:
                effects += self._settle(track, at_the_end(track, track.parked, disk))
        return effects

    # -- time ---------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When `due` should be asked next, by the clock."""
        return min((t.due for t in self._waiting() if t.due is not None), default=None)

    def due_documents(self) -> list[str]:
        """The documents whose verdicts have had their time."""
        now = self._clock()
        due = [t.uri for t in self._waiting() if t.due is not None and t.due <= now]
        return list(dict.fromkeys(due))

    def due(self, uri: str, lines: Lines, disk: Lines | None) -> list[Effect]:
        """Settle verdicts that have held: the text, and the file on the `disk`, still say so.

        The others wait for the next save; a change starts their time anew.
        """
        now, effects = self._clock(), list[Effect]()
        for track in self._of(uri):
            if track.due is None or track.due > now or track.parked is not None:
                continue
            track.due = None
            if track.verdict is not None and holds(track, lines, disk):
                effects += self._settle(track, track.verdict)
        return effects

    def uris(self) -> list[str]:
        return list(dict.fromkeys(track.uri for track in self._tracks.values()))

    def wait(self, uri: str, wait_s: float) -> None:
        """What is due cannot be looked at now."""
        for track in self._of(uri):
            if track.due is not None:
                track.due = max(track.due, self._clock() + wait_s)

    # -- inside -------------------------------------------------------------------------------

    def _waiting(self) -> list[Track]:
        return [track for track in self._tracks.values() if track.parked is None]

    def _of(self, uri: str) -> list[Track]:
        return [track for track in self._tracks.values() if track.uri == uri]

    def _would_stand(
        self, track: Track, candidate_id: str, change: Change, lines: Lines
    ) -> Standing:
        """What the lines say of a candidate that may have been applied."""
        trial = dataclasses.replace(track, candidate=candidate_id, kept_forms=[])
        place(trial, change, lines)
        return standing(trial, change, lines)

    def _applied(
        self, track: Track, candidate_id: str, change: Change, lines: Lines
    ) -> list[Effect]:
        effects: list[Effect] = []
        before = track.candidate
        if before not in (None, candidate_id) and track.state in (State.APPLIED, State.EDITED):
            effects.append(self._note(track, EventKind.UNDONE))  # another one in its place
        track.candidate, track.told, track.kept_forms, track.header = candidate_id, None, [], None
        track.rejected.discard(candidate_id)
        place(track, change, lines)
        track.state = State.APPLIED
        track.due = self._clock() + self._hold_s()
        return [*effects, self._note(track, EventKind.APPLIED)]

    def _moved(self, track: Track, step: Step, lines: Lines) -> list[Effect]:
        step.move(track)
        told = track.suggestion.changes.get(track.told or "")
        if told is not None and self._would_stand(track, str(track.told), told, lines) == "kept":
            return self._applied(track, str(track.told), told, lines)
        change = track.change
        if track.verdict is not None and track.due is None:
            track.due = self._clock() + self._hold_s()
        if change is None or (change.inserts_import and step.spares(track)):
            return []
        return self._judged(track, change, lines)

    def _judged(self, track: Track, change: Change, lines: Lines) -> list[Effect]:
        kind = judge(track, change, lines)
        if kind is None:
            return []
        track.due = self._clock() + self._hold_s()  # perhaps reloaded from the disk, unsaid
        return [self._note(track, kind)]

    def _note(self, track: Track, kind: EventKind) -> Noted:
        return Noted(suggestion_id=track.suggestion.id, kind=kind, candidate_id=track.candidate)

    def _fixed(self, track: Track, lines: Lines) -> list[Effect]:
        if removed(track, lines):
            return self._hold(track, EXPIRED)
        own, kind = own_fix(track, lines)
        candidate = track.candidate if track.state is not State.OFFERED else None
        verdict = Verdict(
            outcome=Outcome.SUPERSEDED, candidate_id=candidate, user_lines=own, user_kind=kind
        )
        if verdict == track.verdict:
            return []
        note = Noted(suggestion_id=track.suggestion.id, kind=EventKind.FIXED)
        return [note, *self._hold(track, verdict)]

    def _hold(self, track: Track, verdict: Verdict | None) -> list[Effect]:
        """A saved text says so. It is noted at once: the server may be killed before it settles."""
        if verdict == track.verdict:
            return []
        if verdict is not None and self._hold_s() <= 0:
            return self._settle(track, verdict)
        track.verdict = verdict
        track.due = None if verdict is None else self._clock() + self._hold_s()
        note = Noted(
            suggestion_id=track.suggestion.id,
            kind=EventKind.SAVED,
            candidate_id=track.candidate,
            verdict=verdict,
        )
        return [note]

    def _settle(self, track: Track, verdict: Verdict) -> list[Effect]:
        del self._tracks[track.suggestion.id]
        settled = Settled(
            suggestion_id=track.suggestion.id,
            outcome=verdict.outcome,
            candidate_id=verdict.candidate_id,
            user_lines=verdict.user_lines,
            user_kind=verdict.user_kind,
            seen=track.suggestion.seen,
        )
        return [settled]
