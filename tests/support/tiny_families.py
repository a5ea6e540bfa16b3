"""Tiny random models of every architecture that can be exported, with tokenizers of their own."""

from __future__ import annotations

import json
from pathlib import Path

import tiny_qwen

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,  # so that short texts reach the scaled frequencies
}
SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.1,
}
# name -> (family, what differs)
FAMILIES = {
    "qwen2": ("qwen2", {}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True}),
    "qwen3": ("qwen3", {"head_dim": 32}),  # heads wider than hidden / heads, as the real ones
    "qwen3-tied": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "llama": ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}}),
    "llama3-scaled": ("llama", {"rope_parameters": LLAMA3_ROPE}),
    "llama3-tied": ("llama", {"rope_parameters": LLAMA3_ROPE, "tie_word_embeddings": True}),
    "llama-wide-heads": ("llama", {"rope_parameters": LLAMA3_ROPE, "head_dim": 32}),
}


def llama3_tokenizer():
    """A byte-level BPE split as Llama 3's, that puts its begin token first."""
    from tokenizers import Regex

    from export.tokenizer import SPLITTERS
    from trainer.recipes.base import as_llama3

    assert Regex(SPLITTERS["llama-bpe"][0])
    return as_llama3(json.loads(tiny_qwen.tokenizer().backend_tokenizer.to_str()))


def make(folder: Path, name: str, *, seed: int = 0) -> Path:
    """Save a random model of FAMILIES into `folder`."""
    import torch
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    kinds = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }
    family, differs = FAMILIES[name]
    tokenizer = llama3_tokenizer() if family == "llama" else tiny_qwen.tokenizer()
    config_class, model_class = kinds[family]
    config = config_class(
        **{"tie_word_embeddings": False, **SHAPE, **differs},
        vocab_size=len(tokenizer) + 8,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    model = model_class(config)
    for parameter, weight in model.named_parameters():
        if parameter.endswith("bias"):  # zeros would hide a bias that is lost or swapped
            torch.nn.init.normal_(weight, std=0.1)
        if "norm" in parameter:  # ones would hide a norm that is lost
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
