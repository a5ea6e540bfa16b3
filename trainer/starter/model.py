"""A Qwen2 of the configured size with random weights, and the folder that transformers loads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from trainer.starter.config import StarterConfig


def make_model(config: StarterConfig) -> Any:
    """Random weights in float32."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    shape = Qwen2Config(
        **config.model, tie_word_embeddings=True, rope_theta=10_000.0, use_cache=False
    )
    return Qwen2ForCausalLM(shape)


def save_hf(config: StarterConfig, out: Path) -> Path:
    """out/hf: the checkpoint's weights in float32, the tokenizer, and the prompt format's name."""
    from transformers import AutoTokenizer

    state = torch.load(out / "checkpoint.pt", map_location="cpu", weights_only=True)
    model = make_model(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(state["weights"][name])
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    model.config.use_cache = True
    model.config.whetstone_prompt_format = "compact"
    for part in (model.config, model.generation_config):
        part.bos_token_id = None
        part.eos_token_id = tokenizer.eos_token_id
        part.pad_token_id = tokenizer.pad_token_id
    temporary, folder = out / "hf.tmp", out / "hf"
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.replace(folder)
    return folder
