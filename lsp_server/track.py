"""One suggestion while its end has not been seen: where its lines are, and what stands there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from lsp_server.alignment import map_span, trim
from lsp_server.captured import Bare, Change, Suggestion, Verdict
from lsp_server.samecode import import_zone, imports, reformatted, same_code
from lsp_server.text import bare
from whetstone.preferences.outcome import EventKind
from whetstone.problem import Diagnostic

_MAX_IMPORTS = 3  # more at once are not the answer to one diagnostic
Lines = Sequence[str]


class State(Enum):
    OFFERED = auto()
    APPLIED = auto()
    EDITED = auto()
    UNDONE = auto()


@dataclass(slots=True, kw_only=True)
class Track:
    suggestion: Suggestion
    uri: str
    region: tuple[int, int]  # the flagged lines, wherever they are now
    spot: tuple[int, int] = (0, 0)  # the lines of the applied change
    state: State = State.OFFERED
    candidate: str | None = None
    told: str | None = None  # the candidate that a client says to apply, not seen in the text yet
    rejected: set[str] = field(default_factory=set)
    # What a formatter made of our lines, and of the old ones, where it joined them with others.
    kept_forms: list[Bare] = field(default_factory=list)
    old_forms: list[Bare] = field(default_factory=list)
    header: int | None = None  # the import lines that were judged end here
    verdict: Verdict | None = None  # what the last saved text says
    due: float | None = None  # when to look whether it has held
    parked: tuple[str, ...] | None = None  # the text of a document that was closed just now

    @property
    def change(self) -> Change | None:
        return self.suggestion.changes.get(self.candidate) if self.candidate else None

    def now(self, lines: Lines) -> Bare:
        """The lines that the applied change stands for, as they are."""
        start, stop = self.spot
        return bare(lines[start:stop])

    def flagged_now(self, lines: Lines) -> Bare:
        start, stop = self.region
        return bare(lines[start:stop])

    def user_lines(self, lines: Lines) -> Bare:
        change = self.change
        if change is not None and change.inserts_import:
            return tuple(line for line in self.now(lines) if line.strip())
        return self.flagged_now(lines)


class Step:
    """From one text of a document to the next; what both share is found once for all tracks."""

    def __init__(self, old: Lines, new: Lines) -> None:
        self.old, self.new = old, new
        self.same = trim(old, new)
        self._formatted: bool | None = None

    def move(self, track: Track) -> None:
        """Follow the track's lines, and learn what a formatter made of them."""
        change = track.change
        prior = track.now(self.old) if change else track.flagged_now(self.old)
        targets = [track.suggestion.flagged, *([change.after] if change else [])]
        grows = change is None or bool(change.after)
        track.region = self.follow(track.region, targets, grows=grows)
        if change is not None and change.inserts_import:
            targets = [change.before, change.after]
            track.spot = self.follow(track.spot, targets, grows=False)
        else:
            track.spot = track.region
            self._learn(track, change, prior)

    def follow(
        self, span: tuple[int, int], targets: Iterable[Bare], *, grows: bool
    ) -> tuple[int, int]:
        """`map_span`, and an empty range takes in what comes back: undo, redo, lines retyped."""
        old, new = self.old, self.new
        start, stop = map_span(old, new, *span, same=self.same)
        top, bottom = self.same
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

    def spares(self, track: Track) -> bool:
        """Is the change below everything that a track with an import was judged by?"""
        return track.header is not None and self.same[0] > max(track.header, track.spot[1])

    def _learn(self, track: Track, change: Change | None, prior: Bare) -> None:
        """Keep in mind what a formatter makes of lines that nobody has edited."""
        if track.state is State.EDITED:
            return
        kept = change is not None and track.state is State.APPLIED
        known = change.after if change is not None and kept else track.suggestion.flagged
        forms = track.kept_forms if kept else track.old_forms
        now = track.now(self.new)
        if now == prior or same_code(now, known) or now in forms:
            return
        if (prior in forms or same_code(prior, known)) and self._is_formatting():
            forms.append(now)

    def _is_formatting(self) -> bool:
        if self._formatted is None:
            self._formatted = reformatted(self.old, self.new, self.same)
        return self._formatted


def place(track: Track, change: Change, lines: Lines) -> None:
    """Find the lines of a change that the client says it applied; its edit may still come."""
    if _anchor(track, change, lines):
        return
    base = track.suggestion.lines
    stop = change.start + len(change.before)
    track.spot = Step(base, lines).follow((change.start, stop), [change.after], grows=False)


def _anchor(track: Track, change: Change, lines: Lines) -> bool:
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


Standing = Literal["kept", "undone", "edited"]


