"""GGUF models in this process, through llama.cpp's low-level interface. See docs/engine.md."""

from whetstone.engine.llama.engine import LlamaEngine
from whetstone.engine.llama.stats import Stats

__all__ = ["LlamaEngine", "Stats"]
