"""The stages of a run, each from what the one before it left on disk."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import AutoTokenizer

from export.comparison import table
from export.hf_to_gguf import CONFIG_HABITS_KEY, load_config
from export.importance import Importance
from export.lora import write_adapter
from export.merge import merge
from export.quantize import QUANTIZATIONS, export_gguf, next_larger, quantization_of
from export.verify import Comparison, LoraFiles, Verification, mean_hf_margin, verify_export
from trainer.base_model import check_format, find_base
from trainer.dpo.attention import choose_attention
from trainer.examples import Encoded, encode, pair_from_json
from trainer.gate import Scores, best_solved, decide, measure
from trainer.options import RetrainOptions
from trainer.rehearsal import rehearsal
from trainer.reporter import Reporter
from trainer.run_folder import RunFolder
from trainer.training import TrainingJob, train_dpo, train_sft
from trainer.types_table import importance_from, measure_types
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.load import open_model
from whetstone.errors import NotEnoughData
from whetstone.models.habits import Habits
from whetstone.models.hashing import sha256_of
from whetstone.preferences.records import Pair
from whetstone.prompt import FormatName, answer_text, render

if TYPE_CHECKING:
    from trainer.retrain import Tools

_VERIFY_PAIRS = 50  # enough for a mean; every one costs four forward passes


class TrainingStages:
    """The stages that train: done by all processes of a run, where it has several.

    Each method does one stage and returns the facts that state.json keeps of it.
    """

    def __init__(self, run: RunFolder, reporter: Reporter) -> None:
        self._run, self._reporter = run, reporter
        self._config = run.read_json("config.json")
        self._options = RetrainOptions.from_json(self._config["options"])
        self._format: FormatName = self._config["format"]

    @cached_property
    def _pairs(self) -> tuple[list[Pair], list[Pair]]:
        stored = self._run.read_json("pairs.json")
        return (
            [pair_from_json(row) for row in stored["train"]],
            [pair_from_json(row) for row in stored["held_out"]],
        )

    @cached_property
    def _base(self) -> Path:
        base = find_base(
            self._config["training_base"],
            Path(self._config["base_path"]),
            self._run.path / "base",
            insist=self._options.base is not None,
        )
        check_format(base, self._format)
        return base

    def get_ready(self) -> None:
        """Make what every process of a run reads: the base, where it is read back from a file."""
        assert self._base and self._encoded

    def sft(self) -> dict[str, Any]:
        attention = choose_attention()
        self._reporter.say(f"Training with {attention} on prompts that are computed once.")
        train_sft(self._job())
        return {"attention": attention, "encoded": self._counts}

    def dpo(self) -> dict[str, Any]:
        margins = train_dpo(self._job(), self._run.path / "sft")
        return {"learnt": {str(pair): round(margin, 4) for pair, margin in margins.items()}}

    def _job(self) -> TrainingJob:
        return TrainingJob(
            run=self._run,
            base=self._base,
            examples=self._encoded.examples,
            options=self._options,
            reporter=self._reporter,
            adapter=self._parent_adapter,
        )

    @property
    def _parent_adapter(self) -> Path | None:
        found = self._config["parent_adapter"]
        return None if found is None else Path(found)

    @cached_property
    def _encoded(self) -> Encoded:
        tokenizer = AutoTokenizer.from_pretrained(self._base)
        limit = min(self._options.max_length, load_config(self._base).max_position_embeddings)
        fixed = self._options.label_smoothing
        noise = self._config.get("noise", {})
        encoded = encode(
            self._pairs[0],
            tokenizer,
            self._format,
            max_length=limit,
            noise=noise if fixed is None else dict.fromkeys(noise, fixed),
        )
        if encoded.notice:
            self._reporter.say(encoded.notice)
        if not any(example.chosen for example in encoded.examples):
            raise NotEnoughData(
                "No triplet fits the model's context. Raise --max-length, or use a model with a "
                "longer context."
            )
        general = rehearsal(
            (*self._pairs[0], *self._pairs[1]),
            tokenizer,
            self._format,
            count=self._options.general_problems(len(encoded.examples)),
            max_length=limit,
            seed=self._options.seed,
        )
        return replace(encoded, examples=(*encoded.examples, *general))

    @property
    def _counts(self) -> dict[str, int]:
        examples = [example for example in self._encoded.examples if example.pair_id > 0]
        return {
            "rehearsal": len(self._encoded.examples) - len(examples),
            "pairs": sum(bool(e.chosen and e.rejected) for e in examples),
            "chosen_alone": sum(not e.rejected for e in examples),
            "rejected_alone": sum(not e.chosen for e in examples),
            "shortened": self._encoded.shortened,
            "dropped": self._encoded.dropped,
        }


class Stages(TrainingStages):
    """All stages of a run."""

    def __init__(self, run: RunFolder, tools: Tools) -> None:
        super().__init__(run, tools.reporter)
        self._tools = tools
        self._importances: dict[str, Importance | None] = {}  # by type

    def merge(self) -> dict[str, Any]:
        if self._config["adapter"]:
            return {}  # it stays what it is
        merged = merge(self._base, self._run.path / "dpo", self._run.path / "merged")
        config = load_config(merged)
        setattr(config, CONFIG_HABITS_KEY, self._config["habits"])
        config.save_pretrained(merged)
        return {}

    def export(self) -> dict[str, Any]:
        if self._config["adapter"]:
            return self._export_adapter()
        wanted = self._config["quantization"]
        quantization = wanted if wanted in QUANTIZATIONS else "q8_0"
        if quantization != wanted:
            self._reporter.say(f"{wanted} is not written by this version; using q8_0.")
        return self._export(quantization)

    def _export(self, quantization: str) -> dict[str, Any]:
        out, merged = self._run.path / "model.gguf", self._run.path / "merged"
        report = export_gguf(
            merged,
            out,
            quantization=quantization,
            name=self._run.name,
            importance=self._importance(quantization),
        )
        if report.fell_back:
            self._reporter.say(
                f"{len(report.fell_back)} matrices do not fit {quantization} and stay larger."
            )
        return {"export": {**asdict(report), "path": out.name}}

    def _importance(self, quantization: str) -> Importance | None:
        """Measured once for each type: a resumed run measures again."""
        if quantization not in self._importances:
            prompts = [render(pair.problem, self._format).text for pair in self._pairs[0]]
            self._importances[quantization] = importance_from(
                prompts,
                self._run.path / "merged",
                self._run.path / "model.gguf",
                quantization,
                self._reporter.say,
            )
        return self._importances[quantization]

    def _export_adapter(self) -> dict[str, Any]:
        out = self._run.path / "model.gguf"
        report = write_adapter(
            self._base,
            self._run.path / "dpo",
            out,
            name=self._run.name,
            habits=Habits.from_json(self._config["habits"]),
        )
        quantization = quantization_of(Path(self._config["base_path"]))
        return {"export": {**asdict(report), "path": out.name, "quantization": quantization}}

    def verify(self) -> dict[str, Any]:
        """Verify the file; while its type swallows what was learnt, export a larger one."""
        facts = {"export": self._run.state["export"]}
        while True:
            quantization = facts["export"]["quantization"]
            verification = self._verify(quantization)
            self._reporter.say(verification.summary)
            larger = None if self._config["adapter"] else next_larger(quantization)
            if not verification.swallowed or larger is None:
                types = self._types(quantization)
                return {**facts, "verification": verification.to_json(), "types": types}
            self._reporter.say(f"{quantization} swallows what was learnt: trying {larger}.")
            facts = self._export(larger)

    def _types(self, quantization: str) -> list[dict[str, Any]]:
        """The table of types, shown and for the report; an adapter is in none of them."""
        if self._config["adapter"]:
            return []
        rows = measure_types(
            self._run.path / "merged",
            self._run.path / "model.gguf",
            quantization,
            importance=self._importance(quantization),
            pairs=self._comparisons,
            margin_before=self._margin_before,
            say=self._reporter.say,
        )
        if rows:
            self._reporter.say(table(rows, quantization))
        return [row.to_json() for row in rows]

    def _verify(self, quantization: str) -> Verification:
        folder, path, lora = self._run.path / "merged", self._run.path / "model.gguf", None
        if self._config["adapter"]:
            lora = LoraFiles(folder=self._run.path / "dpo", path=path)
            folder, path = self._base, Path(self._config["base_path"])
        return verify_export(
            folder,
            path,
            quantization=quantization,
            pairs=self._comparisons,
            margin_before=self._margin_before,
            lora=lora,
        )

    @cached_property
    def _comparisons(self) -> list[Comparison]:
        return [self._comparison(pair) for pair in self._pairs[1][-_VERIFY_PAIRS:]]

    @cached_property
    def _margin_before(self) -> float | None:
        if not self._comparisons:
            return None
        return mean_hf_margin(self._base, self._comparisons, self._parent_adapter)

    def _comparison(self, pair: Pair) -> Comparison:
        assert pair.chosen is not None and pair.rejected is not None
        return Comparison(
            prompt=render(pair.problem, self._format),
            chosen=answer_text(pair.problem, pair.chosen, self._format),
            rejected=answer_text(pair.problem, pair.rejected, self._format),
        )

    def gate(self) -> dict[str, Any]:
        verification = self._run.state["verification"]
        if not verification["passed"]:
            reason = "the exported file failed verification: " + "; ".join(verification["problems"])
            verdict = {"answer": "worse", "passed": False, "reason": reason}
            return {"verdict": {**verdict, "active": None, "candidate": None}}
        registry = self._tools.registry
        active = registry.active()
        before = self._measure(open_model(active, registry.base_of(active)))
        after = self._measure(self._candidate())
        problems = {pair.id: pair.problem_id for pair in self._pairs[1]}
        best = best_solved(registry.lineage(active.name), before.total)
        return {"verdict": decide(before, after, problems, best=best).to_json()}

    def _candidate(self) -> LlamaEngine:
        path = self._run.path / "model.gguf"
        model_id = f"{self._run.name}@{sha256_of(path)[:8]}"
        if self._config["adapter"]:
            return LlamaEngine(Path(self._config["base_path"]), model_id=model_id, adapter=path)
        return LlamaEngine(path, model_id=model_id)

    def _measure(self, engine: LlamaEngine) -> Scores:
        self._reporter.say(f"Measuring {engine.model_id} ...")
        try:
            return measure(
                engine,
                self._pairs[1],
                self._tools.evaluate,
                limit=self._options.eval_limit,
            )
        finally:
            engine.close()
