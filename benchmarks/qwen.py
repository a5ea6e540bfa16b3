"""The public shapes of Qwen2.5 models; the benchmarks put random weights into them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QwenShape:
    """What of a Qwen2's configuration decides its size; `tied`: one matrix for input and output."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int = 151_936
    tied: bool = True


QWEN2_5 = {
    "0.5b": QwenShape(layers=24, hidden=896, intermediate=4864, heads=14, kv_heads=2),
    "3b": QwenShape(layers=36, hidden=2048, intermediate=11008, heads=16, kv_heads=2),
    "7b": QwenShape(
        layers=28, hidden=3584, intermediate=18944, heads=28, kv_heads=4,
        vocabulary=152_064, tied=False,
    ),
}  # fmt: skip