def classify(now: Bare, before: Bare, after: Bare) -> Standing:
    """What the lines of an applied change are now. A formatter's reflow keeps them.

    Exact text is compared first: a change of indentation alone has the same tokens as no change.
    """
    if now in (before, after):
        return "kept" if now == after else "undone"
    now, old, new = (tuple(line.rstrip() for line in lines) for lines in (now, before, after))
    if now in (old, new):
        return "kept" if now == new else "undone"
    if same_code(now, new):
        return "kept"
    return "undone" if same_code(now, old) else "edited"


_NEXT: dict[tuple[Standing, State], tuple[State, EventKind | None]] = {
    ("undone", State.APPLIED): (State.UNDONE, EventKind.UNDONE),
    ("undone", State.EDITED): (State.UNDONE, EventKind.UNDONE),
    ("kept", State.UNDONE): (State.APPLIED, EventKind.REDONE),
    ("kept", State.EDITED): (State.APPLIED, EventKind.REDONE),
    ("edited", State.APPLIED): (State.EDITED, EventKind.EDITED),
    # Edited after an undo: that is the user's own fix of the old lines, and stays "undone".
}


def standing(track: Track, change: Change, lines: Lines) -> Standing:
    now = track.now(lines)
    found = classify(now, change.before, change.after)
    if found == "edited" and now in track.kept_forms:
        return "kept"
    if found == "edited" and now in track.old_forms:
        return "undone"
    if found != "kept" and change.inserts_import:
        track.header = import_zone(lines)
        if imports(lines[: track.header]) >= imports(change.after):
            return "kept"  # sorted into its place, or merged with another import
    return found


def judge(track: Track, change: Change, lines: Lines) -> EventKind | None:
    """Move to the state that the lines are in now; the event to note, if it is another one."""
    track.state, kind = _NEXT.get(
        (standing(track, change, lines), track.state), (track.state, None)
    )
    return kind


def taken_out(track: Track, change: Change, lines: Lines) -> bool:
    """Undone, with nothing in its place. After an explicit no, another one may still be taken."""
    flagged = track.flagged_now(lines)
    return (
        track.state is State.UNDONE
        and (track.now(lines) == change.before or track.now(lines) in track.old_forms)
        and (flagged == track.suggestion.flagged or flagged in track.old_forms)
        and track.candidate not in track.rejected
    )


def written(track: Track, lines: Lines) -> str | None:
    """The candidate whose very text stands in place of the flagged lines, applied or typed."""
    if track.state not in (State.OFFERED, State.UNDONE):
        return None
    there = track.flagged_now(lines)
    for key, change in track.suggestion.changes.items():
        if change.inserts_import:
            added = imports(change.after)
            known = imports(track.suggestion.lines)
            if not added <= known and imports(lines[: import_zone(lines)]) >= added:
                return key
        elif there == change.after != change.before:
            return key
    return None


def remains(track: Track, found: list[Diagnostic]) -> bool:
    """Is the diagnostic still among the findings, in the lines that it flagged?"""
    mine = track.suggestion.diagnostic
    return any(
        (other.code, other.message) == (mine.code, mine.message)
        and overlap((other.span.start_line, other.span.end_line + 1), track.region)
        for other in found
    )


def own_fix(track: Track, lines: Lines) -> tuple[Bare, Literal["replace", "import"]]:
    """What the user wrote: other lines in place of the flagged ones, or imports elsewhere."""
    own = track.flagged_now(lines)
    if same_code(own, track.suggestion.flagged):
        known = set(bare(track.suggestion.lines))
        added = [line for line in bare(lines) if line.startswith(("import ", "from "))]
        added = [line for line in added if line not in known]
        if added and len(added) <= _MAX_IMPORTS and imports(added):
            return tuple(added), "import"
    return own, "replace"


def removed(track: Track, lines: Lines) -> bool:
    """Nothing stands in place of the flagged lines, and a neighbour is gone too.

    Whoever deletes a function has not said what is wrong with the fix in it.
    """
    start, stop = track.region
    if start < stop or (track.change is not None and track.change.inserts_import):
        return False
    base, first = track.suggestion.lines, track.suggestion.start
    last = first + len(track.suggestion.flagged)
    return (
        _neighbour(base[first - 1 :: -1] if first else ())
        != _neighbour(lines[start - 1 :: -1] if start else ())
    ) or _neighbour(base[last:]) != _neighbour(lines[stop:])


def _neighbour(lines: Lines) -> str:
    return next((line.strip() for line in lines if line.strip()), "")


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < max(other[1], other[0] + 1) and other[0] < max(one[1], one[0] + 1)
