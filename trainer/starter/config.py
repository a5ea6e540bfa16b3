"""One TOML file per size, read into frozen values."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from whetstone.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusOptions:
    per_package: int
    per_file: int
    templates: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    train: int
    runtime: int  # mutants of the templates that a run told of
    held: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    tokens: int
    row_tokens: int
    rows: int
    processes: int
    matrix_lr: float
    other_lr: float
    warmup_steps: int
    decay: float
    prompt_loss: float
    checkpoint_s: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterConfig:
    """`model` holds the arguments of transformers' Qwen2Config."""

    size: str
    corpus: CorpusOptions
    samples: SampleOptions
    model: dict[str, Any]
    train: TrainOptions


def sizes() -> list[str]:
    folder = resources.files("trainer.starter")
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name[-5:] == ".toml")


def load_config(size: str) -> StarterConfig:
    """Raises UsageError when there is no such size."""
    if size not in sizes():
        raise UsageError(f"--size {size}: not known. Choose one of {', '.join(sizes())}.")
    text = resources.files("trainer.starter").joinpath(f"{size}.toml").read_text(encoding="utf-8")
    tree = tomllib.loads(text)
    return StarterConfig(
        size=size,
        corpus=CorpusOptions(**tree["corpus"]),
        samples=SampleOptions(**tree["samples"]),
        model=tree["model"],
        train=TrainOptions(**tree["train"]),
    )
