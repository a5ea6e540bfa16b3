"""Token ids and logits as llama.cpp computes them, for comparison with the model exported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from export.quantize import silence
from whetstone.engine.llama.adapters import Adapters
from whetstone.errors import TrainingError


class LlamaLogits:
    """One GGUF file on the CPU, computed in 32 bit."""

    def __init__(
        self, path: Path, *, context_tokens: int = 512, adapter: Path | None = None
    ) -> None:
        """`adapter` is a LoRA adapter as GGUF, put over the model."""
        silence()
        llama.llama_backend_init()
        params = llama.llama_model_default_params()
        params.n_gpu_layers = 0
        self._model = llama.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            raise TrainingError(f"{path}: llama.cpp cannot load the file that was just exported.")
        self._vocab = llama.llama_model_get_vocab(self._model)
        self.vocab_size = int(llama.llama_vocab_n_tokens(self._vocab))
        context = llama.llama_context_default_params()
        context.n_ctx = context.n_batch = context.n_ubatch = context_tokens
        # The file is judged, not the cache it is served with: that one rounds to 16 bit.
        context.type_k = context.type_v = llama.GGML_TYPE_F32
        context.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        # Its threads wait by spinning: more than the machine can spare makes it far slower.
        context.n_threads = context.n_threads_batch = max(1, (os.cpu_count() or 2) // 2)
        self._context = llama.llama_init_from_model(self._model, context)
        try:
            Adapters(self._model).apply(self._context, adapter)
        except BaseException:
            self.close()
            raise
        self._limit = context_tokens

    def tokenize(self, text: str) -> list[int]:
        """Token ids with special tokens parsed and none added."""
        data = text.encode()
        room = len(data) + 8
        tokens = (llama.llama_token * room)()
        count = llama.llama_tokenize(self._vocab, data, len(data), tokens, room, False, True)
        return list(tokens[: max(0, count)])

    def logits(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Logits after every token, (tokens, vocabulary)."""
        tokens = tokens[: self._limit]
        llama.llama_memory_clear(llama.llama_get_memory(self._context), True)
        batch = llama.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for index, token in enumerate(tokens):
                batch.token[index], batch.pos[index] = token, index
                batch.n_seq_id[index], batch.seq_id[index][0] = 1, 0
                batch.logits[index] = True
            status = llama.llama_decode(self._context, batch)
            if status != 0:
                raise TrainingError(f"llama_decode failed with status {status}.")
            rows = [self._row(index) for index in range(len(tokens))]
        finally:
            llama.llama_batch_free(batch)
        return np.stack(rows)

    def _row(self, index: int) -> NDArray[np.float32]:
        pointer: Any = llama.llama_get_logits_ith(self._context, index)
        return np.array(np.ctypeslib.as_array(pointer, shape=(self.vocab_size,)), np.float32)

    def close(self) -> None:
        if self._context:
            llama.llama_free(self._context)
            llama.llama_model_free(self._model)
            self._context = None

    def __enter__(self) -> LlamaLogits:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
