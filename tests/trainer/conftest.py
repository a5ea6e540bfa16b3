"""The training tests are offline and use one thread."""

from __future__ import annotations

from training_world import code, new_pair, pair, problem, programs_file, tiny_gguf, world

__all__ = ["code", "new_pair", "pair", "problem", "programs_file", "tiny_gguf", "world"]
