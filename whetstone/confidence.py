"""How likely this user is to keep a candidate, judged by what they did with earlier ones.

Candidates are sorted into groups, coarse to fine: by what was proved (`Proof`), by how sure its
origin is (`Certainty`), and by the diagnostic's code. In each group the share of those kept is
drawn towards the estimate of the next coarser group by `STRENGTH` imagined observations, and in the
coarsest towards `PRIOR`:

    estimate = (kept + STRENGTH * coarser) / (seen + STRENGTH)

So a new user gets the prior, one choice changes little, and twenty of a kind speak for themselves.
The priors are no measurement: they say that what was proved is worth showing until the user has
said otherwise, and no cut is made before `ENOUGH` choices are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from whetstone.candidate import Candidate
    from whetstone.evidence import Evidence

Proof = Literal["test passes", "diagnostic gone", "undecided"]
Certainty = Literal["rule", "sure", "unsure"]

PRIOR: dict[Proof, float] = {"test passes": 0.9, "diagnostic gone": 0.75, "undecided": 0.5}
STRENGTH = 6.0
ENOUGH = 20  # choices before the cut is anything but 0
LOST = 0.05  # share of the fixes the user kept that the automatic cut may have hidden
HIGHEST_CUT = 1 / 3  # what is kept once in three times is shown, whatever the rest looks like
SURE_LOGPROB = -0.25  # nats per token, on average
SURE_MARGIN = 2.0  # nats ahead of the next candidate

MOST_HISTORY = 500  # the newest choices; tastes change


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the estimate depends on."""

    proof: Proof
    certainty: Certainty
    code: str

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Coarse to fine."""
        return (
            (self.proof,),
            (self.proof, self.certainty),
            (self.proof, self.certainty, self.code),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One candidate that the user decided about."""

    features: Features
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The probability that the user keeps it, and the choices in the finest group that has any."""

    probability: float
    kept: int
    seen: int

    @property
    def reason(self) -> str:
        if not self.seen:
            return f"confidence {self.probability:.2f}"
        return f"confidence {self.probability:.2f}; you kept {self.kept} of {self.seen} such fixes"


@dataclass(slots=True)
class _Count:
    kept: int = 0
    seen: int = 0


@dataclass(slots=True)
class Confidence:
    """Estimates from a history. The same history gives the same numbers."""

    history: Sequence[Choice] = ()
    _counts: dict[tuple[str, ...], _Count] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.history = tuple(self.history)[-MOST_HISTORY:]
        for choice in self.history:
            for group in choice.features.groups:
                count = self._counts.setdefault(group, _Count())
                count.kept += choice.kept
                count.seen += 1

    def of(self, features: Features) -> Estimate:
        """What to expect of a candidate."""
        finest = _Count()
        for group in features.groups:
            finest = self._counts.get(group, finest)
        return Estimate(probability=self._probability(features), kept=finest.kept, seen=finest.seen)

    def cut(self, threshold: float | Literal["auto"]) -> float:
        """The least probability with which a candidate is shown.

        `auto` is the highest cut that would have hidden at most the share LOST of what the user
        kept, each of those judged by the other choices alone; never above HIGHEST_CUT, and 0 while
        fewer than ENOUGH choices are known.
        """
        if threshold != "auto":
            return threshold
        kept = [choice for choice in self.history if choice.kept]
        if len(self.history) < ENOUGH:
            return 0.0
        if not kept:
            return HIGHEST_CUT
        judged = sorted(self._probability(each.features, without=each) for each in kept)
        return min(HIGHEST_CUT, judged[int(LOST * len(judged))])

    def _probability(self, features: Features, *, without: Choice | None = None) -> float:
        estimate = PRIOR[features.proof]
        for group in features.groups:
            count = self._counts.get(group, _Count())
            kept, seen = count.kept, count.seen
            if without is not None:
                kept, seen = kept - without.kept, seen - 1
            estimate = (kept + STRENGTH * estimate) / (seen + STRENGTH)
        return estimate


def features_of(candidate: Candidate, others: Iterable[Candidate], code: str) -> Features:
    """The features of a candidate among the `others` of its proposal."""
    rivals = [each.logprob for each in others if each is not candidate]
    return Features(
        proof=proof_of(candidate.evidence),
        certainty=certainty(candidate.origin, candidate.logprob, candidate.tokens, rivals),
        code=code,
    )


def proof_of(evidence: Evidence) -> Proof:
    return proof({check.name: check.passed for check in evidence.checks})


def proof(passed: dict[str, bool | None]) -> Proof:
    """The strongest thing that was proved, given whether each check passed."""
    if passed.get("test passes"):
        return "test passes"
    return "diagnostic gone" if passed.get("diagnostic gone") else "undecided"


def certainty(
    origin: str, logprob: float | None, tokens: int, rivals: Iterable[float | None]
) -> Certainty:
    """How sure the origin is: a rule, or a model that likes this answer far more than any other.

    Args:
        logprob: of the answer, summed over its tokens, in nats; None when it is not known.
        rivals: the same of the other candidates.
    """
    if origin != "model":
        return "rule"
    if logprob is None or logprob / max(1, tokens) < SURE_LOGPROB:
        return "unsure"
    best = max((rival for rival in rivals if rival is not None), default=None)
    return "sure" if best is None or logprob - best >= SURE_MARGIN else "unsure"
