"""LoRA adapters in the registry: each an entry that names the model it is put over."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from whetstone.errors import ModelError
from whetstone.models.entry import ModelEntry
from whetstone.models.gguf_info import GgufInfo
from whetstone.prompt import GGUF_FORMAT_KEY

if TYPE_CHECKING:
    from whetstone.models.registry import Registry


def adapted(registry: Registry, served: ModelEntry, name: str | None) -> ModelEntry:
    """What the setting `adapter` makes of the model that serves: the entry to answer with.

    Args:
        name: an adapter over the same model, or that model itself, without any.

    Raises:
        ModelError: there is no such adapter, or it belongs to another model.
    """
    if name is None or name == served.name:
        return served
    entry = registry.resolve_name(name)
    base, other = registry.base_of(served).model_id, registry.base_of(entry).model_id
    if base != other:
        raise ModelError(
            f"adapter = {name!r}: it belongs to {other}, and {base} serves. Choose one of its "
            "adapters: `whetstone models list`."
        )
    return entry


def over(base: ModelEntry, adapter: ModelEntry) -> ModelEntry:
    """The entry of an adapter: what it does not have itself is its base's."""
    return dataclasses.replace(
        adapter,
        base=base.model_id,
        prompt_format=base.prompt_format,
        parameters=base.parameters,
        quantization=base.quantization,
        context_tokens=base.context_tokens,
    )


def is_over(entry: ModelEntry, name: str) -> bool:
    """Is `entry` an adapter of the model called `name`?"""
    return entry.base is not None and base_name(entry) == name


def base_name(entry: ModelEntry) -> str:
    """The name of the model that `entry` is put over; a model's own."""
    return entry.name if entry.base is None else entry.base.rsplit("@", 1)[0]


def check_fits(path: Path, info: GgufInfo, base: ModelEntry) -> None:
    """Raises ModelError when the adapter at `path` can be none of `base`."""
    if base.base is not None:
        raise ModelError(f"{base.name} is an adapter itself. Name the model it is put over.")
    named = info.metadata.get(GGUF_FORMAT_KEY, base.prompt_format)
    if info.architecture != base.architecture or named != base.prompt_format:
        raise ModelError(
            f"{path}: an adapter of a {info.architecture} model with the prompt format {named}; "
            f"{base.name} is {base.architecture}, {base.prompt_format}. It was made for another."
        )
