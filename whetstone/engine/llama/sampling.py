"""From logits to tokens: llama.cpp's sampler chains over a row's likeliest tokens."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

_TOP_P = 0.95
_TOP_K = 64  # the nucleus is looked for among these; sorting all of a large vocabulary is slow
_SAFE = 70.0  # exp(70) times a million tokens is a float32 still
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_NO_SEED = 0xFFFFFFFF  # what llama.cpp takes for "choose one yourself"


class Sampler:
    """One answer's own chain and random numbers: temperature, nucleus, draw."""

    def __init__(self, *, temperature: float, seed: int, number: int) -> None:
        params = llama.llama_sampler_chain_default_params()
        self._chain: Any = llama.llama_sampler_chain_init(params)
        own_seed = (seed + number * 0x9E3779B9) % _NO_SEED
        for part in (
            llama.llama_sampler_init_temp(temperature),
            llama.llama_sampler_init_top_p(_TOP_P, 1),
            llama.llama_sampler_init_dist(own_seed),
        ):
            llama.llama_sampler_chain_add(self._chain, part)  # the chain owns its parts
        self._array = _Array(_TOP_K)

    def draw(self, candidates: NDArray[Any]) -> int:
        """One of at most _TOP_K `candidates` (structured as _CANDIDATE); they stay as they are."""
        self._array.data[: candidates.size] = candidates
        self._array.apply(self._chain, candidates.size)
        token = int(self._array.data["id"][self._array.struct.selected])
        llama.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        llama.llama_sampler_free(self._chain)


class Row:
    """One row of logits: what is likeliest, and how likely a token is."""

    def __init__(self, logits: NDArray[np.float32], workspace: Workspace) -> None:
        self._logits = logits  # (vocabulary,), valid until the next decode
        self._workspace = workspace
        self.best = int(logits.argmax())
        self._shortlist: NDArray[Any] | None = None
        self._total: float | None = None

    def logprob(self, token: int) -> float:
        """In nats, over the whole vocabulary."""
        if self._total is None:
            self._total = self._workspace.logsumexp(self._logits, float(self._logits[self.best]))
        return float(self._logits[token]) - self._total

    def shortlist(self) -> NDArray[Any]:
        """The _TOP_K likeliest tokens; found once for all answers that share the row."""
        if self._shortlist is None:
            self._shortlist = self._workspace.likeliest(self._logits)
        return self._shortlist

    def only(self, tokens: Sequence[int]) -> NDArray[Any]:
        """`tokens` as candidates."""
        found = np.zeros(len(tokens), _CANDIDATE)
        found["id"] = tokens
        found["logit"] = self._logits[list(tokens)]
        return found


class Workspace:
    """Buffers of one vocabulary's size, used again for every row."""

    def __init__(self, vocab_size: int) -> None:
        self._ids = np.arange(vocab_size, dtype=np.int32)
        self._floats = np.empty(vocab_size, np.float32)
        self._ones = np.ones(vocab_size, np.float32)  # a dot product sums twice as fast as a sum
        self._candidates = _Array(vocab_size)
        params = llama.llama_sampler_chain_default_params()
        self._top: Any = llama.llama_sampler_chain_init(params)
        llama.llama_sampler_chain_add(self._top, llama.llama_sampler_init_top_k(_TOP_K))

    def row(self, logits: NDArray[np.float32]) -> Row:
        return Row(logits, self)

    def likeliest(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        array = self._candidates
        array.data["id"] = self._ids
        array.data["logit"] = logits
        array.apply(self._top, logits.size)
        return array.data[: array.struct.size].copy()

    def logsumexp(self, logits: NDArray[np.float32], best: float) -> float:
        floats = self._floats
        if abs(best) < _SAFE:  # neither too large nor too small for a float32 as it is
            np.exp(logits, out=floats)
            return math.log(floats.dot(self._ones))
        np.subtract(logits, np.float32(best), out=floats)
        np.exp(floats, out=floats)
        return best + math.log(floats.dot(self._ones))

    def close(self) -> None:
        """Free llama.cpp's part; harmless when called twice."""
        if self._top:
            llama.llama_sampler_free(self._top)
            self._top = None


class _Array:
    """llama.cpp's candidate array over a numpy array."""

    def __init__(self, size: int) -> None:
        self.data = np.zeros(size, _CANDIDATE)
        pointer = self.data.ctypes.data_as(ctypes.POINTER(llama.llama_token_data))
        self.struct = llama.llama_token_data_array(
            data=pointer, size=size, selected=-1, sorted=False
        )

    def apply(self, chain: Any, size: int) -> None:
        """Let `chain` work on the first `size` candidates."""
        self.struct.size = size
        self.struct.selected = -1
        self.struct.sorted = False
        llama.llama_sampler_apply(chain, ctypes.byref(self.struct))
