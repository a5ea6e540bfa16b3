"""llama.cpp's batch over arrays of our own: filling it costs slices, not one call per token."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np


class Batch:
    """Tokens of one llama_decode. A token may belong to several sequences and is computed once."""

    def __init__(self, size: int, sequences: int) -> None:
        self.size = size
        self._token = np.zeros(size, np.int32)
        self._pos = np.zeros(size, np.int32)
        self._count = np.zeros(size, np.int32)  # how many sequences each token belongs to
        self._seq = np.zeros((size, sequences), np.int32)
        # llama.cpp wants one pointer per token: row i of _seq.
        row_bytes = sequences * self._seq.itemsize
        self._rows = self._seq.ctypes.data + np.arange(size, dtype=np.uintp) * row_bytes
        self._rows = self._rows.astype(np.uintp)
        self._logits = np.zeros(size, np.int8)
        self.struct = llama.llama_batch(
            n_tokens=0,
            token=_pointer(self._token, llama.llama_token),
            embd=None,
            pos=_pointer(self._pos, llama.llama_pos),
            n_seq_id=_pointer(self._count, ctypes.c_int32),
            seq_id=_pointer(self._rows, ctypes.POINTER(llama.llama_seq_id)),
            logits=_pointer(self._logits, ctypes.c_int8),
        )
        self.starts: dict[int, int] = {}  # the first position of each sequence in the batch

    def clear(self) -> None:
        self.struct.n_tokens = 0
        self.starts.clear()

    def add(
        self, tokens: Sequence[int], position: int, sequences: Sequence[int], *, outputs: int
    ) -> int:
        """Append `tokens` from `position` on; the last `outputs` of them give logits.

        Returns the batch index of the first token.
        """
        begin = self.struct.n_tokens
        end = begin + len(tokens)
        if len(tokens) == 1:  # most calls: single elements are set ten times as fast as slices
            self._token[begin] = tokens[0]
            self._pos[begin] = position
            self._count[begin] = len(sequences)
            self._logits[begin] = outputs
            for place, sequence in enumerate(sequences):
                self._seq[begin, place] = sequence
        else:
            self._token[begin:end] = tokens
            self._pos[begin:end] = range(position, position + len(tokens))
            self._count[begin:end] = len(sequences)
            self._seq[begin:end, : len(sequences)] = sequences
            self._logits[begin:end] = 0
            self._logits[end - outputs : end] = 1
        self.struct.n_tokens = end
        for sequence in sequences:
            self.starts.setdefault(sequence, position)
        return int(begin)


def _pointer(array: Any, kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))
