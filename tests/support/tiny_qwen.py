"""A tiny random Qwen2 with a real tokenizer, made from nothing: shared by trainer and export tests.

Run `python tests/support/tiny_qwen.py FOLDER` to look at one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from whetstone.prompt import COMPACT_TOKENS, END, QWEN_TOKENS

SPECIAL = (*QWEN_TOKENS, *COMPACT_TOKENS)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
)


def corpus() -> list[str]:
    """Some of the standard library: enough to train a vocabulary of 600 tokens."""
    import argparse
    import json.decoder
    import textwrap

    return [Path(m.__file__).read_text() for m in (argparse, json.decoder, textwrap)]


def tokenizer(vocab_size: int = 600):
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.decoder = decoders.ByteLevel()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    import json

    spec = json.loads(backend.to_str())["model"]
    made = Qwen2Tokenizer(
        vocab=spec["vocab"],
        merges=[tuple(m) for m in spec["merges"]],
        eos_token=END,
        pad_token="<|endoftext|>",
    )
    made.add_tokens(list(SPECIAL), special_tokens=True)
    made.chat_template = CHAT_TEMPLATE
    return made


def make(
    folder: Path, *, hidden: int = 64, layers: int = 2, tied: bool = True, seed: int = 0,
    prompt_format: str = "compact", unused_rows: int = 8,
) -> Path:  # fmt: skip
    """Save a random model and its tokenizer into `folder`."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    words = tokenizer()
    config = Qwen2Config(
        vocab_size=len(words) + unused_rows,
        hidden_size=hidden,
        intermediate_size=hidden * 2,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        initializer_range=0.1,
    )
    config.whetstone_prompt_format = prompt_format
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(config)
    for name, weight in model.named_parameters():
        if name.endswith("bias"):  # zeros would hide a bias that is lost or swapped
            torch.nn.init.normal_(weight, std=0.1)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
