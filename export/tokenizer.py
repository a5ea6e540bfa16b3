"""A byte-level BPE tokenizer as GGUF metadata and back, with the same token ids.

llama.cpp knows a byte-level BPE by its vocabulary, its merges and the name of its splitter. A
tokenizer with any other splitter than those below would be cut differently there (numbers first),
so it is refused here rather than written under a wrong name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gguf
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from whetstone.errors import TrainingError

PRE_TOKENIZER = "qwen2"
# llama.cpp's name -> (splitter, whole words of the vocabulary are taken before any merge).
# Source: llama.cpp, src/llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_QWEN2 and _LLAMA3.
SPLITTERS: Mapping[str, tuple[str, bool]] = {
    PRE_TOKENIZER: (PRETOKENIZE_REGEX, False),
    "llama-bpe": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTokenizer:
    """What a GGUF file says about its tokenizer; unused rows of the vocabulary have fillers."""

    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]
    eos: int
    pad: int | None
    bos: int | None
    chat_template: str | None
    pre: str = PRE_TOKENIZER
    adds_bos: bool = False


def to_gguf(tokenizer: PreTrainedTokenizerBase, vocab_size: int) -> GgufTokenizer:
    """Describe `tokenizer` for a model with `vocab_size` embedding rows.

    Raises:
        TrainingError: it is not a byte-level BPE with a splitter that llama.cpp knows, has no end
            token, or is larger than the model.
    """
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    if spec["model"]["type"] != "BPE":
        raise TrainingError(f"Only BPE tokenizers can be exported, not {spec['model']['type']}.")
    pre = _splitter(spec)
    if tokenizer.eos_token_id is None:
        raise TrainingError(
            "The tokenizer has no eos_token; set it to the token that ends answers."
        )
    by_id = {index: token for token, index in tokenizer.get_vocab().items()}
    if by_id and max(by_id) >= vocab_size:
        raise TrainingError(
            f"The tokenizer has token id {max(by_id)}, the model only {vocab_size} rows. "
            "Resize the embeddings before exporting."
        )
    special = {token["id"]: bool(token["special"]) for token in spec["added_tokens"]}
    tokens, types = [], []
    for index in range(vocab_size):
        tokens.append(by_id.get(index, f"[PAD{index}]"))
        types.append(int(_type_of(index, by_id, special)))
    return GgufTokenizer(
        tokens=tuple(tokens),
        types=tuple(types),
        merges=tuple(_merge(pair) for pair in spec["model"]["merges"]),
        eos=int(tokenizer.eos_token_id),
        pad=tokenizer.pad_token_id,
        bos=tokenizer.bos_token_id,
        chat_template=tokenizer.chat_template,
        pre=pre,
        adds_bos=tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id],
    )


def _splitter(spec: Mapping[str, Any]) -> str:
    """llama.cpp's name of the tokenizer's splitter."""
    pre = spec.get("pre_tokenizer") or {}
    parts = pre.get("pretokenizers", [pre])
    patterns = [part.get("pattern", {}).get("Regex") for part in parts if part["type"] == "Split"]
    whole_words = bool(spec["model"].get("ignore_merges"))
    for name, (pattern, ignores_merges) in SPLITTERS.items():
        if patterns == [pattern] and whole_words == ignores_merges:
            return name
    raise TrainingError(
        "The tokenizer does not split text as Qwen2 or Llama 3 do, so llama.cpp would number its "
        "tokens differently. Train it with Qwen2's own splitter (load it once through "
        "Qwen2Tokenizer)."
    )


def _type_of(index: int, by_id: Mapping[int, str], special: Mapping[int, bool]) -> gguf.TokenType:
    if index not in by_id:
        return gguf.TokenType.UNUSED
    if index not in special:
        return gguf.TokenType.NORMAL
    return gguf.TokenType.CONTROL if special[index] else gguf.TokenType.USER_DEFINED


def _merge(pair: str | list[str]) -> str:
    return pair if isinstance(pair, str) else " ".join(pair)


def from_gguf(described: GgufTokenizer) -> Qwen2Tokenizer:
    """Rebuild the tokenizer: every token keeps its id.

    Raises:
        TrainingError: the metadata contradicts itself.
    """
    unused = int(gguf.TokenType.UNUSED)
    kinds = list(zip(described.tokens, described.types, strict=True))
    # Added tokens stand in the vocabulary too: the library then keeps their ids as they are.
    vocab = {token: i for i, (token, kind) in enumerate(kinds) if kind != unused}
    if len(vocab) != sum(kind != unused for _, kind in kinds):
        raise TrainingError("The file's vocabulary names one token twice; it cannot be trained on.")
    name = described.tokens
    tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=[tuple(pair.split(" ", 1)) for pair in described.merges],
        unk_token=name[described.eos],
        eos_token=name[described.eos],
        pad_token=name[described.eos if described.pad is None else described.pad],
        bos_token=None if described.bos is None else name[described.bos],
    )
    control = int(gguf.TokenType.CONTROL)
    tokenizer.add_tokens(
        [
            AddedToken(token, special=kind == control, normalized=False)
            for token, kind in kinds
            if kind in (control, int(gguf.TokenType.USER_DEFINED))
        ]
    )
    tokenizer.chat_template = described.chat_template
    wrong = [t for t, i in vocab.items() if tokenizer.convert_tokens_to_ids(t) != i]
    if wrong:
        raise TrainingError(f"The rebuilt tokenizer numbers {wrong[0]!r} differently.")
    return tokenizer
