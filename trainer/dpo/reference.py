"""What the reference model says of every example: computed once, kept beside the run's pairs.

The file is bound to the base model, the adapter, the tokens and the layout by a key; with another
key it is as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

KEPT = 32  # likeliest tokens per place: what the KL divergence is measured over
_VERSION = "1"  # of this file's contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Sums per example (N,), and per scored token, examples one after the other (T, kept)."""

    chosen: Tensor
    rejected: Tensor
    offsets: Tensor  # (N + 1,): where each example's tokens begin
    kept_ids: Tensor
    kept_logprobs: Tensor

    def of(self, index: Tensor) -> dict[str, Tensor]:
        """The part about these examples, in their order."""
        rows = torch.cat(
            [torch.arange(int(self.offsets[i]), int(self.offsets[i + 1])) for i in index.tolist()]
        )
        return {
            "reference_chosen": self.chosen[index],
            "reference_rejected": self.rejected[index],
            "kept_ids": self.kept_ids[rows],
            "kept_logprobs": self.kept_logprobs[rows],
        }

    def save(self, path: Path, key: str) -> None:
        """Write it whole or not at all."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        save_file({**asdict(self)}, str(temporary), metadata={"key": key})
        temporary.chmod(0o600)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path, key: str) -> Reference | None:
        """None when there is none, it is damaged, or it belongs to something else."""
        try:
            with safe_open(str(path), "pt") as file:
                if (file.metadata() or {}).get("key") != key:
                    return None
                return cls(**{name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, TypeError):
            return None


def reference_key(base: Path, adapter: Path, rows: Sequence[dict[str, Any]], setting: str) -> str:
    """Changes with the base model, the adapter's contents, the tokens and how they are computed.

    Args:
        setting: what else the numbers depend on, such as the precision.
    """
    digest = hashlib.sha256(f"{_VERSION} {KEPT} {setting}\n".encode())
    for path in sorted(base.glob("*.safetensors")):
        stat = path.stat()  # gigabytes: its identity must do
        digest.update(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for path in sorted(adapter.glob("adapter_*")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for row in rows:
        tokens = [row["prompt"], row["chosen"], row["rejected"]]
        digest.update(json.dumps(tokens).encode())
    return digest.hexdigest()
