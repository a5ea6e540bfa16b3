"""Write a Hugging Face model folder as GGUF, one tensor at a time.

Source: GGUF specification, version 3 (ggml/docs/gguf.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer

from export.architectures import (
    ROPE_FACTORS,
    Architecture,
    architecture_of,
    head_size,
    rope_factors,
    tensor_names,
    to_file_order,
)
from export.files import whole_file
from export.tokenizer import GgufTokenizer, to_gguf
from whetstone.errors import TrainingError
from whetstone.models.gguf_info import GGUF_HABITS_KEY
from whetstone.prompt import FORMATS, GGUF_FORMAT_KEY

# The key of config.json that names the prompt format a model was trained on.
CONFIG_FORMAT_KEY = "whetstone_prompt_format"
# The one that says what its user's choices say (whetstone/models/habits.py).
CONFIG_HABITS_KEY = "whetstone_habits"

WidthName = Literal["f32", "f16", "bf16"]
WIDTHS: Mapping[WidthName, tuple[Any, int]] = {
    "f32": (gguf.GGMLQuantizationType.F32, int(gguf.LlamaFileType.ALL_F32)),
    "f16": (gguf.GGMLQuantizationType.F16, int(gguf.LlamaFileType.MOSTLY_F16)),
    "bf16": (gguf.GGMLQuantizationType.BF16, int(gguf.LlamaFileType.MOSTLY_BF16)),
}
_F16_MAX = 65504.0


class Weights:
    """The tensors of a folder of safetensors files, sharded or not, read only when asked for."""

    def __init__(self, folder: Path) -> None:
        index = folder / "model.safetensors.index.json"
        single = folder / "model.safetensors"
        if index.is_file():
            shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        elif single.is_file():
            with safe_open(single, framework="pt") as opened:
                shards = dict.fromkeys(opened.keys(), single.name)
        else:
            raise TrainingError(
                f"{folder}: holds no model.safetensors; save the model there first."
            )
        self._folder = folder
        self._shards: dict[str, str] = shards

    def __contains__(self, name: object) -> bool:
        return name in self._shards

    def __iter__(self) -> Iterator[str]:
        return iter(self._shards)

    def __len__(self) -> int:
        return len(self._shards)

    def shape(self, name: str) -> tuple[int, ...]:
        with safe_open(self._folder / self._shards[name], framework="pt") as opened:
            return tuple(opened.get_slice(name).get_shape())

    def read(self, name: str) -> torch.Tensor:
        with safe_open(self._folder / self._shards[name], framework="pt") as opened:
            tensor: torch.Tensor = opened.get_tensor(name)
        return tensor


def load_config(folder: Path) -> Any:
    """The configuration in `folder`.

    Raises:
        TrainingError: there is none, or it is of an architecture that cannot be exported.
    """
    if not (folder / "config.json").is_file():
        raise TrainingError(f"{folder}: is not a Hugging Face model folder (no config.json).")
    config = AutoConfig.from_pretrained(folder)
    architecture_of(config, folder)
    return config


def prompt_format_of(config: Any) -> str:
    """The prompt format that a configuration names, "chat" when it names none."""
    name = str(getattr(config, CONFIG_FORMAT_KEY, None) or "chat")
    if name not in FORMATS:
        raise TrainingError(
            f"config.json: {CONFIG_FORMAT_KEY} is {name!r}; known are {', '.join(FORMATS)}."
        )
    return name


def write_gguf(
    folder: Path,
    out: Path,
    *,
    width: WidthName = "f16",
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the model in `folder` to `out` with matrices in `width` and vectors in 32 bit.

    Args:
        folder: config.json, tokenizer and safetensors.
        out: replaced whole when everything was written.
        name: what the file calls itself; the folder's name when left out.
        progress: called with (tensors written, tensors in all).

    Raises:
        TrainingError: something in the folder cannot be expressed, or `out` cannot be written.
    """
    config = load_config(folder)
    weights = Weights(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    described = to_gguf(tokenizer, config.vocab_size)
    architecture = architecture_of(config, folder)
    source = _Source(architecture=architecture, config=config, weights=weights)
    names = tensor_names(architecture, config, weights)
    with whole_file(out) as temporary:
        writer = gguf.GGUFWriter(temporary, architecture.name)
        try:
            _write_model(writer, config, name or folder.name, width)
            _write_tokenizer(writer, described)
            _announce(writer, source, names, width)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for count, array in enumerate(_arrays(source, names, width), 1):
                writer.write_tensor_data(array)
                if progress:
                    progress(count, len(names))
            writer.flush()
        finally:
            writer.close()
    return out


def _write_model(writer: gguf.GGUFWriter, config: Any, name: str, width: WidthName) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_string(GGUF_FORMAT_KEY, prompt_format_of(config))
    if (habits := getattr(config, CONFIG_HABITS_KEY, None)) is not None:
        writer.add_string(GGUF_HABITS_KEY, json.dumps(habits))
    writer.add_file_type(WIDTHS[width][1])
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    size = head_size(config)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _write_tokenizer(writer: gguf.GGUFWriter, described: GgufTokenizer) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(described.pre)
    writer.add_token_list(described.tokens)
    writer.add_token_types(described.types)
    if described.merges:
        writer.add_token_merges(described.merges)
    writer.add_eos_token_id(described.eos)
    # Without these llama.cpp assumes token 11, which means something else in every vocabulary.
    writer.add_bos_token_id(described.eos if described.bos is None else described.bos)
    writer.add_pad_token_id(described.eos if described.pad is None else described.pad)
    writer.add_add_bos_token(described.adds_bos)
    if described.chat_template:
        writer.add_chat_template(described.chat_template)


def _stored(shape: tuple[int, ...], width: WidthName) -> Any:
    """Vectors (norms, biases) are tiny and sensitive: they stay in 32 bit."""
    return WIDTHS[width][0] if len(shape) > 1 else gguf.GGMLQuantizationType.F32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A model's tensors in the order of their rows in the file, and one that is computed."""

    architecture: Architecture
    config: Any
    weights: Weights

    def read(self, name: str) -> np.ndarray[Any, Any]:
        tensor = self.weights.read(name).to(torch.float32)
        ordered = to_file_order(self.architecture, self.config, name, tensor)
        array: np.ndarray[Any, Any] = ordered.contiguous().numpy()
        return array


def _announce(
    writer: gguf.GGUFWriter, source: _Source, names: Mapping[str, str], width: WidthName
) -> None:
    shapes = {theirs: source.weights.shape(ours) for ours, theirs in names.items()}
    factors = rope_factors(source.config)
    if factors is not None:
        shapes = {ROPE_FACTORS: factors.shape, **shapes}
    for name, shape in shapes.items():
        kind = _stored(shape, width)
        block, size = gguf.GGML_QUANT_SIZES[kind]
        count = int(np.prod(shape))
        writer.add_tensor_info(
            name, shape, np.dtype(np.float32), count // block * size, raw_dtype=kind
        )


def _arrays(
    source: _Source, names: Mapping[str, str], width: WidthName
) -> Iterator[np.ndarray[Any, Any]]:
    factors = rope_factors(source.config)
    if factors is not None:
        yield factors
    for ours in names:
        array = source.read(ours)
        if not np.isfinite(array).all():
            raise TrainingError(f"{ours} holds NaN or infinity; the model was not written.")
        kind = _stored(array.shape, width)
        if kind == gguf.GGMLQuantizationType.F16 and np.abs(array).max(initial=0.0) > _F16_MAX:
            raise TrainingError(f"{ours} does not fit 16-bit floats; export with bf16 or f32.")
        yield array if array.ndim < 2 else gguf.quants.quantize(array, kind)
