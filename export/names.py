"""The tensor names of a Qwen2 model in both worlds, in the order in which they are written."""

from __future__ import annotations

import gguf

from whetstone.errors import TrainingError

_OUTER = ("model.embed_tokens.weight", "model.norm.weight")
_LAYER = (
    "input_layernorm.weight",
    "self_attn.q_proj.weight",
    "self_attn.q_proj.bias",
    "self_attn.k_proj.weight",
    "self_attn.k_proj.bias",
    "self_attn.v_proj.weight",
    "self_attn.v_proj.bias",
    "self_attn.o_proj.weight",
    "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",
    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
)


def qwen2_names(layers: int, *, tied: bool) -> dict[str, str]:
    """Hugging Face name -> GGUF name of every tensor; a tied output matrix is not stored."""
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, layers)
    ours = [*_OUTER, *(() if tied else ("lm_head.weight",))]
    ours += [f"model.layers.{i}.{part}" for i in range(layers) for part in _LAYER]
    names = {}
    for name in ours:
        found = table.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise TrainingError(f"The installed gguf package does not know the tensor {name}.")
        names[name] = found
    return names
