"""Read a Qwen2 or Qwen3 GGUF file back into a Hugging Face folder, to be trained further.

The file may come from anywhere: `read_gguf` checks every length in its header before the gguf
package, which trusts them, opens it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import GenerationConfig, PretrainedConfig, Qwen2Config, Qwen3Config

from export.architectures import ARCHITECTURES, all_names, is_required
from export.hf_to_gguf import CONFIG_FORMAT_KEY, CONFIG_HABITS_KEY
from export.shards import save_shards
from export.tokenizer import PRE_TOKENIZER, GgufTokenizer, from_gguf
from whetstone.errors import ModelError, TrainingError
from whetstone.models.gguf_info import GgufInfo, read_gguf
from whetstone.models.habits import habits_in

# GGUF architecture -> (configuration, model class); llama's rows would have to be turned back.
_CONFIGS: dict[str, tuple[Any, str]] = {
    "qwen2": (Qwen2Config, "Qwen2ForCausalLM"),
    "qwen3": (Qwen3Config, "Qwen3ForCausalLM"),
}
_WIDE_PARAMETERS = 500_000_000  # up to here 32 bit is affordable and loses nothing


def gguf_to_hf(path: Path, folder: Path) -> Path:
    """Write the model in `path` to `folder` in 32 bit, or bfloat16 from 500 M parameters on.

    Raises:
        ModelError: the file is damaged.
        TrainingError: it is of an architecture that cannot be trained, or the disk is full.
    """
    info = read_gguf(path)
    if info.architecture not in _CONFIGS:
        raise TrainingError(
            f"{path}: is a {info.architecture} model; only {' and '.join(_CONFIGS)} files can be "
            "read back so far. "
            "Choose another with `trainer models use`, or give its Hugging Face folder with --base."
        )
    try:
        reader = gguf.GGUFReader(path)
        dtype = torch.float32 if info.parameters < _WIDE_PARAMETERS else torch.bfloat16
        config = _config(reader, info, dtype)
        tokenizer = from_gguf(tokenizer_of(reader))
        folder.mkdir(parents=True, exist_ok=True)
        save_shards(((name, tensor.to(dtype)) for name, tensor in _tensors(reader, config)), folder)
        config.save_pretrained(folder)
        _generation(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except (KeyError, ValueError, IndexError) as error:
        raise ModelError(
            f"{path}: its contents contradict its header ({error}). Fetch the model again."
        ) from error
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    return folder


def _value(reader: gguf.GGUFReader, key: str, default: Any = None) -> Any:
    field = reader.get_field(key)
    if field is not None:
        return field.contents()
    if default is None:
        raise KeyError(f"no {key}")
    return default


def _config(reader: gguf.GGUFReader, info: GgufInfo, dtype: torch.dtype) -> PretrainedConfig:
    kind, (family, model) = info.architecture, _CONFIGS[info.architecture]
    hidden = int(_value(reader, f"{kind}.embedding_length"))
    heads = int(_value(reader, f"{kind}.attention.head_count"))
    if str(_value(reader, f"{kind}.rope.scaling.type", "none")) != "none":
        raise TrainingError("The model scales its RoPE; such models cannot be trained yet.")
    names = {tensor.name: tensor for tensor in reader.tensors}
    config = family(
        vocab_size=int(names["token_embd.weight"].shape[1]),
        hidden_size=hidden,
        intermediate_size=int(_value(reader, f"{kind}.feed_forward_length")),
        num_hidden_layers=int(_value(reader, f"{kind}.block_count")),
        num_attention_heads=heads,
        head_dim=int(_value(reader, f"{kind}.attention.key_length", hidden // heads)),
        num_key_value_heads=int(_value(reader, f"{kind}.attention.head_count_kv", heads)),
        max_position_embeddings=int(_value(reader, f"{kind}.context_length")),
        rms_norm_eps=_short(_value(reader, f"{kind}.attention.layer_norm_rms_epsilon", 1e-6)),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": _short(_value(reader, f"{kind}.rope.freq_base", 10000.0)),
        },
        tie_word_embeddings="output.weight" not in names,
        eos_token_id=int(_value(reader, "tokenizer.ggml.eos_token_id")),
        pad_token_id=_pad(reader),
        bos_token_id=None,
        dtype=str(dtype).removeprefix("torch."),
        architectures=[model],
    )
    setattr(config, CONFIG_FORMAT_KEY, info.prompt_format)
    if (habits := habits_in(info.metadata)) is not None:
        setattr(config, CONFIG_HABITS_KEY, habits.to_json())
    return config


def _short(value: float) -> float:
    """GGUF keeps 32-bit floats: 1e-6 comes back as 9.999999974752427e-07."""
    return float(np.format_float_positional(np.float32(value), unique=True))


def _pad(reader: gguf.GGUFReader) -> int:
    eos = int(_value(reader, "tokenizer.ggml.eos_token_id"))
    return int(_value(reader, "tokenizer.ggml.padding_token_id", eos))


def _generation(config: PretrainedConfig) -> GenerationConfig:
    return GenerationConfig(eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id)


def tokenizer_of(reader: gguf.GGUFReader) -> GgufTokenizer:
    """What a GGUF file says of its tokenizer. Raises TrainingError, ValueError and KeyError."""
    kind = str(_value(reader, "tokenizer.ggml.model"))
    pre = str(_value(reader, "tokenizer.ggml.pre", "default"))
    if (kind, pre) != ("gpt2", PRE_TOKENIZER):
        raise TrainingError(
            f"The file's tokenizer is {kind}/{pre}, not gpt2/{PRE_TOKENIZER}: it cannot be rebuilt "
            "for training. Give the model's Hugging Face folder with --base instead."
        )
    template = reader.get_field("tokenizer.chat_template")
    bos = reader.get_field("tokenizer.ggml.bos_token_id")
    tokens = tuple(_value(reader, "tokenizer.ggml.tokens"))
    described = GgufTokenizer(
        tokens=tokens,
        types=tuple(_value(reader, "tokenizer.ggml.token_type")),
        merges=tuple(_value(reader, "tokenizer.ggml.merges", ())),
        eos=int(_value(reader, "tokenizer.ggml.eos_token_id")),
        pad=_pad(reader),
        bos=None if bos is None else int(bos.contents()),
        chat_template=None if template is None else str(template.contents()),
    )
    special = (described.eos, described.pad or 0, described.bos or 0)
    if not all(0 <= index < len(tokens) for index in special):
        raise ValueError("a special token lies outside the vocabulary")
    return described


def _tensors(
    reader: gguf.GGUFReader, config: PretrainedConfig
) -> Iterator[tuple[str, torch.Tensor]]:
    stored = {tensor.name: tensor for tensor in reader.tensors}
    architecture = ARCHITECTURES[config.model_type]
    tied = bool(config.tie_word_embeddings)
    for ours, theirs in all_names(architecture, config.num_hidden_layers, tied=tied).items():
        if theirs not in stored and not is_required(architecture, ours):
            continue
        tensor = stored[theirs]
        # A copy: the reader's arrays are views into a file mapping that cannot be written.
        array = np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
        yield ours, torch.from_numpy(array.reshape(tuple(reversed(tensor.shape.tolist()))))
