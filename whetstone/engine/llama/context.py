"""One llama.cpp context: its key-value cache, its decodes, and the state of its sequences."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from whetstone.engine.llama.batch import Batch
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.stats import Counters
from whetstone.engine.llama.stop import StopFlag
from whetstone.engine.options import EngineOptions
from whetstone.errors import Cancelled, EngineError, ModelError

PROMPT = 0  # the sequence that holds the current prompt
SPARE = 1  # the first of those for answers, or for parts of a prompt that move
ROWS = 32  # most positions of one decode whose logits are kept; each costs 4 bytes x vocabulary

_ABORTED = 2  # what llama_decode returns when the abort callback said stop
_FULL = 1
_VIEWS = 4 * ROWS
_FLASH = {"auto": -1, "off": 0, "on": 1}
_KV = {"f16": 1, "q8_0": 8}  # enum ggml_type
# A decode is stopped between two operations on CPUs, of which the longest is about a hundredth of
# it, but on GPUs only when it is over.
_CHUNK_CPU_S, _CHUNK_GPU_S = 10.0, 0.1
_CHUNK_LOW = 32


# The same function, whose answer is a number: making a pointer object takes longer than the call.
_logits_address = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32)(
    ("llama_get_logits_ith", llama._lib)
)


class Context:
    """Not thread-safe, except for the stop flag."""

    def __init__(self, model: Model, options: EngineOptions, counters: Counters) -> None:
        """Raises ModelError when there is not enough memory."""
        trained = model.trained_context
        wanted = options.context_tokens
        self.size = min(wanted, trained) if trained > 0 else wanted
        self.sequences = options.sequences
        self.stop = StopFlag()
        self.batch = Batch(max(options.batch, ROWS), options.sequences + 1)
        self._counters = counters
        self._vocab_size = model.vocab_size
        self._handle = self._open(model, options)
        self._memory = llama.llama_get_memory(self._handle)
        self.can_trim = model.can_trim
        self.can_shift = model.can_trim and bool(llama.llama_memory_can_shift(self._memory))
        self._row_type = ctypes.c_float * model.vocab_size
        self._rows: dict[int, NDArray[np.float32]] = {}  # views by address: making one takes 1 µs
        self._largest_chunk = options.batch
        self._chunk_s = _CHUNK_GPU_S if model.on_gpu else _CHUNK_CPU_S
        self._token_s = 0.0  # measured seconds per token of a prompt; 0 is unknown

    def _open(self, model: Model, options: EngineOptions) -> Any:
        params = llama.llama_context_default_params()
        params.n_ctx = self.size
        params.n_batch = self.batch.size
        params.n_ubatch = min(options.ubatch, self.batch.size)
        params.n_seq_max = options.sequences + 1
        params.n_outputs_max = ROWS
        params.n_outputs_max_per_seq = ROWS
        params.kv_unified = True  # sequences share the cells of the prompt
        # Half of the logical cores: llama.cpp's threads wait for each other by spinning, and on two
        # cores that had other work to do, two threads were forty times slower than one.
        params.n_threads = options.threads or max(1, min(8, (os.cpu_count() or 2) // 2))
        params.n_threads_batch = options.threads_batch or params.n_threads
        self._threads = (params.n_threads, params.n_threads_batch)
        params.flash_attn_type = _FLASH[options.flash_attention]
        params.type_k = params.type_v = _KV[options.kv_type]
        params.abort_callback = self.stop.callback
        params.abort_callback_data = self.stop.data
        handle = llama.llama_init_from_model(model.handle, params)
        if not handle:
            raise ModelError(
                f"{model.path}: llama.cpp cannot make a context of {params.n_ctx} tokens. "
                "Set `context_tokens` lower, or use a smaller model."
            )
        return handle

    def use_adapter(self, model: Model, path: Path | None) -> None:
        """Compute with the LoRA adapter at `path`, None for none, from now on.

        What the sequences hold was computed without it: that is the caller's to take away.

        Raises:
            ModelError: it cannot be used; the one before stays.
        """
        model.adapters.apply(self._handle, path)

    def limit_threads(self, most: int | None) -> None:
        """Compute with at most so many threads; None: with those that were configured."""
        threads = [count if most is None else min(count, most) for count in self._threads]
        llama.llama_set_n_threads(self._handle, *threads)

    def close(self) -> None:
        """Free the cache; harmless when called twice."""
        if self._handle:
            self.stop.close()
            llama.llama_free(self._handle)
            self._handle = None

    @property
    def is_open(self) -> bool:
        return bool(self._handle)

    # -- decoding -----------------------------------------------------------------------------

    def decode(self) -> None:
        """Compute the tokens of `self.batch`.

        Raises:
            Cancelled: the request was cancelled; nothing of the batch stays in the cache.
            EngineError: llama.cpp failed.
        """
        while True:
            if self.stop.wanted:
                raise Cancelled
            self.stop.begin()
            status = llama.llama_decode(self._handle, self.batch.struct)
            self.stop.end()
            if status == 0:
                self._counters.decodes += 1
                return
            # A batch that was stopped may have left part of itself in the cache.
            for sequence, begin in self.batch.starts.items():
                self.trim(sequence, begin)
            if status != _ABORTED:
                break
            if self.stop.wanted:
                raise Cancelled
            self.stop.clear()
        why = "its cache is full" if status == _FULL else f"status {status}"
        raise EngineError(
            f"llama.cpp could not continue ({why}). Set `context_tokens` higher, or restart."
        )

    def decode_prompt(self, tokens: Sequence[int], position: int, *, outputs: int) -> int:
        """Decode `tokens` into the prompt's sequence, keeping the logits of the last `outputs`.

        Returns the batch index of the first of those.
        """
        self.batch.clear()
        self.batch.add(tokens, position, [PROMPT], outputs=outputs)
        started = time.perf_counter()
        self.decode()
        seconds = time.perf_counter() - started
        self._counters.prompt_seconds += seconds
        if len(tokens) >= _CHUNK_LOW:
            latest = seconds / len(tokens)
            self._token_s = (self._token_s + latest) / 2 if self._token_s else latest
        return len(tokens) - outputs

    @property
    def chunk(self) -> int:
        """How many tokens of a prompt to decode at once, so that stopping it takes no 200 ms."""
        if not self._token_s:
            return min(self._largest_chunk, 4 * _CHUNK_LOW)
        fitting = int(self._chunk_s / self._token_s) // _CHUNK_LOW * _CHUNK_LOW
        return max(_CHUNK_LOW, min(self._largest_chunk, fitting))

    def row(self, index: int) -> NDArray[np.float32]:
        """Logits after the token at `index` of the batch: a view of (vocabulary,) float32 that is
        valid until the next decode."""
        address = _logits_address(self._handle, index)
        row = self._rows.get(address)
        if row is None:
            if len(self._rows) > _VIEWS:  # llama.cpp's buffer has moved
                self._rows.clear()
            array: Any = self._row_type.from_address(address)
            row = self._rows[address] = np.frombuffer(array, dtype=np.float32)
        return row

    # -- sequences ----------------------------------------------------------------------------

    def trim(self, sequence: int, begin: int) -> bool:
        """Forget the positions from `begin` on. False when this model cannot: all is forgotten."""
        if llama.llama_memory_seq_rm(self._memory, sequence, begin, -1):
            return True
        self.drop(sequence)
        return begin == 0

    def drop(self, sequence: int) -> None:
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, source: int, target: int, begin: int = -1, end: int = -1) -> None:
        """Let `target` share the cells of `source` at positions `begin` to `end`."""
        llama.llama_memory_seq_cp(self._memory, source, target, begin, end)

    def move(self, sequence: int, delta: int) -> None:
        """Shift all positions of `sequence` by `delta`; the rotary embedding is adapted."""
        llama.llama_memory_seq_add(self._memory, sequence, -1, -1, delta)

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """The cells of `sequence`, for `load`."""
        size = llama.llama_state_seq_get_size(self._handle, sequence)
        data = np.empty(size, np.uint8)
        written = llama.llama_state_seq_get_data(self._handle, _bytes(data), size, sequence)
        return data[:written]

    def load(self, sequence: int, data: NDArray[np.uint8]) -> bool:
        """Replace `sequence` by what `save` gave; False when llama.cpp refuses it."""
        self.drop(sequence)
        read = llama.llama_state_seq_set_data(self._handle, _bytes(data), data.size, sequence)
        if read != data.size:
            self.drop(sequence)
        return bool(read == data.size)


def _bytes(data: NDArray[np.uint8]) -> Any:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
