"""Models of true sizes with random weights: what counts for speed is the shape, not the sense.

The shapes of Qwen2.5-0.5B and 3B, in Q4_K_M by llama.cpp's own quantizer. The vocabulary is a
byte-level BPE trained on the standard library and padded to Qwen's size, so that prompts have as
many tokens as with a real one. Written tensor by tensor; at most one matrix is in memory.
"""

from __future__ import annotations

import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from benchmarks.qwen import QWEN2_5, QwenShape
from export.files import scratch_file
from export.quantize import quantize
from export.tokenizer import PRE_TOKENIZER, GgufTokenizer, to_gguf
from trainer.starter.tokenizer import train_tokenizer

_LEARNED = 32_000  # tokens that the vocabulary really uses
_TOKENIZER_BYTES = 6_000_000
# Large enough that one token stands out, as in a trained model: else every draw is noise, and the
# nucleus holds half of the vocabulary.
_EMBEDDING_SPREAD = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(QwenShape):
    """A Qwen2 with a tied output matrix."""

    name: str

    @property
    def kv_size(self) -> int:
        return self.hidden // self.heads * self.kv_heads

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """GGUF name -> shape, rows first, of every tensor in the order of the file."""
        wide, narrow, inner = self.hidden, self.kv_size, self.intermediate
        layer = {
            "attn_norm.weight": (wide,),
            "attn_q.weight": (wide, wide),
            "attn_q.bias": (wide,),
            "attn_k.weight": (narrow, wide),
            "attn_k.bias": (narrow,),
            "attn_v.weight": (narrow, wide),
            "attn_v.bias": (narrow,),
            "attn_output.weight": (wide, wide),
            "ffn_norm.weight": (wide,),
            "ffn_gate.weight": (inner, wide),
            "ffn_up.weight": (inner, wide),
            "ffn_down.weight": (wide, inner),
        }
        every = {"token_embd.weight": (self.vocabulary, wide), "output_norm.weight": (wide,)}
        for number in range(self.layers):
            every |= {f"blk.{number}.{name}": size for name, size in layer.items()}
        return every


SHAPES = {
    name: Shape(name=name, **asdict(QWEN2_5[size]))
    for name, size in (("qwen2.5-0.5b", "0.5b"), ("qwen2.5-3b", "3b"))
}


def random_model(
    shape: Shape, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """The quantized file in `folder`, written when it is not there yet.

    Raises:
        TrainingError: the disk is full or llama.cpp refuses.
    """
    out = folder / f"random-{shape.name}-q4_k_m.gguf"
    if out.is_file():
        return out
    folder.mkdir(parents=True, exist_ok=True)
    with scratch_file(out) as wide:
        _write(shape, _vocabulary(shape.vocabulary), wide, progress)
        quantize(wide, out, "q4_k_m")
    return out


def _vocabulary(size: int) -> GgufTokenizer:
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as name:
        folder = train_tokenizer(_texts(), min(_LEARNED, size - 64), Path(name))
        (folder / "config.json").write_text('{"model_type": "qwen2"}', encoding="utf-8")
        return to_gguf(AutoTokenizer.from_pretrained(folder), size)


def _texts() -> Iterator[str]:
    left = _TOKENIZER_BYTES
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        left -= len(text)
        if left < 0:
            return
        yield text


def _write(
    shape: Shape, words: GgufTokenizer, out: Path, progress: Callable[[int, int], None] | None
) -> None:
    writer = gguf.GGUFWriter(out, "qwen2")
    writer.add_name(f"random {shape.name}")
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_F16))
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(32_768)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    writer.add_token_merges(words.merges)
    writer.add_eos_token_id(words.eos)
    writer.add_bos_token_id(words.eos)
    writer.add_pad_token_id(words.eos)
    writer.add_add_bos_token(False)
    tensors = shape.tensors()
    try:
        for name, size in tensors.items():
            kind = np.float16 if len(size) > 1 else np.float32
            count = int(np.prod(size))
            writer.add_tensor_info(name, size, np.dtype(kind), count * np.dtype(kind).itemsize)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        rng = np.random.default_rng(0)
        for number, (name, size) in enumerate(tensors.items(), start=1):
            writer.write_tensor_data(_values(name, size, rng))
            if progress:
                progress(number, len(tensors))
        writer.flush()
    finally:
        writer.close()


def _values(
    name: str, size: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float16] | NDArray[np.float32]:
    if len(size) == 1:  # norms keep the scale, biases are small
        level, spread = (1.0, 0.0) if name.endswith("norm.weight") else (0.0, 0.1)
        return (level + spread * rng.standard_normal(size, dtype=np.float32)).astype(np.float32)
    spread = _EMBEDDING_SPREAD if name.startswith("token_embd") else size[1] ** -0.5
    values = rng.standard_normal(size, dtype=np.float32)
    values *= np.float32(spread)
    return values.astype(np.float16)
