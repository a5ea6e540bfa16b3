"""`trainer recipe run`: all steps in their order, each done once.

data, base -> before -> per seed: sft -> scores -> own answers -> dpo -> scores
                                                             -> control -> scores -> report
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from export.quantize import export_gguf
from trainer.evaluation.cases import spread
from trainer.evaluation.programs.sources import Program, own_programs, read_programs
from trainer.lock import training_lock
from trainer.recipes.base import fetch_base
from trainer.recipes.config import Recipe
from trainer.recipes.folder import RecipeFolder
from trainer.recipes.report import Experiment, write_report
from trainer.recipes.scores import Score, Suites, score
from trainer.recipes.steps import STAGES, SeedSteps
from trainer.reporter import Reporter
from trainer.run_folder import RunFolder
from trainer.triplets.build import BuildOptions, Sources, build, pick
from trainer.triplets.card import read_parquet
from trainer.triplets.contamination import evaluated
from trainer.triplets.failing import Broken
from trainer.triplets.parts import WorkFolder
from trainer.triplets.programs import TrainingProgram, read_training_programs
from trainer.triplets.triplet import Triplet
from whetstone.errors import NotEnoughData
from whetstone.paths import atomic_write_text
from whetstone.settings import Settings

OWN = "problems"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What one experiment is asked for.

    Attributes:
        base: a folder or hub repository instead of the recipe's.
        programs: training programs with tests; their mutants are the training data.
        static: static mutants beside them.
        suites: files of programs with failing tests, beside our own.
        limit: so many cases of each suite at most.
        command: as it was typed.
    """

    out: Path
    small: bool = False
    base: str | None = None
    programs: tuple[Path, ...] = ()
    program_limit: int | None = None
    static: int = 2000
    suites: tuple[Path, ...] = ()
    limit: int | None = None
    command: str = "trainer recipe run"

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """What a folder must have been begun with; more seeds may come later."""
        stored = dataclasses.asdict(self)
        del stored["out"], stored["command"]
        wanted = dataclasses.asdict(recipe)
        del wanted["seeds"]
        return json.loads(json.dumps({**stored, "recipe": wanted}, default=str))  # type: ignore[no-any-return]


def run_recipe(recipe: Recipe, options: RunOptions, settings: Settings, reporter: Reporter) -> Path:
    """Carry the experiment through, or on; returns the table's path.

    Raises:
        AlreadyRunning: another training runs in this folder.
        NotEnoughData: nothing came to train on.
        TrainingError: a step failed; the same call goes on from there.
    """
    folder = RecipeFolder(options.out, options.settings(recipe))
    with training_lock(options.out, "trainer recipe run"):
        return _Run(recipe, options, settings, reporter, folder).all()


