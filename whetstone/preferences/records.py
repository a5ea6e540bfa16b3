"""The values that come out of the preference store."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Literal

from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Problem, Replacement
from whetstone.prompt import FormatName, answer_text, render


def replacement_to_json(replacement: Replacement) -> str:
    return json.dumps(dataclasses.asdict(replacement), ensure_ascii=False)


def replacement_from_json(text: str) -> Replacement:
    """Raises ValueError, KeyError or TypeError when `text` is not what the other wrote."""
    data = json.loads(text)
    kind = data["kind"]
    if kind not in ("replace", "import"):
        raise ValueError(f"unknown kind {kind!r}")
    if not isinstance(data["lines"], list) or not all(isinstance(x, str) for x in data["lines"]):
        raise TypeError("lines must be a list of strings")
    return Replacement(kind=kind, lines=tuple(data["lines"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One preference. With both sides it is a triplet for DPO; with one alone it is unpaired."""

    id: int
    suggestion_id: str
    problem_id: str  # sha256 of the problem: the key to split a held-out part by
    problem: Problem
    chosen: Replacement | None
    rejected: Replacement | None
    weight: float
    source: str
    model_id: str
    created_at: str
    trained_run: str | None = None

    @property
    def is_triplet(self) -> bool:
        return self.chosen is not None and self.rejected is not None

    def prompt(self, format: FormatName) -> str:
        return render(self.problem, format).text

    def chosen_text(self, format: FormatName) -> str:
        """The chosen answer, without the end token. Raises ValueError when there is none."""
        return self._text(self.chosen, format)

    def rejected_text(self, format: FormatName) -> str:
        """The rejected answer, without the end token. Raises ValueError when there is none."""
        return self._text(self.rejected, format)

    def differs(self, format: FormatName) -> bool:
        """Whether both sides are there and still differ once rendered.

        `compact` evens out indentation, so two answers that differ in nothing else become one.
        """
        return self.is_triplet and self.chosen_text(format) != self.rejected_text(format)

    def _text(self, side: Replacement | None, format: FormatName) -> str:
        if side is None:
            raise ValueError(f"pair {self.id} ({self.source}) has one side only")
        return answer_text(self.problem, side, format)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPair:
    """A pair made elsewhere, on its way into the store; not redacted yet."""

    problem: Problem
    chosen: Replacement | None
    rejected: Replacement | None
    weight: float = 1.0
    source: str = "imported"
    model_id: str = ""
    suggestion_id: str = ""
    created_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCandidate:
    """One candidate as it was stored, redacted."""

    id: str
    rank: int
    shown: bool
    origin: str
    title: str
    replacement: Replacement
    diff: str
    evidence: Any  # what Evidence.to_json wrote
    logprob: float | None
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was seen to happen to a suggestion."""

    at: str
    kind: EventKind | str  # a plain string where a newer version knows more kinds
    candidate_id: str | None = None
    text: str | None = None
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a person was shown, in one line."""

    id: str
    created_at: str
    file: str
    code: str
    headline: str
    client: str
    workspace: str
    model_id: str
    prompt_format: str
    latency_s: float
    unparsable: int
    outcome: Outcome | None
    settled_at: str | None
    candidate_id: str | None
    candidates: int
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionDetail:
    """A suggestion with everything that is stored about it."""

    summary: Suggestion
    problem: Problem
    candidates: tuple[StoredCandidate, ...]
    events: tuple[Event, ...]
    user_lines: tuple[str, ...] | None
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Outcomes of the suggestions of one rule code, model, client or day."""

    name: str
    suggestions: int
    outcomes: dict[str, int]

    @property
    def acceptance(self) -> float | None:
        return acceptance(self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How much is stored and how it went."""

    suggestions: int
    open: int
    outcomes: dict[str, int]
    triplets: int
    untrained: int  # triplets that no training run has used
    unpaired: int
    sources: dict[str, int]
    by_code: tuple[Group, ...]
    by_model: tuple[Group, ...]
    by_day: tuple[Group, ...]

    @property
    def acceptance(self) -> float | None:
        return acceptance(self.outcomes)


def acceptance(outcomes: dict[str, int]) -> float | None:
    """Share of decisions that took our fix, as it was or amended; None before any decision.

    Ignored and expired suggestions are no decisions.
    """
    taken = outcomes.get("accepted", 0) + outcomes.get("amended", 0)
    left = sum(outcomes.get(name, 0) for name in ("reverted", "rejected", "superseded"))
    return taken / (taken + left) if taken + left else None


PairKind = Literal["triplets", "unpaired", "all"]
