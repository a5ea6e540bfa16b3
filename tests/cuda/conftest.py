"""Tests that need an NVIDIA GPU. Without one each is skipped, with the reason.

`python -m benchmarks.gpu --out FOLDER` runs them, with the measurements that want a GPU.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from training_world import new_pair, pair, problem, tiny_gguf, world

__all__ = ["new_pair", "pair", "problem", "tiny_gguf", "world"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if HERE in item.path.parents]
    reason = why_not() if mine else ""
    for item in mine:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def why_not() -> str:
    """Empty where CUDA can be used."""
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    return "" if torch.cuda.is_available() else "torch sees no NVIDIA GPU"
