"""When a suggestion is settled, as what, and which preference pairs follow: one table, `TABLE`.

Every offered suggestion ends in exactly one outcome. A row of the table says what the outcome
means and which sides of the choice become (chosen, rejected). A rule with one side alone gives an
unpaired row: kept for methods that need no opposite (KTO), never counted as a triplet for DPO.

Two things hold for every row. The same text never stands on both sides, and lines that the user
left as they were are never "chosen": that would teach the model to do nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from whetstone.problem import Problem, Replacement


class Outcome(StrEnum):
    """How a suggestion ended."""

    ACCEPTED = "accepted"
    AMENDED = "amended"
    REVERTED = "reverted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    EXPIRED = "expired"


class EventKind(StrEnum):
    """What was seen to happen; events are only ever appended, and never settle anything alone."""

    OFFERED = "offered"  # its title stood in a menu
    RESOLVED = "resolved"  # its edit was computed for the client
    APPLIED = "applied"  # its edit is in the document
    EDITED = "edited"  # its lines were changed afterwards; `text` holds them
    UNDONE = "undone"  # its edit is out of the document again
    REDONE = "redone"  # ... and back
    SAVED = "saved"
    ACCEPTED = "accepted"  # said so, by a command
    REJECTED = "rejected"  # said so, by a command
    FIXED = "fixed"  # the diagnostic went away by the user's own edit
    CLOSED = "closed"  # the document was closed
    CHANGED_ON_DISK = "changed-on-disk"  # something other than the editor rewrote the file
    NOTE = "note"


class Side(StrEnum):
    """Who wrote the text that stands on one side of a pair."""

    CANDIDATE = "candidate"  # the one the outcome is about; without one, the best that was shown
    USER = "user"  # the lines that the user wrote
    UNCHANGED = "unchanged"  # the flagged lines as they were
    TURNED_DOWN = "turned-down"  # every candidate the user said no to, or took out again
    PASSED_OVER = "passed-over"  # the best one ranked above the accepted one: seen, not taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRule:
    """One kind of pair. `source` stands beside the pair in the store."""

    source: str
    chosen: Side | None
    rejected: Side | None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One outcome: what it means and what is learned from it."""

    meaning: str
    pairs: tuple[PairRule, ...] = ()


TABLE: Mapping[Outcome, Row] = MappingProxyType(
    {
        Outcome.ACCEPTED: Row(
            meaning="applied, and kept until it was settled",
            pairs=(
                PairRule(source="accepted", chosen=Side.CANDIDATE, rejected=Side.UNCHANGED),
                PairRule(source="turned-down", chosen=Side.CANDIDATE, rejected=Side.TURNED_DOWN),
                PairRule(
                    source="passed-over",
                    chosen=Side.CANDIDATE,
                    rejected=Side.PASSED_OVER,
                    weight=0.5,
                ),
            ),
        ),
        Outcome.AMENDED: Row(
            meaning="applied, and its lines were then changed by hand",
            pairs=(
                PairRule(source="amended", chosen=Side.USER, rejected=Side.CANDIDATE),
                PairRule(source="turned-down", chosen=Side.USER, rejected=Side.TURNED_DOWN),
            ),
        ),
        Outcome.REVERTED: Row(
            meaning="applied, and taken out again",
            pairs=(
                PairRule(source="reverted", chosen=None, rejected=Side.CANDIDATE),
                PairRule(source="turned-down", chosen=None, rejected=Side.TURNED_DOWN),
            ),
        ),
        Outcome.REJECTED: Row(
            meaning="turned down explicitly",
            pairs=(PairRule(source="rejected", chosen=None, rejected=Side.TURNED_DOWN),),
        ),
        Outcome.SUPERSEDED: Row(
            meaning="the user wrote their own fix instead",
            pairs=(
                PairRule(source="superseded", chosen=Side.USER, rejected=Side.CANDIDATE),
                PairRule(source="turned-down", chosen=Side.USER, rejected=Side.TURNED_DOWN),
            ),
        ),
        Outcome.IGNORED: Row(meaning="shown, and nothing was done: never counted as a rejection"),
        Outcome.EXPIRED: Row(meaning="no end was seen: closed, killed, or the file moved on"),
    }
)

