"""Packing samples into rows: best fit, block-diagonal attention, loss on answers mostly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

IGNORED = -100
_OPEN_ROWS = 24  # rows being filled at a time; more packs tighter and mixes less


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`rows` packed rows of `width` tokens."""

    ids: Tensor  # (rows, width) int64
    targets: Tensor  # (rows, width) int64, IGNORED where nothing is learned
    answer: Tensor  # (rows, width) bool: the target belongs to an answer
    positions: Tensor  # (rows, width) int64, from 0 in every sample
    mask: Tensor  # (rows, 1, width, width) bool: causal inside a sample, nothing across
    tokens: int


class Packer:
    """An endless stream of batches; the same seed gives the same batches."""

    def __init__(
        self, path: Path, *, width: int, rows: int, prompt_loss: float, seed: int, pad: int
    ) -> None:
        with np.load(path) as data:
            self._ids = data["ids"].astype(np.int64)
            self._ends: NDArray[np.int64] = data["ends"]
            self._prompts: NDArray[np.int64] = data["prompts"]
        self._starts = np.concatenate([[0], self._ends[:-1]])
        self._width, self._row_count, self._pad = width, rows, pad
        self._prompt_loss = prompt_loss
        self._random = np.random.default_rng(seed)
        self._packed = self._rows()

    def _rows(self) -> Iterator[list[int]]:
        open_rows: list[tuple[int, list[int]]] = []
        while True:
            for sample in self._random.permutation(len(self._ends)):
                size = int(self._ends[sample] - self._starts[sample])
                fits = [(used, n) for n, (used, _) in enumerate(open_rows)
                        if used + size <= self._width]  # fmt: skip
                if fits:
                    _, n = max(fits)
                    used, members = open_rows[n]
                    open_rows[n] = (used + size, [*members, int(sample)])
                else:
                    open_rows.append((size, [int(sample)]))
                if len(open_rows) > _OPEN_ROWS:
                    fullest = max(range(len(open_rows)), key=lambda n: open_rows[n][0])
                    yield open_rows.pop(fullest)[1]

    def next(self) -> Batch:
        shape = (self._row_count, self._width)
        ids = np.full(shape, self._pad, np.int64)
        targets = np.full(shape, IGNORED, np.int64)
        answer = np.zeros(shape, bool)
        positions = np.zeros(shape, np.int64)
        owner = np.zeros(shape, np.int64)  # 0: padding, which attends to padding only
        tokens = 0
        for row in range(self._row_count):
            at = 0
            for number, sample in enumerate(next(self._packed), start=1):
                text = self._ids[self._starts[sample] : self._ends[sample]]
                size, prompt = len(text), int(self._prompts[sample])
                ids[row, at : at + size] = text
                owner[row, at : at + size] = number
                positions[row, at : at + size] = np.arange(size)
                targets[row, at + prompt - 1 : at + size - 1] = text[prompt:]
                answer[row, at + prompt - 1 : at + size - 1] = True
                learned = np.flatnonzero(self._random.random(prompt - 1) < self._prompt_loss)
                targets[row, at + learned] = text[learned + 1]
                at += size
            tokens += at
        owners = torch.from_numpy(owner)
        same = owners[:, None, :, None] == owners[:, None, None, :]  # (rows, 1, width, width)
        causal = torch.ones(self._width, self._width, dtype=torch.bool).tril()
        return Batch(
            ids=torch.from_numpy(ids),
            targets=torch.from_numpy(targets),
            answer=torch.from_numpy(answer),
            positions=torch.from_numpy(positions),
            mask=same & causal,
            tokens=tokens,
        )
