"""What the model card says: held-out mutants answered by the GGUF itself, and the suites."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainer.data.samples import Sample
from trainer.evaluation import report, run_static
from trainer.evaluation.cases import SUITES
from trainer.starter.data import read_samples
from whetstone.engine.llama import LlamaEngine
from whetstone.paths import atomic_write_text
from whetstone.prompt import END, FIX, IMP, Prompt
from whetstone.settings import Settings

METRICS = "metrics.json"


def measure(out: Path, *, held: int = 2000) -> Path:
    """out/metrics.json: exact first answers per kind, and the suites with and without the model."""
    path = out / METRICS
    engine = LlamaEngine(out / "starter.gguf", model_id="starter")
    try:
        samples = list(read_samples([out / "samples" / "held.jsonl"]))[:held]
        settings = Settings()
        found: dict[str, Any] = {"held_out": exact_by_kind(engine, samples)}
        for suite in SUITES:
            results = [
                run_static(each, settings, suite=suite, clean=True) for each in (None, engine)
            ]
            found[suite] = report.to_json(results)
    finally:
        engine.close()
    atomic_write_text(path, json.dumps(found, indent=1) + "\n", mode=0o644)
    return path


def exact_by_kind(engine: LlamaEngine, samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """Kind -> how many greedy answers are exactly the original lines, of how many.

    The model alone: no rules, no proof, no second try.
    """
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"right": 0, "total": 0})
    for sample in samples:
        prompt = Prompt(text=sample.prompt, format="compact", stop=END, starts=(FIX, IMP))
        (answer,) = engine.generate(prompt, n=1, max_tokens=96)
        row = counts[sample.kind]
        row["total"] += 1
        row["right"] += answer.text + END == sample.answer
    return dict(sorted(counts.items()))


def load_metrics(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / METRICS).read_text(encoding="utf-8"))
    return found
