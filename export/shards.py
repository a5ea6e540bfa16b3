"""Safetensors folders written shard by shard, so that only one shard is in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file

_SHARD_BYTES = 1 << 30


def save_shards(
    tensors: Iterable[tuple[str, torch.Tensor]], folder: Path, *, shard_bytes: int = _SHARD_BYTES
) -> None:
    """Write (name, tensor) pairs as `model.safetensors`, or as shards with their index.

    Args:
        tensors: read one after the other; each may be freed once the next is asked for.
        shard_bytes: a shard is written when it would become larger; one tensor may exceed it.
    """
    shards: list[list[str]] = []
    waiting: dict[str, torch.Tensor] = {}
    size = 0

    def flush() -> None:
        save_file(waiting, folder / f"shard-{len(shards)}.safetensors", {"format": "pt"})
        shards.append(list(waiting))
        waiting.clear()

    for name, tensor in tensors:
        tensor = tensor.contiguous()
        bytes_more = tensor.numel() * tensor.element_size()
        if waiting and size + bytes_more > shard_bytes:
            flush()
            size = 0
        waiting[name] = tensor
        size += bytes_more
    if waiting:
        flush()
    if len(shards) == 1:
        (folder / "shard-0.safetensors").replace(folder / "model.safetensors")
        return
    places = {name: f"shard-{i}.safetensors" for i, names in enumerate(shards) for name in names}
    index = json.dumps({"metadata": {}, "weight_map": places})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