class _Run:
    def __init__(
        self, recipe: Recipe, options: RunOptions, settings: Settings, reporter: Reporter,
        folder: RecipeFolder,
    ) -> None:  # fmt: skip
        self.recipe, self.options, self.settings = recipe, options, settings
        self.reporter, self.folder = reporter, folder

    def all(self) -> Path:
        self._step("data", self._data)
        self._step("before", self._before)
        for seed in self.recipe.seeds:
            steps = SeedSteps(
                self.recipe, self._base, self.folder.path / f"seed-{seed}", seed, self.reporter
            )
            self._seed(seed, steps)
        return self._report()

    def _seed(self, seed: int, steps: SeedSteps) -> None:
        self._step(f"seed {seed}: sft", lambda: steps.sft(self._triplets))
        self._measured(seed, "sft", steps)
        self._step(f"seed {seed}: own answers", lambda: self._ask(seed, steps))
        pairs = self._pairs(seed)
        self._step(f"seed {seed}: dpo", lambda: steps.dpo(pairs))
        self._measured(seed, "dpo", steps)
        self._step(f"seed {seed}: control", lambda: steps.control(pairs))
        self._measured(seed, "control", steps)

    def _step(self, name: str, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        if name not in self.folder.done:
            self.reporter.say(f"{self.recipe.name}: {name} ...")
        return self.folder.step(name, work)

    # -- data and base ----------------------------------------------------------------------------

    @cached_property
    def _programs(self) -> list[TrainingProgram]:
        found = [each for path in self.options.programs for each in read_training_programs(path)]
        return list(spread(found, self.options.program_limit))

    def _data(self) -> dict[str, Any]:
        built = build(
            BuildOptions(
                out=self.folder.path / "data",
                static=self.options.static,
                format=self.recipe.format,
                command=f"trainer recipe run {self.recipe.name}",
            ),
            Sources(programs=self._programs, against=evaluated(self.options.suites)),
            tick=self._tick,
        )
        return {
            "triplets": built.card["triplets"],
            "sources": built.card["counts"]["source"],
            "left_out": built.card["left_out"],
        }

    def _tick(self, what: str, done: int, total: int) -> None:
        self.reporter.step(what, done, total, {})

    @cached_property
    def _triplets(self) -> list[Triplet]:
        return read_parquet(self.folder.path / "data" / "triplets.parquet")

    @cached_property
    def _by_id(self) -> dict[str, TrainingProgram]:
        return {program.id: program for program in self._programs}

    @cached_property
    def _broken(self) -> list[Broken]:
        """Mutants of training programs, in an order of no meaning."""
        parts = sorted((self.folder.path / "data" / "parts").glob("broken-*.jsonl"))
        rows = [line for part in parts for line in part.read_text("utf-8").split("\n") if line]
        found = [Broken.from_json(json.loads(row)) for row in rows]
        return [each for each in found if not self._by_id[each.program].held_out]

    @cached_property
    def _base(self) -> Path:
        return fetch_base(
            self.recipe, self.folder.path / "base", small=self.options.small,
            given=self.options.base,
        )  # fmt: skip

    # -- measuring --------------------------------------------------------------------------------

    @cached_property
    def _suites(self) -> Suites:
        programs: dict[str, Sequence[Program]] = {OWN: own_programs()}
        programs |= {path.stem: read_programs(path) for path in self.options.suites}
        held_file = self.folder.path / "data" / "held-out.jsonl"
        rows = held_file.read_text(encoding="utf-8").split("\n")
        held = [Broken.from_json(json.loads(row)) for row in rows if row]
        wanted = self.recipe.evaluate.held_out
        return Suites(
            programs=programs,
            held_out=spread(held, min(self.options.limit or len(held), wanted)),
            training=self._by_id,
            options=self.recipe.evaluate,
            surveys=self.folder.path / "surveys.jsonl",
            limit=self.options.limit,
        )

    def _before(self) -> dict[str, Any]:
        file = self.folder.path / "before.gguf"
        export_gguf(self._base, file, quantization=self.recipe.quantization, name="before")
        self._measure("before", file)
        return {"base": self._base_name()}

    def _base_name(self) -> str:
        if self.options.base is not None:
            return self.options.base
        if self.options.small:
            return f"random weights in the architecture of {self.recipe.base}"
        if self.recipe.base == "starter":
            from whetstone.models import Registry

            return Registry().resolve("starter").model_id
        return self.recipe.base

    def _measured(self, seed: int, stage: str, steps: SeedSteps) -> None:
        name = f"seed {seed}: {stage}"

        def work() -> dict[str, Any]:
            self._measure(name, steps.export(stage))
            return {}

        self._step(f"{name} measured", work)
        self._report()  # what there is so far: the next step may take hours

    def _measure(self, name: str, model: Path) -> None:
        found = score(model, self._suites, self.settings, self._tick)
        atomic_write_text(self._score_file(name), json.dumps(found) + "\n")

    def _score_file(self, name: str) -> Path:
        return self.folder.path / f"scores-{name.replace(': ', '-').replace(' ', '-')}.json"

    def _scores(self, name: str) -> dict[str, Score]:
        found: dict[str, Score] = json.loads(self._score_file(name).read_text(encoding="utf-8"))
        return found

    # -- the model's own answers ------------------------------------------------------------------

    def _own_answers(self, seed: int) -> WorkFolder:
        return WorkFolder(self.folder.path / f"seed-{seed}" / "own-answers", {"seed": seed})

    def _ask(self, seed: int, steps: SeedSteps) -> dict[str, Any]:
        asked = pick(self._broken, self.recipe.data.asked, seed + 1)
        done = 0

        def one() -> None:
            nonlocal done
            done += 1
            self._tick("own answers", done, len(asked))

        found = steps.ask(asked, self._by_id, one)
        self._own_answers(seed).write("triplets", found)
        solved = sum(each.chosen_is == "own" for each in found)
        return {"asked": len(asked), "triplets": len(found), "solved_in_some": solved}

    def _pairs(self, seed: int) -> list[Triplet]:
        """Own answers first: all those solved in some tries, then others, then near misses."""
        own = self._own_answers(seed).read("triplets", Triplet.from_json)
        own.sort(key=lambda each: each.chosen_is != "own")  # stable
        asked = {each.question() for each in own}
        rest = [each for each in self._triplets if each.question() not in asked]
        pairs = [*own, *rest][: self.recipe.data.pairs]
        if not pairs:
            raise NotEnoughData("There are no triplets to train on. Give --programs or --static.")
        return pairs

    # -- the end ----------------------------------------------------------------------------------

    def _report(self) -> Path:
        done = self.folder.done
        seeds = list(self.recipe.seeds)
        metrics = {seed: RunFolder(self.folder.path / f"seed-{seed}").metrics() for seed in seeds}
        runs = {"before": [self._scores("before")]}
        for stage in STAGES:
            names = (f"seed {seed}: {stage}" for seed in seeds)
            runs[stage] = [self._scores(name) for name in names if f"{name} measured" in done]
        experiment = Experiment(
            recipe=self.recipe,
            runs=runs,
            steps=done,
            metrics=metrics,
            facts={
                "data": done["data"],
                "base": done["before"]["base"],
                "command": self.options.command,
                "seeds": seeds,
                "written": datetime.now(UTC).isoformat(timespec="minutes"),
            },
        )
        return write_report(experiment, self.folder.path / "report")
