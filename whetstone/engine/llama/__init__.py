"""GGUF models in this process, through llama.cpp's low-level interface. See docs/engine.md."""

from whetstone.lean import leave_unopened

# The package itself imports a chat interface with a template language, a quarter of the time that
# the first fix waits for imports; only the C functions in it are used.
leave_unopened("llama_cpp")

from whetstone.engine.llama.engine import LlamaEngine  # noqa: E402
from whetstone.engine.llama.stats import Stats  # noqa: E402

__all__ = ["LlamaEngine", "Stats"]