# An event of one of these kinds turns its candidate down, whatever becomes of the suggestion.
_TURNS_DOWN: frozenset[str] = frozenset({EventKind.REJECTED, EventKind.UNDONE})
_TAKES_BACK: frozenset[str] = frozenset({EventKind.REDONE, EventKind.ACCEPTED, EventKind.APPLIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One candidate that was shown."""

    id: str
    replacement: Replacement


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Everything the table needs: what was shown, best first, and what the user did."""

    problem: Problem
    shown: tuple[Offered, ...]
    candidate: Offered | None = None
    user: Replacement | None = None
    turned_down: tuple[Offered, ...] = ()
    tried: bool = False  # one of them was applied at some time

    @property
    def unchanged(self) -> Replacement:
        return Replacement(kind="replace", lines=self.problem.flagged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A pair before it is stored."""

    chosen: Replacement | None
    rejected: Replacement | None
    weight: float
    source: str


def same_text(one: Replacement, other: Replacement) -> bool:
    """Whether two answers read the same: space at line ends and blank lines at the end are nothing.

    No model can learn them, because the parser of answers drops them.
    """
    return one.kind == other.kind and _bare(one.lines) == _bare(other.lines)


def _bare(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("\n".join(line.rstrip() for line in lines).rstrip("\n").split("\n"))


def turned_down_by(events: Iterable[tuple[str, str | None]]) -> frozenset[str]:
    """The ids of the candidates that (kind, candidate id) events, oldest first, leave turned down.

    Applied again after an undo, or taken after all, is turned down no more.
    """
    down: set[str] = set()
    for kind, candidate_id in events:
        if candidate_id is None:
            continue
        if kind in _TURNS_DOWN:
            down.add(candidate_id)
        elif kind in _TAKES_BACK:
            down.discard(candidate_id)
    return frozenset(down)


def final(outcome: Outcome, choice: Choice) -> Outcome:
    """What the outcome truly is, given the texts: the caller saw events, the texts decide.

    - amended to our own text is accepted; amended back to the old lines is reverted;
    - ignored or expired after something was turned down is rejected, or reverted if it was tried.
    """
    if outcome is Outcome.AMENDED and choice.user is not None and choice.candidate is not None:
        if same_text(choice.user, choice.candidate.replacement):
            return Outcome.ACCEPTED
        if same_text(choice.user, choice.unchanged):
            return Outcome.REVERTED
    if outcome in (Outcome.IGNORED, Outcome.EXPIRED) and choice.turned_down:
        return Outcome.REVERTED if choice.tried else Outcome.REJECTED
    return outcome


def pairs_for(outcome: Outcome, choice: Choice) -> list[Draft]:
    """The pairs that `TABLE` makes of `choice`, each text pair once, the first rule winning."""
    drafts: list[Draft] = []
    for rule in TABLE[outcome].pairs:
        for draft in _apply(rule, outcome, choice):
            if not any(_same_draft(draft, known) for known in drafts):
                drafts.append(draft)
    return drafts


def _apply(rule: PairRule, outcome: Outcome, choice: Choice) -> list[Draft]:
    chosen = _side(rule.chosen, outcome, choice)[:1] if rule.chosen else []
    if rule.chosen and (not chosen or same_text(chosen[0], choice.unchanged)):
        return []
    better = chosen[0] if chosen else None
    worse: list[Replacement | None] = []
    worse += _side(rule.rejected, outcome, choice) if rule.rejected else []
    if not worse and rule.rejected is Side.CANDIDATE and better is not None:
        worse = [None]  # nothing of ours to set against the user's lines: unpaired
    return [
        Draft(chosen=better, rejected=other, weight=rule.weight, source=rule.source)
        for other in worse
        if better is None or other is None or not same_text(better, other)
    ]


def _side(side: Side, outcome: Outcome, choice: Choice) -> list[Replacement]:
    best = choice.candidate or (choice.shown[0] if choice.shown else None)
    match side:
        case Side.CANDIDATE:
            return [best.replacement] if best else []
        case Side.USER:
            return [choice.user] if choice.user is not None else []
        case Side.UNCHANGED:
            return [choice.unchanged]
        case Side.TURNED_DOWN:
            # An accepted or amended candidate may have been undone before: the last word counts.
            kept = outcome in (Outcome.ACCEPTED, Outcome.AMENDED) and choice.candidate
            return [
                offered.replacement
                for offered in choice.turned_down
                if not kept or offered.id != kept.id
            ]
        case Side.PASSED_OVER:
            return _passed_over(choice)


def _passed_over(choice: Choice) -> list[Replacement]:
    """People read a menu from the top: what stood above their choice was seen and not taken."""
    down = {offered.id for offered in choice.turned_down}
    for offered in choice.shown:
        if choice.candidate is None or offered.id == choice.candidate.id:
            return []
        if offered.id not in down:
            return [offered.replacement]
    return []


def _same_draft(one: Draft, other: Draft) -> bool:
    return _same_side(one.chosen, other.chosen) and _same_side(one.rejected, other.rejected)


def _same_side(one: Replacement | None, other: Replacement | None) -> bool:
    return one is other if one is None or other is None else same_text(one, other)
