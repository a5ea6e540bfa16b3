"""Nothing that goes wrong in a handler reaches the user as a traceback."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

log = logging.getLogger(__name__)

Handler = TypeVar("Handler", bound=Callable[..., Any])


def guarded(fallback: Callable[..., Any] = lambda *_: None) -> Callable[[Handler], Handler]:
    """Log what a handler raises and answer with `fallback(params)` instead."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def guarded_sync(*args: Any) -> Any:
            try:
                return handler(*args)
            except Exception:
                log.exception("%s failed", handler.__name__)
                return fallback(*args)

        @functools.wraps(handler)
        async def guarded_async(*args: Any) -> Any:
            try:
                return await handler(*args)
            except Exception:
                log.exception("%s failed", handler.__name__)
                return fallback(*args)

        chosen: Any = guarded_async if asyncio.iscoroutinefunction(handler) else guarded_sync
        return chosen  # type: ignore[no-any-return]

    return decorate
