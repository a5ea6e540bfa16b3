"""May the new model serve? Both files go through the engine that serves, on the same questions.

The new one must fix no fewer of the evaluation problems, and on held-out pairs it must prefer what
the user chose by more than the active model does. When nothing can be told it is not promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from whetstone.engine.base import Engine, PromptTooLong
from whetstone.preferences.records import Pair
from whetstone.prompt import FORMATS, FormatName, answer_text, render


class Solved(Protocol):
    """What an evaluation suite returns."""

    @property
    def solved(self) -> int: ...
    @property
    def total(self) -> int: ...


# (the model, how many problems or None for all)
Evaluate = Callable[[Engine, int | None], Solved]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One model: problems fixed, and its preference margin per held-out pair in nats."""

    model_id: str
    solved: int
    total: int
    margins: tuple[float, ...]

    @property
    def margin(self) -> float:
        return sum(self.margins) / max(1, len(self.margins))

    @property
    def accuracy(self) -> float:
        """Share of held-out pairs whose chosen answer it finds likelier than the rejected one."""
        return sum(margin > 0 for margin in self.margins) / max(1, len(self.margins))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "margin": self.margin, "accuracy": self.accuracy}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reason` is one sentence for the user, whether it passed or not."""

    passed: bool
    reason: str
    active: Scores
    candidate: Scores

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "reason": self.reason,
            "active": self.active.to_json(),
            "candidate": self.candidate.to_json(),
        }


def measure(
    engine: Engine, pairs: Sequence[Pair], evaluate: Evaluate, *, limit: int | None = None
) -> Scores:
    """Score one model. Pairs whose prompt does not fit its context count as margin 0."""
    result = evaluate(engine, limit)
    return Scores(
        model_id=engine.model_id,
        solved=result.solved,
        total=result.total,
        margins=tuple(_margin(engine, pair) for pair in pairs),
    )


def _margin(engine: Engine, pair: Pair) -> float:
    format = _format(engine)
    prompt = render(pair.problem, format)
    scores = []
    for side in (pair.chosen, pair.rejected):
        assert side is not None
        try:
            score = engine.score(prompt, answer_text(pair.problem, side, format))
        except PromptTooLong:
            return 0.0
        assert score is not None  # only remote engines cannot score
        scores.append(score.logprob)
    return scores[0] - scores[1]


def _format(engine: Engine) -> FormatName:
    return next(name for name in FORMATS if name == engine.prompt_format)


def decide(active: Scores, candidate: Scores) -> Verdict:
    """The rule, and the reason in words."""
    faults = []
    if candidate.solved < active.solved:
        faults.append(
            f"it fixes {candidate.solved} of {candidate.total} evaluation problems, "
            f"the active model {active.solved}"
        )
    if not candidate.margins:
        faults.append("there are no held-out pairs to tell whether it is better")
    elif candidate.margin <= active.margin:
        faults.append(
            f"its preference margin on {len(candidate.margins)} held-out pairs is "
            f"{candidate.margin:.2f} nats, the active model's {active.margin:.2f}"
        )
    elif candidate.accuracy < active.accuracy:
        faults.append(
            f"it prefers the chosen answer in {candidate.accuracy:.0%} of the held-out pairs, "
            f"the active model in {active.accuracy:.0%}"
        )
    reason = "; ".join(faults) or (
        f"it fixes {candidate.solved} of {candidate.total} evaluation problems (before: "
        f"{active.solved}), and its preference margin on {len(candidate.margins)} held-out pairs "
        f"went from {active.margin:.2f} to {candidate.margin:.2f} nats"
    )
    return Verdict(passed=not faults, reason=reason, active=active, candidate=candidate)
