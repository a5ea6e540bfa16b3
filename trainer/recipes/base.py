"""The Hugging Face folder that a recipe begins with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from export.gguf_to_hf import gguf_to_hf
from trainer.base_model import check_format, find_base
from trainer.recipes.config import Recipe, SmallModel
from whetstone.models import Registry

_SHAPE = {
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "initializer_range": 0.1,
}
_VOCABULARY = 600
# Of Llama 3.1 and 3.2; the original length is short, so that short texts reach what is scaled.
_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,
}


def fetch_base(recipe: Recipe, folder: Path, *, small: bool, given: str | None) -> Path:
    """The model of the recipe, or `given`: a folder or a hub repository.

    Args:
        folder: where it is made when it does not exist as a folder.
        small: random weights in the recipe's architecture.

    Raises:
        TrainingError: it cannot be had, or was made for another prompt format.
    """
    if given is None and small:
        base = _made(folder, lambda temporary: make_small(recipe, temporary))
    elif given is None and recipe.base == "starter":
        path = Registry().resolve("starter").path
        base = _made(folder, lambda temporary: gguf_to_hf(path, temporary))
    else:
        base = find_base(given or recipe.base, Path(), folder, insist=True)
    check_format(base, recipe.format)
    return base


def _made(folder: Path, make: Callable[[Path], object]) -> Path:
    if not (folder / "config.json").is_file():
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        try:
            make(temporary)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def make_small(recipe: Recipe, folder: Path) -> None:
    """Save a small random model of the recipe's architecture and a tokenizer of its kind."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    tokenizer = _tokenizer(recipe.small, folder)
    common = {
        **_SHAPE,
        "vocab_size": len(tokenizer),
        "tie_word_embeddings": recipe.small.tied,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    torch.manual_seed(0)
    if recipe.small.family == "llama":
        model = LlamaForCausalLM(LlamaConfig(**common, rope_parameters=_LLAMA3_ROPE))
    else:
        model = Qwen2ForCausalLM(Qwen2Config(**common))
    if recipe.format == "compact":
        model.config.whetstone_prompt_format = "compact"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(small: SmallModel, folder: Path) -> Any:
    """Byte-level BPE with the family's own splitter, learned from some of the standard library."""
    import argparse
    import textwrap

    from transformers import AutoTokenizer

    from trainer.starter.tokenizer import train_tokenizer

    texts = [Path(str(m.__file__)).read_text(encoding="utf-8") for m in (argparse, textwrap)]
    train_tokenizer(texts, _VOCABULARY, folder)
    if small.family == "qwen2":
        return AutoTokenizer.from_pretrained(folder)
    learned = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    for file in folder.iterdir():
        file.unlink()
    return as_llama3(learned)


def as_llama3(learned: dict[str, Any]) -> Any:
    """The same vocabulary, split as Llama 3 splits, with its begin and end tokens."""
    from tokenizers import AddedToken, Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    from export.tokenizer import SPLITTERS

    tree: dict[str, Any] = {**learned, "added_tokens": [], "normalizer": None}
    pattern, tree["model"]["ignore_merges"] = SPLITTERS["llama-bpe"]
    tree["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": pattern}
    backend = Tokenizer.from_str(json.dumps(tree))
    names = ["<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>"]
    backend.add_special_tokens([AddedToken(name, special=True) for name in names])
    begin = backend.token_to_id(names[0])
    backend.post_processor = processors.TemplateProcessing(
        single=f"{names[0]} $A", pair=f"{names[0]} $A $B", special_tokens=[(names[0], begin)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=names[0], eos_token=names[1], pad_token=names[2]
    )
