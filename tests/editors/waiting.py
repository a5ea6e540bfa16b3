"""Waiting for a condition, in one way for every editor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

# A limit for what never comes. What does come takes seconds, or a minute on a busy machine; on one
# that has better things to do, WHETSTONE_TEST_WAIT_S may say so.
WAIT_S = float(os.environ.get("WHETSTONE_TEST_WAIT_S", "150"))


def until(
    what: str,
    condition: Callable[[], Any],
    *,
    seen: Callable[[], object] = lambda: "",
    timeout_s: float = WAIT_S,
) -> Any:
    """Ask until `condition()` is true, and return it; `seen()` tells what there is instead."""
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout_s:.0f} s\n{seen()}")
        time.sleep(0.05)
    return found
