"""What each architecture is called in both worlds: tensors, their order, and how RoPE is meant.

    qwen2   Qwen2 and Qwen2.5: biases on q, k and v
    qwen3   Qwen3 (dense): norms on the heads' queries and keys, heads of any size
    llama   Llama 3.1 and 3.2: llama.cpp turns neighbouring pairs where transformers turns halves,
            so the rows of q and k change places; RoPE scaling becomes a tensor of factors

Source: llama.cpp, src/llama-arch.cpp and conversion of LlamaForCausalLM; transformers,
modeling_rope_utils.py (`_compute_llama3_parameters`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray

from whetstone.errors import TrainingError

ROPE_FACTORS = "rope_freqs.weight"  # the GGUF tensor that scales RoPE's frequencies

_OUTER = ("model.embed_tokens.weight", "model.norm.weight")
_HEAD = "lm_head.weight"
_PARTS = (
    "input_layernorm.weight",
    "self_attn.q_proj.weight",
    "self_attn.q_proj.bias",
    "self_attn.k_proj.weight",
    "self_attn.k_proj.bias",
    "self_attn.v_proj.weight",
    "self_attn.v_proj.bias",
    "self_attn.o_proj.weight",
    "self_attn.o_proj.bias",
    "self_attn.q_norm.weight",
    "self_attn.k_norm.weight",
    "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",
    "mlp.gate_proj.bias",
    "mlp.up_proj.weight",
    "mlp.up_proj.bias",
    "mlp.down_proj.weight",
    "mlp.down_proj.bias",
)
_NORMS = ("self_attn.q_norm.weight", "self_attn.k_norm.weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One family. `name` is both `model_type` in config.json and GGUF's `general.architecture`."""

    name: str
    table: gguf.MODEL_ARCH
    biases: tuple[str, ...]  # parts of a layer that always have one
    norms: bool  # on queries and keys
    permuted: bool  # q and k change the order of their rows
    rope_types: tuple[str, ...]

    def required(self, part: str) -> bool:
        """Must every layer have this tensor?"""
        if part in _NORMS:
            return self.norms
        return part.endswith(".weight") or part.removesuffix(".bias") in self.biases


ARCHITECTURES: Mapping[str, Architecture] = {
    each.name: each
    for each in (
        Architecture(
            name="qwen2", table=gguf.MODEL_ARCH.QWEN2, norms=False, permuted=False,
            biases=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            rope_types=("default",),
        ),
        Architecture(
            name="qwen3", table=gguf.MODEL_ARCH.QWEN3, norms=True, permuted=False, biases=(),
            rope_types=("default",),
        ),
        Architecture(
            name="llama", table=gguf.MODEL_ARCH.LLAMA, norms=False, permuted=True, biases=(),
            rope_types=("default", "llama3"),
        ),
    )
}  # fmt: skip


def architecture_of(config: Any, folder: Path) -> Architecture:
    """The architecture of a configuration.

    Raises:
        TrainingError: it is none of ours, or uses something that llama.cpp would do differently.
    """
    found = ARCHITECTURES.get(config.model_type)
    if found is None:
        raise TrainingError(
            f"{folder}: is a {config.model_type} model; "
            f"{', '.join(ARCHITECTURES)} can be exported so far."
        )
    kind = (config.rope_parameters or {}).get("rope_type", "default")
    if kind not in found.rope_types:
        raise TrainingError(f"{folder}: RoPE scaling {kind!r} cannot be exported yet.")
    if getattr(config, "use_sliding_window", False):
        raise TrainingError(f"{folder}: sliding-window attention cannot be exported yet.")
    return found


def all_names(architecture: Architecture, layers: int, *, tied: bool) -> dict[str, str]:
    """Hugging Face name -> GGUF name of every tensor that a model may have, in writing order."""
    table = gguf.get_tensor_name_map(architecture.table, layers)
    ours = [*_OUTER, *(() if tied else (_HEAD,))]
    ours += [f"model.layers.{layer}.{part}" for layer in range(layers) for part in _PARTS]
    named = ((name, table.get_name(name, try_suffixes=(".weight", ".bias"))) for name in ours)
    return {name: theirs for name, theirs in named if theirs is not None}


def is_required(architecture: Architecture, name: str) -> bool:
    """Must every model of this architecture have this tensor?"""
    part = name.split(".", 3)[-1] if name.startswith("model.layers.") else ""
    return not part or architecture.required(part)


def tensor_names(
    architecture: Architecture, config: Any, stored: Collection[str]
) -> dict[str, str]:
    """Hugging Face name -> GGUF name of every tensor of `stored` that a file holds, in order.

    A tied output matrix is not written, whether or not it was saved.

    Raises:
        TrainingError: a tensor is missing, or one would be lost.
    """
    possible = all_names(
        architecture, config.num_hidden_layers, tied=bool(config.tie_word_embeddings)
    )
    names = {
        ours: theirs
        for ours, theirs in possible.items()
        if ours in stored or is_required(architecture, ours)
    }
    if missing := [name for name in names if name not in stored]:
        raise TrainingError(f"The model lacks {len(missing)} tensors, first {missing[0]}.")
    derived = ("lm_head.weight", "rotary_emb.inv_freq")
    lost = [n for n in sorted(set(stored) - names.keys()) if not n.endswith(derived)]
    if lost:
        raise TrainingError(
            f"The model has {len(lost)} tensors that a {architecture.name} file has no place for, "
            f"first {lost[0]}. It is probably of another architecture."
        )
    return names


def to_file_order(
    architecture: Architecture, config: Any, name: str, tensor: torch.Tensor
) -> torch.Tensor:
    """A tensor in the order of rows that llama.cpp wants (q and k, where it turns neighbours)."""
    heads = _heads(config, name) if architecture.permuted else None
    if heads is None:
        return tensor
    # (heads, 2 halves, half, ...) -> (heads, half, 2, ...)
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _heads(config: Any, name: str) -> int | None:
    if ".self_attn.q_proj." in name:
        return int(config.num_attention_heads)
    if ".self_attn.k_proj." in name:
        return int(config.num_key_value_heads)
    return None


def head_size(config: Any) -> int:
    """Dimensions of one attention head."""
    given = getattr(config, "head_dim", None)
    return int(given or config.hidden_size // config.num_attention_heads)


def rope_factors(config: Any) -> NDArray[np.float32] | None:
    """What each RoPE frequency is divided by, (head size / 2,); None without scaling."""
    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "llama3":
        return None
    size = head_size(config)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    trained = rope["original_max_position_embeddings"]
    exponents = np.arange(0, size, 2, dtype=np.float64) / size
    wavelengths = 2 * math.pi * float(rope["rope_theta"]) ** exponents
    # 0 at waves as long as the trained context or longer (divided), 1 at short ones (kept)
    kept = np.clip((trained / wavelengths - low) / (high - low), 0.0, 1.0)
    factors: NDArray[np.float32] = (1 / ((1 - kept) / rope["factor"] + kept)).astype(np.float32)
    return factors
