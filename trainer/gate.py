"""May the new model serve? Both files go through the engine that serves, on the same questions.

Two tests, both paired: McNemar's on the evaluation problems, and the sequential test on held-out
problems, where a model has to prefer what the user chose. Only a model that was shown to be better
is promoted: when the data cannot tell, the active one stays.

A taste is learnt without fixing more, and any training turns a few of the evaluation problems over,
to either side. So a clear preference passes with `TOLERANCE` of them lost on balance; counted from
the best of the model's ancestors, lest many retrains lose a little each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from trainer.evaluation.statistics import mcnemar
from trainer.sequential import LEVEL, Answer, Evidence, sequential_test
from whetstone.engine.base import Engine, PromptTooLong
from whetstone.models.entry import ModelEntry
from whetstone.preferences.records import Pair
from whetstone.prompt import FORMATS, FormatName, answer_text, render


class Case(Protocol):
    """What became of one evaluation problem; "right" is the verdict that counts."""

    @property
    def case(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def verdict(self) -> str: ...


class Measured(Protocol):
    """What an evaluation suite returns."""

    @property
    def outcomes(self) -> Sequence[Case]: ...


TOLERANCE = 0.02  # of the evaluation problems: 1 of 77, and none below 50

# (the model, how many problems or None for all)
Evaluate = Callable[[Engine, int | None], Measured]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One model: which problems it fixed, and its margin on each held-out pair in nats.

    Attributes:
        kinds: of every problem, by name.
        right: the names of those it fixed.
        margins: by pair, log p(chosen) - log p(rejected).
    """

    model_id: str
    kinds: Mapping[str, str]
    right: frozenset[str]
    margins: Mapping[int, float]

    @property
    def solved(self) -> int:
        return len(self.right)

    @property
    def total(self) -> int:
        return len(self.kinds)

    @property
    def margin(self) -> float:
        return _mean(self.margins.values())

    @property
    def accuracy(self) -> float:
        """Share of held-out pairs whose chosen answer it finds likelier than the rejected one."""
        return _mean(margin > 0 for margin in self.margins.values())

    def summary(self) -> dict[str, Any]:
        return {
            "model_id": self.model_id,
            "solved": self.solved,
            "total": self.total,
            "margin": self.margin,
            "accuracy": self.accuracy,
        }


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / max(1, len(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reason` is one sentence for the user.

    Attributes:
        gained, lost: problems that only the new model fixed, and only the active one.
        least: problems that it must fix to be promoted.
        p_problems: McNemar's p-value that both are equally good at them.
        held_out: problems whose pairs were held out.
        improved: of these, how many moved towards the user's choice.
    """

    answer: Answer
    reason: str
    active: Scores
    candidate: Scores
    gained: int
    lost: int
    least: int
    p_problems: float
    preference: Evidence
    held_out: int
    improved: int

    @property
    def passed(self) -> bool:
        return self.answer == "better"

    def to_json(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "passed": self.passed,
            "reason": self.reason,
            "active": self.active.summary(),
            "candidate": self.candidate.summary(),
            "gained": self.gained,
            "lost": self.lost,
            "least": self.least,
            "p_problems": self.p_problems,
            "preference": asdict(self.preference),
            "held_out": self.held_out,
            "improved": self.improved,
            "cases": [
                {
                    "case": name,
                    "kind": kind,
                    "before": name in self.active.right,
                    "after": name in self.candidate.right,
                }
                for name, kind in self.active.kinds.items()
            ],
            "pairs": [
                {"pair": pair, "before": before, "after": self.candidate.margins[pair]}
                for pair, before in self.active.margins.items()
            ],
        }


def measure(
    engine: Engine, pairs: Sequence[Pair], evaluate: Evaluate, *, limit: int | None = None
) -> Scores:
    """Score one model. Pairs whose prompt does not fit its context count as margin 0."""
    outcomes = evaluate(engine, limit).outcomes
    return Scores(
        model_id=engine.model_id,
        kinds={outcome.case: outcome.kind for outcome in outcomes},
        right=frozenset(outcome.case for outcome in outcomes if outcome.verdict == "right"),
        margins={pair.id: _margin(engine, pair) for pair in pairs},
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


def best_solved(lineage: Sequence[ModelEntry], total: int) -> int:
    """The most problems that any of these models fixed when all `total` were asked; 0 of none."""
    measured = (
        scores for entry in lineage for name in ("candidate", "active")
        if (scores := entry.metrics.get(name))
    )  # fmt: skip
    return max((int(s["solved"]) for s in measured if s.get("total") == total), default=0)


def decide(
    active: Scores, candidate: Scores, problems: Mapping[int, str], *, best: int = 0
) -> Verdict:
    """The rule, and the reason in words.

    Args:
        problems: by pair, the problem it is about. Pairs of one problem are no independent
            witnesses: they speak with one voice, their mean.
        best: problems that the best of the active model's ancestors fixed.
    """
    gained = len(candidate.right - active.right)
    lost = len(active.right - candidate.right)
    differences = _per_problem(active, candidate, problems)
    facts: dict[str, Any] = {
        "active": active,
        "candidate": candidate,
        "gained": gained,
        "lost": lost,
        "least": max(active.solved, best) - _spare(active.total),
        "p_problems": mcnemar(gained, lost),
        "preference": sequential_test(differences),
        "held_out": len(differences),
        "improved": sum(difference > 0 for difference in differences),
    }
    draft = Verdict(answer="undecided", reason="", **facts)
    answer = _answer(draft)
    return Verdict(answer=answer, reason=_reason(draft, answer), **facts)


def _spare(total: int) -> int:
    """How many of the evaluation problems a clear preference may cost."""
    return int(TOLERANCE * total)


def _per_problem(active: Scores, candidate: Scores, problems: Mapping[int, str]) -> list[float]:
    """The mean change of the margin per held-out problem, in the order of the pairs."""
    changes: dict[str, list[float]] = {}
    for pair, before in active.margins.items():
        changes.setdefault(problems[pair], []).append(candidate.margins[pair] - before)
    return [_mean(values) for values in changes.values()]


def _answer(verdict: Verdict) -> Answer:
    surely = verdict.p_problems < LEVEL
    fewer, more = verdict.lost > verdict.gained, verdict.gained > verdict.lost
    if verdict.preference.answer == "worse" or (fewer and surely):
        return "worse"
    if verdict.candidate.solved < verdict.least:
        return "undecided"  # perhaps by chance; but a doubt is no reason to promote
    if verdict.preference.answer == "better" or (more and surely):
        return "better"
    return "undecided"


def _reason(verdict: Verdict, answer: Answer) -> str:
    fixes = (
        f"it fixes {verdict.candidate.solved} of {verdict.candidate.total} evaluation problems, "
        f"the active model {verdict.active.solved} ({verdict.gained} gained, {verdict.lost} lost"
        f", p = {verdict.p_problems:.2g})"
    )
    least, active = verdict.least, verdict.active
    if verdict.candidate.solved < least and least > active.solved - _spare(active.total):
        fixes += f"; an earlier model fixed more, so that {least} are asked"
    parts = [fixes, _preference(verdict)]
    if answer == "undecided":
        return "not enough data to tell whether it is better: " + "; ".join(parts)
    return ("it is worse: " if answer == "worse" else "") + "; ".join(parts)


def _preference(verdict: Verdict) -> str:
    if not verdict.held_out:
        return "there are no held-out pairs"
    found = verdict.preference
    side, odds = ("against", found.worse) if found.worse > found.better else ("for", found.better)
    return (
        f"its preference margin on held-out pairs went from {verdict.active.margin:.2f} to "
        f"{verdict.candidate.margin:.2f} nats, up on {verdict.improved} of {verdict.held_out} "
        f"problems (odds {side} it {odds:.1f} to 1; {1 / LEVEL:.0f} to 1 decides)"
    )
