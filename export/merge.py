"""Fold a LoRA adapter into its base model, one tensor at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer

from export.adapter import Adapter
from export.hf_to_gguf import Weights
from export.shards import save_shards
from whetstone.errors import TrainingError


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write the Hugging Face folder `out` = `base` with `adapter` added, in the base's precision.

    The sum is computed in 32 bit. At most one shard of the model is in memory, so a model larger
    than the memory can be merged.

    Raises:
        TrainingError: the adapter belongs to another model, holds NaN, or `out` cannot be written.
    """
    weights, added = Weights(base), Adapter(adapter)
    changes = added.changes()
    if foreign := sorted(changes.keys() - set(weights)):
        raise TrainingError(
            f"{adapter}: changes {foreign[0]}, which {base} does not have. "
            "It was trained on another model."
        )
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        save_shards(_merged(weights, added, changes), temporary)
        AutoConfig.from_pretrained(base).save_pretrained(temporary)
        AutoTokenizer.from_pretrained(base).save_pretrained(temporary)
        generation = base / "generation_config.json"
        if generation.is_file():
            shutil.copyfile(generation, temporary / generation.name)
        if out.exists():
            shutil.rmtree(out)
        temporary.replace(out)
    except OSError as error:
        raise TrainingError(f"{out}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def _merged(
    weights: Weights, adapter: Adapter, changes: dict[str, str]
) -> Iterator[tuple[str, torch.Tensor]]:
    for name in weights:
        tensor = weights.read(name)
        if name in changes:
            delta = adapter.delta(changes[name])
            if delta.shape != tensor.shape:
                raise TrainingError(
                    f"{name} is {tuple(tensor.shape)} in the model and {tuple(delta.shape)} in the "
                    "adapter. It was trained on another model."
                )
            if not torch.isfinite(delta).all():
                raise TrainingError(f"The adapter's part of {name} holds NaN or infinity.")
            tensor = (tensor.float() + delta).to(tensor.dtype)
        yield name, tensor
