"""How much each input column of a matrix matters: mean squares of what really flows through it.

The quantizer rounds columns that carry much more carefully. Which ones do depends on the texts, so
they are the user's own prompts, not an encyclopedia.

Source: llama.cpp, tools/imatrix (sums of squared activations per column).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from export.architectures import all_names, architecture_of
from export.hf_to_gguf import load_config

Importance = Mapping[str, NDArray[np.float32]]

_MAX_TOKENS = 512  # of one text


def measure_importance(folder: Path, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """GGUF tensor name -> mean square of each input column, (in,), over all tokens of `texts`."""
    config = load_config(folder)
    architecture = architecture_of(config, folder)
    names = all_names(architecture, config.num_hidden_layers, tied=bool(config.tie_word_embeddings))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()
    sums: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = {}

    def watch(name: str) -> Any:
        def hook(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            rows = inputs[0].detach().float().flatten(0, -2)  # (tokens, in)
            sums[name] = sums.get(name, torch.zeros(rows.shape[-1])) + rows.square().sum(dim=0)
            counts[name] = counts.get(name, 0) + rows.shape[0]

        return hook

    handles = [
        module.register_forward_pre_hook(watch(names[f"{path}.weight"]))
        for path, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and f"{path}.weight" in names
    ]
    try:
        with torch.no_grad():
            for text in texts:
                ids = tokenizer(text, add_special_tokens=False)["input_ids"][:_MAX_TOKENS]
                if ids:
                    model(torch.tensor([ids]), logits_to_keep=1)
    finally:
        for handle in handles:
            handle.remove()
    return {name: (sums[name] / counts[name]).numpy().astype(np.float32) for name in sums}


def as_parameter(importance: Importance) -> Any:
    """The array that llama_model_quantize takes; keep it referenced during the call."""
    entry = llama_cpp.llama_cpp.llama_model_imatrix_data
    array = (entry * (len(importance) + 1))()  # the last one, without a name, ends the list
    for place, (name, values) in zip(array, importance.items(), strict=False):
        data = np.ascontiguousarray(values, np.float32)
        place.name = name.encode()
        place.data = (ctypes.c_float * data.size)(*data.tolist())
        place.size = data.size
    return array
