"""A Qwen2 tokenizer as GGUF metadata and back, with the same token ids.

llama.cpp knows a byte-level BPE by its vocabulary, its merges and the name of its splitter. A
tokenizer with any other splitter than Qwen2's would be cut differently there (numbers first), so
it is refused here rather than written under a wrong name.
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


def to_gguf(tokenizer: PreTrainedTokenizerBase, vocab_size: int) -> GgufTokenizer:
    """Describe `tokenizer` for a model with `vocab_size` embedding rows.

    Raises:
        TrainingError: it is not a byte-level BPE with Qwen2's splitter, has no end token, or is
            larger than the model.
    """
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    if spec["model"]["type"] != "BPE":
        raise TrainingError(f"Only BPE tokenizers can be exported, not {spec['model']['type']}.")
    _check_splitter(spec)
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
    )


def _check_splitter(spec: Mapping[str, Any]) -> None:
    pre = spec.get("pre_tokenizer") or {}
    parts = pre.get("pretokenizers", [pre])
    patterns = [part.get("pattern", {}).get("Regex") for part in parts if part["type"] == "Split"]
    if patterns != [PRETOKENIZE_REGEX]:
        raise TrainingError(
            "The tokenizer does not split text as Qwen2 does, so llama.cpp would number its tokens "
            "differently. Train it with Qwen2's own splitter (load it once through Qwen2Tokenizer)."
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
