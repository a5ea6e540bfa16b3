"""LoRA adapters over one loaded model: the weights stay as they are, and a change of adapter takes
milliseconds.

llama.cpp adds an adapter's products while it computes a context's graph. What a context has
computed with one adapter means nothing to another: the caches are kept apart by `engine.py`.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama

from whetstone.errors import ModelError

_LOADED = 4  # adapters in memory; rank 16 over 7 B parameters takes 160 MB


class Adapters:
    """Those of one model that were used last. Freed with the model at the latest."""

    def __init__(self, model: Any) -> None:
        """`model` is llama.cpp's handle."""
        self._model = model
        self._loaded: dict[Path, Any] = {}  # least recently used first

    def apply(self, context: Any, path: Path | None) -> None:
        """Let `context` compute with the adapter at `path` from now on; None is the model alone.

        Raises:
            ModelError: the file is missing or belongs to another model; nothing has changed.
        """
        handle = None if path is None else self._load(path)
        array = (llama.llama_adapter_lora_p_ctypes * 1)(handle)
        scale = (ctypes.c_float * 1)(1.0)
        status = llama.llama_set_adapters_lora(context, array, int(handle is not None), scale)
        if status != 0:
            raise ModelError(f"{path}: llama.cpp cannot use this adapter (status {status}).")
        for other in list(self._loaded)[:-_LOADED]:
            llama.llama_adapter_lora_free(self._loaded.pop(other))

    def _load(self, path: Path) -> Any:
        handle = self._loaded.pop(path, None)
        if handle is None:
            if not path.is_file():
                raise ModelError(f"{path}: no such adapter file. Run `whetstone models list`.")
            handle = llama.llama_adapter_lora_init(self._model, os.fsencode(path))
        if not handle:
            raise ModelError(
                f"{path}: llama.cpp cannot put this adapter over the model. It was made for "
                "another one, or is damaged: `whetstone models verify` tells."
            )
        self._loaded[path] = handle
        return handle
