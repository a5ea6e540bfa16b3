"""The starter's vocabulary: byte-level BPE behind Qwen2's own splitter.

Any other splitter would be replaced without a word by AutoTokenizer, which loads every tokenizer
that lies beside a Qwen2 config as Qwen2's; llama.cpp would then disagree about digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from whetstone.prompt import COMPACT_TOKENS, END, QWEN_TOKENS

SPECIAL = (*QWEN_TOKENS, *COMPACT_TOKENS)


def train_tokenizer(texts: Iterable[str], vocab_size: int, folder: Path) -> Path:
    """Train on `texts` and save as a Qwen2 tokenizer folder of transformers."""
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
        (part for text in texts for part in _plain(text)),
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    learned = json.loads(backend.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(merge) for merge in learned["merges"]],
        eos_token=END,
        pad_token=QWEN_TOKENS[0],
    )
    tokenizer.add_tokens(list(SPECIAL), special_tokens=True)
    tokenizer.save_pretrained(folder)
    return folder


def _plain(text: str) -> list[str]:
    """`text` without its special tokens: they are no part of any merge."""
    for token in SPECIAL:
        text = text.replace(token, "\x00")
    return text.split("\x00")


def load_tokenizer(folder: Path) -> Tokenizer:
    """The bare tokenizer, which encodes in batches."""
    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return tokenizer
