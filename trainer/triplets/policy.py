"""On-policy triplets: a model's own answers to training problems, told apart by running them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainer.evaluation.programs.batch import Verdict, run_batch
from trainer.triplets.failing import Broken, job_of
from trainer.triplets.programs import TrainingProgram
from trainer.triplets.triplet import Rejected, Triplet
from whetstone.engine.base import Cancel, Engine, PromptTooLong
from whetstone.problem import Replacement
from whetstone.prompt import FORMATS, parse, render

MAX_TOKENS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One different answer of the model; number 0 is its greedy one."""

    replacement: Replacement
    number: int
    logprob: float
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A problem with the model's answers to it, the likeliest first."""

    broken: Broken
    answers: tuple[Answer, ...]

    @property
    def solved(self) -> bool:
        return any(answer.verdict.right for answer in self.answers)

    @property
    def greedy_right(self) -> bool:
        return any(a.number == 0 and a.verdict.right for a in self.answers)


def answer(
    engine: Engine,
    problems: Sequence[Broken],
    programs: Mapping[str, TrainingProgram],
    *,
    samples: int,
    temperature: float,
    seed: int,
    cancel: Cancel | None = None,
    on_problem: Callable[[], None] = lambda: None,
) -> list[Answered]:
    """Ask the model about each problem and run what it says.

    Raises:
        EngineError: the model failed.
        SandboxError: the answers could not be run.
        Cancelled: `cancel` was set.
    """
    asked = []
    for number, broken in enumerate(problems):
        asked.append(_ask(engine, broken, samples, temperature, seed + number, cancel))
        on_problem()
    jobs = [
        job_of(
            programs[broken.program],
            broken.mended(broken.answer),
            *(broken.mended(r) for r, _, _ in answers),
        )
        for broken, answers in zip(problems, asked, strict=True)
    ]
    found = []
    for broken, answers, verdicts in zip(problems, asked, run_batch(jobs, cancel), strict=True):
        judged = [
            Answer(replacement=r, number=number, logprob=logprob, verdict=verdict)
            for (r, number, logprob), verdict in zip(answers, verdicts[1:], strict=True)
        ]
        judged.sort(key=lambda each: -each.logprob)
        found.append(Answered(broken=broken, answers=tuple(judged)))
    return found


def _ask(
    engine: Engine, broken: Broken, samples: int, temperature: float, seed: int,
    cancel: Cancel | None,
) -> list[tuple[Replacement, int, float]]:  # fmt: skip
    """Different answers, each with its number and likelihood."""
    format = next(name for name in FORMATS if name == engine.prompt_format)
    found: dict[Replacement, tuple[Replacement, int, float]] = {}
    try:
        completions = engine.generate(
            render(broken.problem, format), n=samples, max_tokens=MAX_TOKENS,
            temperature=temperature, seed=seed, cancel=cancel,
        )  # fmt: skip
        for completion in completions:
            replacement = parse(completion.text, broken.problem, format)
            if completion.finish == "stop" and replacement is not None:
                known = found.get(replacement)
                if known is None or completion.number < known[1]:
                    found[replacement] = (replacement, completion.number, completion.logprob)
    except PromptTooLong:
        return []
    return list(found.values())


def triplets(
    answered: Sequence[Answered],
    programs: Mapping[str, TrainingProgram],
    *,
    unsolved: bool,
) -> list[Triplet]:
    """The likeliest right answer against the wrong one that is worth most.

    Args:
        unsolved: also problems without a right answer among them, the original lines chosen.
    """
    return [
        triplet for each in answered
        if (triplet := _triplet(each, programs[each.broken.program], unsolved)) is not None
    ]  # fmt: skip


def _triplet(each: Answered, program: TrainingProgram, unsolved: bool) -> Triplet | None:
    wrong = [a for a in each.answers if not a.verdict.right]
    if not wrong or not (each.solved or unsolved):
        return None
    # Stable: the likeliest of those that are worth the same.
    rejected = min(wrong, key=lambda a: (_unchanged(each.broken, a), not a.verdict.visible_passed))
    own = next((a.replacement for a in each.answers if a.verdict.right), None)
    return Triplet(
        source="policy",
        group=program.id,
        origin=program.origin,
        licence=program.licence,
        kind=each.broken.kind,
        problem=each.broken.problem,
        chosen=own or each.broken.answer,
        rejected=rejected.replacement,
        rejected_is=_rejected(each.broken, rejected),
        chosen_is="own" if own else "original",
        chosen_by="tests",
    )


def _unchanged(broken: Broken, answer: Answer) -> bool:
    return answer.replacement.lines == broken.problem.flagged


def _rejected(broken: Broken, answer: Answer) -> Rejected:
    if _unchanged(broken, answer):
        return "unchanged"
    return "looks right" if answer.verdict.visible_passed else "own wrong"
