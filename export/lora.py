"""Write a LoRA adapter as a GGUF that llama.cpp puts over a model without changing it.

Each matrix W of the model gets two tensors, `W.lora_a` (rank, in) and `W.lora_b` (out, rank), in
32 bit, and llama.cpp adds alpha / rank * B A x to W x. Where the rows of W change places in the
model's file (Llama's q and k), those of B do too.

Source: llama.cpp, convert_lora_to_gguf.py and src/llama-adapter.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from export.adapter import Adapter
from export.architectures import all_names, architecture_of, to_file_order
from export.files import whole_file
from export.hf_to_gguf import Weights, load_config, prompt_format_of
from whetstone.errors import TrainingError
from whetstone.models.gguf_info import GGUF_HABITS_KEY
from whetstone.models.habits import Habits
from whetstone.prompt import GGUF_FORMAT_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterReport:
    """What was written: `modules` matrices are changed, by products of rank `rank`."""

    path: Path
    size: int  # bytes
    rank: int
    modules: int


def write_adapter(
    base: Path,
    adapter: Path,
    out: Path,
    *,
    name: str | None = None,
    habits: Habits | None = None,
) -> AdapterReport:
    """Write the PEFT adapter in `adapter`, trained on the model in `base`, to the GGUF `out`.

    Args:
        name: what the file calls itself; the folder's name when left out.
        habits: what the choices say that it was trained on.

    Raises:
        TrainingError: the adapter belongs to another model, holds NaN, changes what a file has no
            place for, or `out` cannot be written.
    """
    config, lora, weights = load_config(base), Adapter(adapter), Weights(base)
    architecture = architecture_of(config, base)
    places = all_names(
        architecture, config.num_hidden_layers, tied=bool(config.tie_word_embeddings)
    )
    changes = lora.changes()
    if foreign := sorted(changes.keys() - (places.keys() & set(weights))):
        raise TrainingError(
            f"{adapter}: changes {foreign[0]}, for which a file of {base.name} has no place. "
            "It was trained on another model, or on its tied output matrix."
        )
    tensors = _Tensors(lora=lora, weights=weights, architecture=architecture, config=config)
    with whole_file(out) as temporary:
        writer = gguf.GGUFWriter(temporary, architecture.name)
        try:
            writer.add_type(gguf.GGUFType.ADAPTER)
            writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
            # llama.cpp divides by the rank; rsLoRA divides by its root.
            writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, lora.scale * lora.rank)
            writer.add_name(name or adapter.name)
            writer.add_string(GGUF_FORMAT_KEY, prompt_format_of(config))
            if habits is not None:
                writer.add_string(GGUF_HABITS_KEY, json.dumps(habits.to_json()))
            for title, array in tensors.read({n: p for n, p in places.items() if n in changes}):
                writer.add_tensor(title, array)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()
    return AdapterReport(
        path=out, size=out.stat().st_size, rank=lora.rank, modules=len(lora.modules)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tensors:
    lora: Adapter
    weights: Weights
    architecture: Any
    config: Any

    def read(self, places: dict[str, str]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
        """GGUF name and values of A and B of every weight in `places`."""
        modules = self.lora.changes()
        for ours, theirs in places.items():
            a, b = self.lora.factors(modules[ours])  # (rank, in), (out, rank)
            shape = self.weights.shape(ours)
            if (b.shape[0], a.shape[1]) != shape:
                raise TrainingError(
                    f"{ours} is {shape} in the model and {(b.shape[0], a.shape[1])} in the "
                    "adapter. It was trained on another model."
                )
            if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
                raise TrainingError(f"The adapter's part of {ours} holds NaN or infinity.")
            b = to_file_order(self.architecture, self.config, ours, b)
            yield f"{theirs}.lora_a", a.contiguous().numpy()
            yield f"{theirs}.lora_b", b.contiguous().numpy()
