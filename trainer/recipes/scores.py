"""One model on all suites: which bugs it fixes, on the path that serves the editor."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.programs.attempt import Budget
from trainer.evaluation.programs.sources import Program
from trainer.evaluation.programs.suite import Surveys, run_programs
from trainer.evaluation.static_suite import run_static
from trainer.recipes.config import EvaluateOptions
from trainer.triplets.failing import Broken
from trainer.triplets.policy import answer
from trainer.triplets.programs import TrainingProgram
from whetstone.engine.base import Engine
from whetstone.engine.llama import LlamaEngine
from whetstone.settings import Settings

STATIC = "static"
HELD_FIRST, HELD_ANY = "held-out mutants, first answer", "held-out mutants, any answer"

Score = dict[str, Any]  # {"right": {case: bool}, "kinds": {case: kind}}
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suites:
    """What every model of an experiment is measured on.

    Attributes:
        programs: by suite, programs with failing tests.
        held_out: mutants of programs that nothing was trained on; `training` has their tests.
        limit: so many cases of each suite at most; None for all.
    """

    programs: Mapping[str, Sequence[Program]]
    held_out: Sequence[Broken]
    training: Mapping[str, TrainingProgram]
    options: EvaluateOptions
    surveys: Path
    limit: int | None = None


def score(model: Path, suites: Suites, settings: Settings, tick: Tick) -> dict[str, Score]:
    """By suite, what the model in this file fixes.

    Raises:
        EngineError: the model failed.
        SandboxError: programs could not be run.
    """
    engine = LlamaEngine(model, model_id=model.stem)
    try:
        found = {
            name: _programs(engine, name, programs, suites, settings, tick)
            for name, programs in suites.programs.items()
        }
        found[STATIC] = _static(engine, suites, settings, tick)
        if suites.held_out:
            found |= _held_out(engine, suites, tick)
        return found
    finally:
        engine.close()


def _programs(
    engine: Engine, name: str, programs: Sequence[Program], suites: Suites, settings: Settings,
    tick: Tick,
) -> Score:  # fmt: skip
    result = run_programs(
        engine,
        settings,
        programs,
        suite=name,
        budget=dataclasses.replace(Budget(), tries=suites.options.tries),
        limit=suites.limit,
        surveys=Surveys(suites.surveys),
        on_program=lambda done, total: tick(name, done, total),
    )
    return {
        "right": {a.id: ok for a, ok in zip(result.attempts, result.proved(), strict=True)},
        "kinds": {a.id: a.kind for a in result.attempts},
        "shown": result.shown(),
        "pass_at_1": result.pass_at(1),
        f"pass_at_{suites.options.tries}": result.pass_at(suites.options.tries),
    }


def _static(engine: Engine, suites: Suites, settings: Settings, tick: Tick) -> Score:
    result = run_static(
        engine, settings, limit=suites.limit, on_case=lambda done, total: tick(STATIC, done, total)
    )
    return {
        "right": {each.case: each.verdict == "right" for each in result.outcomes},
        "kinds": {each.case: each.group for each in result.outcomes},
    }


def _held_out(engine: Engine, suites: Suites, tick: Tick) -> dict[str, Score]:
    """The model alone, told the line: no rules, no proof, no search for the place."""
    done = 0

    def one() -> None:
        nonlocal done
        done += 1
        tick("held-out", done, len(suites.held_out))

    answered = answer(
        engine, suites.held_out, suites.training, samples=suites.options.samples,
        temperature=0.8, seed=0, on_problem=one,
    )  # fmt: skip
    names = [f"{number}: {each.broken.program}" for number, each in enumerate(answered)]
    kinds = {name: each.broken.kind for name, each in zip(names, answered, strict=True)}
    return {
        HELD_FIRST: {
            "right": {n: each.greedy_right for n, each in zip(names, answered, strict=True)},
            "kinds": kinds,
        },
        HELD_ANY: {
            "right": {n: each.solved for n, each in zip(names, answered, strict=True)},
            "kinds": kinds,
        },
    }
