"""A fix that was proved, and what came of one problem."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field
from typing import Literal

from whetstone import edit
from whetstone.edit import TextEdit
from whetstone.evidence import Evidence
from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.prompt import FormatName
from whetstone.prover import Proof
from whetstone.ranking import Ranked, changed_tokens
from whetstone.titles import title

Origin = Literal["model", "rule", "both"]


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One replacement with everything that is known about it."""

    origin: Origin
    replacement: Replacement
    edits: tuple[TextEdit, ...]
    new_text: str
    diff: str
    evidence: Evidence
    title: str
    logprob: float | None = None
    tokens: int = 0
    changed_tokens: int = 0
    standing: int = 0
    rule_place: int | None = None  # among what the rules proposed and may be shown; 0 is first
    id: str = field(default_factory=_new_id)

    @property
    def ranked(self) -> Ranked:
        """What its place among the others depends on."""
        return Ranked(
            strength=self.evidence.strength,
            logprob=self.logprob,
            rule_place=self.rule_place,
            changed_tokens=self.changed_tokens,
            standing=self.standing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What came of one problem. `candidates` may be shown, best first; `rejected` may not."""

    problem: Problem
    document: Document
    diagnostic: Diagnostic
    candidates: tuple[Candidate, ...]
    rejected: tuple[Candidate, ...]
    model_id: str
    prompt_format: FormatName
    latency_s: float
    unparsable: int = 0
    sieved: int = 0  # small changes that the failing test turned down
    id: str = field(default_factory=_new_id)

    @property
    def tried(self) -> int:
        """How many answers there were, whatever came of them."""
        return len(self.candidates) + len(self.rejected) + self.unparsable + self.sieved

    def or_else(self, other: Proposal) -> Proposal:
        """What `other` found for the same problem, where this has nothing to show; else this."""
        if self.candidates:
            return self
        return dataclasses.replace(
            other,
            rejected=(*self.rejected, *other.rejected),
            unparsable=self.unparsable + other.unparsable,
            latency_s=self.latency_s + other.latency_s,
        )


@dataclass(slots=True)
class Answer:
    """A replacement that the model gave: the first of its answers that says so."""

    number: int
    logprob: float | None
    tokens: int


def candidate_of(
    document: Document, problem: Problem, proof: Proof, origin: Origin, answer: Answer | None
) -> Candidate:
    """What was proved, with what the model said of it."""
    return Candidate(
        origin=origin,
        replacement=proof.replacement,
        edits=proof.edits,
        new_text=proof.new_text,
        diff=edit.unified_diff(document, proof.new_text),
        evidence=proof.evidence,
        title=title(problem.diagnostic, problem.flagged, proof.replacement),
        logprob=None if answer is None else answer.logprob,
        tokens=0 if answer is None else answer.tokens,
        changed_tokens=changed_tokens(problem.flagged, proof.replacement),
    )
