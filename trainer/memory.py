"""When memory runs out: recognize it, and go on with smaller parts of a batch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from whetstone.errors import TrainingError

T = TypeVar("T")

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Torch has a type for GPUs; its CPU allocator raises a RuntimeError that says so."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


def with_less_memory(
    attempt: Callable[[int], T], size: int, on_smaller: Callable[[int], None]
) -> T:
    """Call `attempt(size)`; when memory runs out, again with half the size.

    Args:
        attempt: given how many examples go through at a time.
        on_smaller: told the new size before it is tried.

    Raises:
        TrainingError: there is not enough memory for one example.
    """
    while True:
        try:
            return attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the traceback, and with it the tensors of its frames, is gone.
        if size == 1:
            raise TrainingError(
                "There is not enough memory to train on one example at a time. The active model "
                "is untouched. Close other programs, or start again with `trainer retrain --fresh` "
                "and a smaller --max-length or --lora-rank."
            )
        size = (size + 1) // 2
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        on_smaller(size)
