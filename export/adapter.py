"""A LoRA adapter as PEFT saves it, read tensor by tensor.

Source: Hu et al. 2021, "LoRA", section 4.1: W + (alpha / r) B A; rsLoRA (Kalajdzievski 2023)
divides by the root of r instead.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from whetstone.errors import TrainingError

_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
# What would change the sum below, with the only values that do not.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": (None, "none"),
    "use_dora": (None, False),
    "fan_in_fan_out": (None, False),
    "modules_to_save": (None, []),
    "alpha_pattern": (None, {}),
    "rank_pattern": (None, {}),
    "lora_bias": (None, False),
}


class Adapter:
    """Which weights an adapter changes, and by how much. Nothing is kept in memory."""

    def __init__(self, folder: Path) -> None:
        """Read the configuration and the names.

        Raises:
            TrainingError: there is no adapter, or it does more than add B A to matrices.
        """
        self._file = folder / "adapter_model.safetensors"
        config = folder / "adapter_config.json"
        if not self._file.is_file() or not config.is_file():
            raise TrainingError(f"{folder}: holds no LoRA adapter (adapter_model.safetensors).")
        facts = json.loads(config.read_text(encoding="utf-8"))
        for key, allowed in _PLAIN.items():
            if facts.get(key) not in allowed:
                raise TrainingError(
                    f"{folder}: its {key} is {facts[key]!r}; only plain LoRA can be merged."
                )
        self.rank = int(facts["r"])
        self.alpha = float(facts["lora_alpha"])
        self.root_rank = bool(facts.get("use_rslora"))
        with safe_open(self._file, framework="pt") as opened:
            stored = set(opened.keys())
        self.modules = sorted(name.removesuffix(_A) for name in stored if name.endswith(_A))
        expected = {module + end for module in self.modules for end in (_A, _B)}
        if stored != expected or not all(m.startswith(_PREFIX) for m in self.modules):
            odd = sorted(stored ^ expected)[:1] or self.modules[:1]
            raise TrainingError(f"{folder}: {odd[0]} is no part of a plain LoRA adapter.")

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.root_rank else self.rank)

    def changes(self) -> dict[str, str]:
        """Name of a weight in the base model -> the adapter's name of its module."""
        return {module.removeprefix(_PREFIX) + ".weight": module for module in self.modules}

    def factors(self, module: str) -> tuple[torch.Tensor, torch.Tensor]:
        """A (rank, in) and B (out, rank) of a module, in 32 bit."""
        with safe_open(self._file, framework="pt") as opened:
            a: torch.Tensor = opened.get_tensor(module + _A)
            b: torch.Tensor = opened.get_tensor(module + _B)
        return a.float(), b.float()

    def delta(self, module: str) -> torch.Tensor:
        """What a module's weight gains, (out, in), in 32 bit."""
        a, b = self.factors(module)
        return self.scale * (b @ a)  # (out, r) @ (r, in) -> (out, in)
