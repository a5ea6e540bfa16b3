from __future__ import annotations

import pytest
import torch

from trainer.memory import is_out_of_memory, with_less_memory
from whetstone.errors import TrainingError


def test_what_running_out_of_memory_looks_like() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    cpu = RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    assert is_out_of_memory(cpu)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_halves_until_it_fits() -> None:
    told: list[int] = []

    def attempt(size: int) -> int:
        if size > 2:
            raise torch.OutOfMemoryError("full")
        return size

    assert with_less_memory(attempt, 9, told.append) == 2
    assert told == [5, 3, 2]


def test_one_example_that_does_not_fit_says_what_to_do() -> None:
    def attempt(size: int) -> None:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(TrainingError, match="--max-length"):
        with_less_memory(attempt, 2, lambda size: None)


def test_other_errors_pass() -> None:
    def attempt(size: int) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        with_less_memory(attempt, 8, lambda size: None)
