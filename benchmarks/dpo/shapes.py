"""Random models of known shapes, and random pairs of a known proportion."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmarks.qwen import QWEN2_5, QwenShape

_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(QwenShape):
    """A Qwen2, and how long an answer is in its benchmark, in tokens."""

    answer: int

    def config(self) -> Qwen2Config:
        return Qwen2Config(
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            intermediate_size=self.intermediate,
            vocab_size=self.vocabulary,
            max_position_embeddings=_LONGEST,
            tie_word_embeddings=self.tied,
            pad_token_id=0,
            eos_token_id=1,
        )


SHAPES = {
    # seconds, to see that everything runs
    "tiny": Shape(
        hidden=64, layers=2, heads=4, kv_heads=2, intermediate=128, vocabulary=600, answer=6
    ),
    "small": Shape(
        hidden=256, layers=6, heads=8, kv_heads=2, intermediate=768, vocabulary=8192, answer=24
    ),
    "qwen2.5-3b": Shape(answer=56, **asdict(QWEN2_5["3b"])),
}  # fmt: skip


def make_model(shape: Shape, device: str, *, attention: str, seed: int) -> Any:
    """The same weights for the same seed and device: 32 bit on the CPU, bfloat16 on a GPU."""
    torch.manual_seed(seed)
    config = shape.config()
    config._attn_implementation = attention
    with torch.device(device):
        model = Qwen2ForCausalLM(config)
    return model.to(torch.bfloat16 if device == "cuda" else torch.float32)


def load_nf4(shape: Shape, folder: Path, *, attention: str, seed: int) -> Any:
    """The same in 4 bit, by way of `folder`: bitsandbytes quantizes while it loads."""
    from trainer.training import nf4

    if not (folder / "config.json").exists():
        make_model(shape, "cuda", attention=attention, seed=seed).save_pretrained(folder)
    return Qwen2ForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation=attention, quantization_config=nf4()
    )


def make_pairs(shape: Shape, ratio: int, count: int, seed: int) -> list[dict[str, Any]]:
    """Pairs of `ratio` prompt tokens to one token of an answer, each length a quarter off at most.

    The answers begin with a token in common, as all answers of one format do.
    """
    rng = random.Random(seed)

    def tokens(mean: int) -> list[int]:
        length = rng.randint(mean * 3 // 4, mean * 5 // 4)
        return [rng.randrange(2, shape.vocabulary) for _ in range(length)]

    return [
        {
            "prompt": tokens(ratio * shape.answer),
            "chosen": [2, *tokens(shape.answer), 1],
            "rejected": [2, *tokens(shape.answer), 1],
            "weight": 1.0,
            "smoothing": 0.0,
            "index": index,
        }
        for index in range(count)
    ]
