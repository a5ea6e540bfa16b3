"""How the in-process engine runs a model: what `whetstone tune` chooses and settings override."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Switch = Literal["auto", "on", "off"]
KvType = Literal["f16", "q8_0"]

# The largest value a record or a caller may ask for, by field; the smallest is below.
_HIGH = {
    "context_tokens": 1_048_576,
    "threads": 1024,
    "threads_batch": 1024,
    "batch": 16_384,
    "ubatch": 16_384,
    "gpu_layers": 10_000,
    "sequences": 64,
    "cache_mb": 1_048_576,
    "draft_tokens": 64,
}
_LOW = {"gpu_layers": -1, "batch": 32, "ubatch": 32, "context_tokens": 256, "sequences": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Values of 0 for threads, and -1 for GPU layers, let the engine choose.

    Raises:
        ValueError: a value is out of its range or of another type; names the field.
    """

    context_tokens: int = 4096  # longest prompt and answer together; cut to the model's own
    threads: int = 0  # for single tokens; 0: half of the logical cores, at most 8
    threads_batch: int = 0  # for prompts; 0: as `threads`
    batch: int = 256  # most tokens in one llama_decode
    ubatch: int = 256  # most tokens that llama.cpp computes at once; sizes its buffers
    flash_attention: Switch = "auto"
    kv_type: KvType = "f16"  # "q8_0" halves the cache; needs flash attention
    gpu_layers: int = -1  # -1: all of them, where there is a GPU
    sequences: int = 8  # candidates that decode side by side; more go in turns
    cache_mb: int = 512  # MB (1e6 bytes) for the prompts of recent documents
    cache_on_disk: bool = False  # and keep them from one session to the next
    speculation: bool = True  # guess the answer's next tokens from the prompt, verify in one pass
    draft_tokens: int = 8  # longest such guess
    context_shift: Switch = "auto"  # approximate: reuse what an edit moved; auto: in chat prompts

    def __post_init__(self) -> None:
        for name, high in _HIGH.items():
            value, low = getattr(self, name), _LOW.get(name, 0)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; allowed is {low} to {high}")
        for name in ("speculation", "cache_on_disk"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed is true or false")
        for name, choices in (
            ("flash_attention", Switch),
            ("context_shift", Switch),
            ("kv_type", KvType),
        ):
            if getattr(self, name) not in get_args(choices):
                allowed = ", ".join(get_args(choices))
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed is {allowed}")
        if self.kv_type == "q8_0" and self.flash_attention == "off":
            raise ValueError("kv_type q8_0 needs flash_attention auto or on")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EngineOptions:
        """Fields that `data` lacks keep their defaults; those it has too many are not used.

        Raises:
            ValueError: a value is not allowed.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})
