"""The model card: what the model is, how it was made, and what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainer.evaluation.statistics import wilson
from trainer.starter.config import StarterConfig
from trainer.starter.measure import load_metrics
from trainer.starter.model import make_model
from whetstone.paths import atomic_write_text

CONTINUED = "continued_from.txt"  # the name of what the weights began as, if they were not random


def write_card(config: StarterConfig, out: Path) -> Path:
    """out/MODEL_CARD.md."""
    path = out / "MODEL_CARD.md"
    last = (out / "train.jsonl").read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
    training = json.loads(last)
    with np.load(out / "tokens.npz") as arrays:
        training["samples"] = len(arrays["ends"])
    if (out / CONTINUED).exists():
        training["continued"] = (out / CONTINUED).read_text(encoding="utf-8").strip()
    text = render(config, load_metrics(out), training, _parameters(config))
    atomic_write_text(path, text, mode=0o644)
    return path


def _parameters(config: StarterConfig) -> int:
    return sum(weight.numel() for weight in make_model(config).parameters())


def render(
    config: StarterConfig, metrics: dict[str, Any], training: dict[str, Any], parameters: int
) -> str:
    """The card as Markdown; every number comes from the arguments."""
    return "\n".join(
        [
            f"# The starter model, `{config.size}`",
            "",
            f"A Qwen2-architecture model of {parameters / 1e6:.1f} million parameters that answers "
            "one question: which lines should stand in place of the flagged ones? It was grown "
            "from random weights on bugs made by mutating real Python code, and ships inside "
            "Whetstone so that everything works without a download. It knows nothing else, and a "
            "larger model (`whetstone models pull`) knows more.",
            "",
            *_training(config, training),
            *_suite(metrics["static"], _STATIC),
            *_suite(metrics["realistic"], _REALISTIC),
            *_held(metrics["held_out"]),
            "## Limits",
            "",
            "It sees eight lines above and four below the flagged ones. It has read Python only, "
            "in English. Its answers are shown only after the file was checked with them; judged "
            "without those checks it is often wrong.",
            "",
        ]
    )


_STATIC = (
    "Hand-written bugs, on the path that serves the editor",
    "written by hand before any result was seen, one static bug in each, judged by a test of what "
    "the file should do. This set served to develop rules and data (what was shown wrong here was "
    "looked at), so it says little about other files; the next one was left alone.",
)
_REALISTIC = (
    "Realistic files that nothing was tuned to",
    "written by hand after the first model and its rules. No sample, rule or threshold was derived "
    "from them; the names of the classes in which the first model was weak were known.",
)


def _training(config: StarterConfig, training: dict[str, Any]) -> list[str]:
    shape = config.model
    return [
        "## How it was made",
        "",
        f"`trainer starter --size {config.size}{_source(training)}`, on CPU: "
        f"{training['tokens'] / 1e6:.1f} million tokens in {training['seconds'] / 60:.0f} minutes, "
        f"answer loss at the end {training['answer_loss']:.3f} nats per token.{_begun(training)}",
        "",
        f"- {shape['num_hidden_layers']} layers, hidden {shape['hidden_size']}, feed-forward "
        f"{shape['intermediate_size']}, {shape['num_attention_heads']} heads, "
        f"{shape['vocab_size']} tokens (byte-level BPE behind Qwen2's splitter), tied embeddings.",
        f"- Drawn from {training['samples']} mutants of functions and classes of the standard "
        "library and of permissively licensed packages, and of our own templates of beginners' "
        "code. Each was checked: the mutant gives the diagnostic in the prompt, the original does "
        "not. No text of theirs is in the repository.",
        "- Which kinds of bugs there are was chosen from catalogues, not from test files: what "
        "CPython 3.11 to 3.13 can say about a file that does not compile, the ruff rules that the "
        "server shows, and the errors that a run of our templates raises, as far as a fix follows "
        "from the file (docs/training.md).",
        "- Split by package: nothing of a held-out package was trained on.",
        "",
    ]


def _source(training: dict[str, Any]) -> str:
    return f" --from {training['continued']}" if "continued" in training else ""


def _begun(training: dict[str, Any]) -> str:
    if "continued" not in training:
        return ""
    return (
        f" It did not begin with random weights but with those of `{training['continued']}`, the "
        "model that shipped before (15.9 million tokens)."
    )


def _suite(suite: dict[str, Any], words: tuple[str, str]) -> list[str]:
    rules, model = suite["models"]
    title, how = words
    lines = [
        f"## {title}",
        "",
        f"`trainer evaluate --suite {suite['suite']}` ({suite['machine']}): "
        f"{model['pass_at_1']['total']} files {how} 95 % intervals in brackets.",
        "",
        "| | rules alone | rules and model |",
        "|---|---|---|",
    ]
    for key, name in (
        ("pass_at_1", "first fix right"),
        ("within_k", "a right one among four"),
        ("shown_precision", "of what is shown, right"),
        ("silent_share", "nothing shown"),
    ):
        lines.append(f"| {name} | {_share(rules[key])} | {_share(model[key])} |")
    lines += ["", "| bugs in | rules alone | rules and model |", "|---|---|---|"]
    for group, row in sorted(model["by_group"].items()):
        before = rules["by_group"][group]
        after = _counted(row["right"], row["total"])
        lines.append(f"| {group} | {before['right']} of {before['total']} | {after} |")
    return [*lines, ""]


def _held(held: dict[str, dict[str, int]]) -> list[str]:
    total = {key: sum(row[key] for row in held.values()) for key in ("right", "total")}
    lines = [
        "## Held-out mutants, the model alone",
        "",
        "Greedy answers that are exactly the original lines, in packages never trained on; "
        "no rules, no proof, no second try. A right answer that differs counts as wrong.",
        "",
        "| kind | exact |",
        "|---|---|",
    ]
    lines += [f"| {kind} | {_counted(row['right'], row['total'])} |" for kind, row in held.items()]
    return [*lines, f"| **all** | {_counted(total['right'], total['total'])} |", ""]


def _share(row: dict[str, Any]) -> str:
    return _counted(row["count"], row["total"])


def _counted(count: int, total: int) -> str:
    if not total:
        return "0 of 0"
    low, high = wilson(count, total)
    return f"{count} of {total}, {count / total:.0%} ({low * 100:.0f}–{high * 100:.0f})"
