"""Counting what a session computes, with the engine's own cache and without its computing."""

from __future__ import annotations

import numpy as np

from benchmarks.reuse import counts


def test_what_stays_what_moves_and_what_comes_back() -> None:
    first = np.arange(1000, 1400, dtype=np.int32)
    edited = np.concatenate([first[:100], [1, 2, 3], first[103:]]).astype(np.int32)
    other = np.arange(5000, 5400, dtype=np.int32)
    prompts = [first, edited, other, edited]

    # Shifting computes the three tokens and the last one; the prompt that comes back, only that.
    assert counts(prompts, shift=True, cell=8, cache_mb=1) == [400, 4, 400, 1]
    assert counts(prompts, shift=False, cell=8, cache_mb=1) == [400, 300, 400, 1]
    # Without room for it, nothing comes back.
    assert counts(prompts, shift=True, cell=8, cache_mb=0) == [400, 4, 400, 400]
