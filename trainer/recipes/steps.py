"""The training steps of one seed: LoRA SFT, DPO on it, and more SFT beside that as the control."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from transformers import AutoTokenizer

from export.hf_to_gguf import load_config
from export.merge import merge
from export.quantize import export_gguf
from trainer.examples import encode
from trainer.options import RetrainOptions
from trainer.recipes.config import Recipe
from trainer.reporter import Reporter
from trainer.run_folder import RunFolder
from trainer.training import TrainingJob, train_dpo, train_sft
from trainer.triplets import policy
from trainer.triplets.failing import Broken
from trainer.triplets.programs import TrainingProgram
from trainer.triplets.triplet import Triplet
from whetstone.engine.llama import LlamaEngine
from whetstone.preferences.records import Pair

STAGES = ("sft", "dpo", "control")


def as_pair(number: int, triplet: Triplet) -> Pair:
    """A triplet as training reads it."""
    return Pair(
        id=number,
        suggestion_id="",
        problem_id=triplet.group,
        problem=triplet.problem,
        chosen=triplet.chosen,
        rejected=triplet.rejected,
        weight=triplet.weight,
        source=triplet.source,
        model_id="",
        created_at="",
    )


class SeedSteps:
    """Everything of one seed, in a folder of its own. Methods return facts for state.json."""

    def __init__(
        self, recipe: Recipe, base: Path, folder: Path, seed: int, reporter: Reporter
    ) -> None:
        self.recipe, self.base, self.seed, self.reporter = recipe, base, seed, reporter
        folder.mkdir(exist_ok=True)
        self.run = RunFolder(folder)
        if not (folder / "state.json").exists():
            self.run.finish("prepared")
        self.options: RetrainOptions = recipe.train.for_seed(seed)

    def sft(self, triplets: Sequence[Triplet]) -> dict[str, Any]:
        """LoRA on the chosen answers."""
        chosen = self._some(triplets, self.recipe.data.triplets)
        job = self._job(chosen)
        return {**self._timed(lambda: train_sft(job)), "triplets": len(job.examples)}

    def ask(
        self, broken: Sequence[Broken], programs: dict[str, TrainingProgram],
        tick: Callable[[], None],
    ) -> list[Triplet]:  # fmt: skip
        """Triplets of the SFT model's own answers to training problems."""
        data = self.recipe.data
        engine = LlamaEngine(self.run.path / "sft.gguf", model_id="sft")
        try:
            answered = policy.answer(
                engine, broken, programs, samples=data.samples, temperature=data.temperature,
                seed=self.seed, on_problem=tick,
            )  # fmt: skip
        finally:
            engine.close()
        return policy.triplets(answered, programs, unsolved=True)

    def dpo(self, pairs: Sequence[Triplet]) -> dict[str, Any]:
        """The SFT adapter on the pairs, the SFT model being the reference."""
        job = self._job(self._some(pairs, self.recipe.data.pairs))
        facts = self._timed(lambda: train_dpo(job, self.run.path / "sft"))
        last = [row for row in self.run.metrics() if row["stage"] == "dpo"]
        tail = last[-max(1, len(last) // 10) :]
        return {
            **facts,
            "pairs": len(job.examples),
            "beta": self.options.beta,
            **{name: _mean(tail, key) for name, key in
               (("kl", "kl"), ("margin", "rewards/margins"), ("preferred", "rewards/accuracies"))},
        }  # fmt: skip

    def control(self, pairs: Sequence[Triplet]) -> dict[str, Any]:
        """The SFT adapter on the chosen answers of the same pairs, as often, at the same rate."""
        job = dataclasses.replace(
            self._job(self._some(pairs, self.recipe.data.pairs)),
            options=dataclasses.replace(
                self.options,
                sft_epochs=self.options.dpo_epochs,
                sft_learning_rate=self.options.dpo_learning_rate,
            ),
            adapter=self.run.path / "sft",
        )
        facts = self._timed(lambda: train_sft(job, "control"))
        return {**facts, "answers": len(job.examples)}

    def export(self, stage: str) -> Path:
        """The merged model of a stage as a GGUF of the recipe's type."""
        merged = self.run.path / f"{stage}-merged"
        out = self.run.path / f"{stage}.gguf"
        merge(self.base, self.run.path / stage, merged)
        export_gguf(merged, out, quantization=self.recipe.quantization, name=stage)
        return out

    def _some(self, triplets: Sequence[Triplet], most: int) -> list[Triplet]:
        return Random(self.seed).sample(triplets, min(most, len(triplets)))

    def _job(self, triplets: Sequence[Triplet]) -> TrainingJob:
        limit = min(self.options.max_length, load_config(self.base).max_position_embeddings)
        encoded = encode(
            [as_pair(number, each) for number, each in enumerate(triplets)],
            AutoTokenizer.from_pretrained(self.base),
            self.recipe.format,
            max_length=limit,
        )
        if encoded.notice:
            self.reporter.say(encoded.notice)
        return TrainingJob(
            run=self.run,
            base=self.base,
            examples=encoded.examples,
            options=self.options,
            reporter=self.reporter,
        )

    def _timed(self, train: Callable[[], object]) -> dict[str, Any]:
        begin, cpu = time.perf_counter(), time.process_time()
        train()
        return {
            "train_s": round(time.perf_counter() - begin, 1),
            "train_cpu_s": round(time.process_time() - cpu, 1),
        }


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float:
    values = [float(row[key]) for row in rows if key in row]
    return round(sum(values) / max(1, len(values)), 4)
