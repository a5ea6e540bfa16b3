"""What each quantization type would cost and keep, measured on the model that a run has made."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from export.choice import LEAST_TEXTS, importance_that_pays
from export.comparison import TypeRow, compare_types, types_worth_comparing
from export.importance import Importance
from export.quantize import full_file
from export.verify import Comparison

_TEXTS = 60  # prompts that the importance matrix is made of and judged by
_CHARS = 2_000  # of each

Say = Callable[[str], None]


def importance_from(
    prompts: Sequence[str], merged: Path, near: Path, quantization: str, say: Say
) -> Importance | None:
    """The importance matrix of the user's own prompts, where it brings the type closer to F16."""
    texts = [prompt[-_CHARS:] for prompt in dict.fromkeys(prompts)][:_TEXTS]
    if len(texts) < LEAST_TEXTS or not quantization.endswith(("_k", "_k_m")):
        return None
    if not _has_room(merged, near, say, "importance matrix"):
        return None
    found, note = importance_that_pays(merged, near, quantization, texts)
    say(note)
    return found


def measure_types(
    merged: Path,
    near: Path,
    quantization: str,
    *,
    importance: Importance | None,
    pairs: Sequence[Comparison],
    margin_before: float | None,
    say: Say,
) -> list[TypeRow]:
    """The rows of the table; none, and a word about it, when the disk has no room to make them."""
    if not _has_room(merged, near, say, "table of the types"):
        return []
    with full_file(merged, near) as full:
        return compare_types(
            full,
            types_worth_comparing(quantization, _weights(merged)),
            importance=importance,
            pairs=pairs,
            margin_before=margin_before,
        )


def _has_room(merged: Path, near: Path, say: Say, what: str) -> bool:
    """Do the files fit that are made for a while, one unquantized, one of 16 bit, and others?"""
    needed, free = 3 * _weights(merged), shutil.disk_usage(near.parent).free
    if free < needed:
        say(
            f"No {what}: it needs {needed >> 20:,} MB of disk for a while, and {free >> 20:,} MB "
            "are free."
        )
    return free >= needed


def _weights(merged: Path) -> int:
    return sum(path.stat().st_size for path in merged.glob("*.safetensors"))
