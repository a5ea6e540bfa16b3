"""One TOML file per recipe, read into frozen values."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from trainer.options import RetrainOptions
from whetstone.errors import UsageError
from whetstone.prompt import FormatName


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallModel:
    """A model of random weights that stands for the true one, so that every step can be tried."""

    family: Literal["qwen2", "llama"]
    tied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """How much is trained on; see the comments in the TOML files."""

    triplets: int
    asked: int
    samples: int
    temperature: float
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What both trainings can be told; the names are those of `RetrainOptions`."""

    lora_rank: int
    batch_size: int
    max_length: int
    sft_epochs: float
    sft_learning_rate: float
    dpo_epochs: float
    dpo_learning_rate: float
    beta: float
    sft_weight: float
    max_kl: float

    def for_seed(self, seed: int) -> RetrainOptions:
        return RetrainOptions(**dataclasses.asdict(self), seed=seed, lora_alpha=2 * self.lora_rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """Tries per program with a failing test; held-out mutants and answers to each."""

    tries: int
    held_out: int
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`base` is "starter", a hub repository or a folder."""

    name: str
    title: str
    base: str
    format: FormatName
    quantization: str
    seeds: tuple[int, ...]
    small: SmallModel
    data: DataOptions
    train: TrainOptions
    evaluate: EvaluateOptions


def names() -> list[str]:
    folder = resources.files("trainer.recipes")
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name[-5:] == ".toml"
    )


def load_recipe(name: str) -> Recipe:
    """Raises UsageError when there is no such recipe."""
    if name not in names():
        raise UsageError(f"{name}: no such recipe. Choose one of {', '.join(names())}.")
    text = resources.files("trainer.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    tree: dict[str, Any] = tomllib.loads(text)
    return Recipe(
        name=name,
        **{
            **tree,
            "seeds": tuple(tree["seeds"]),
            "small": SmallModel(**tree["small"]),
            "data": DataOptions(**tree["data"]),
            "train": TrainOptions(**tree["train"]),
            "evaluate": EvaluateOptions(**tree["evaluate"]),
        },
    )


def shrunk(recipe: Recipe) -> Recipe:
    """Every step, with as little as shows that it works."""
    return dataclasses.replace(
        recipe,
        quantization="q8_0",
        data=dataclasses.replace(recipe.data, triplets=48, asked=12, samples=4, pairs=24),
        train=dataclasses.replace(
            recipe.train,
            lora_rank=4,
            batch_size=8,
            max_length=512,
            sft_learning_rate=1e-3,
            dpo_learning_rate=1e-3,
        ),
        evaluate=EvaluateOptions(tries=2, held_out=8, samples=2),
    )
