"""Asking a server that may be away: again after a moment, and then not for a while.

A connection that fails and an answer that says "too busy" (429, 502, 503, 504) are tried again,
twice, after a pause that grows or that the server names. Then the server counts as away: until the
next try is due every request fails at once with the same message, so that the rules answer without
waiting. The first request after that goes to the server again; when it works, all is as before.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from whetstone.engine.base import Cancel
from whetstone.engine.wire import Answer, Request, TimedOut, Unreachable, send
from whetstone.errors import EngineError

BUSY = frozenset({429, 502, 503, 504})
_PAUSES_S = (0.2, 0.6)
_LONGEST_PAUSE_S = 3.0  # a server that names more is away
_AWAY_S = (5.0, 60.0)  # the first time, and at most
_LONGEST_AWAY_S = 300.0
_POLL_S = 0.02


class ServerAway(EngineError):
    """The server did not answer a moment ago, and is not asked again yet."""


class Patience:
    """The tries of one server, and what is known about its being away."""

    def __init__(self, explain: Callable[[Answer], str]) -> None:
        """`explain` puts an answer of BUSY into words for the user."""
        self._explain = explain
        self._message = ""
        self._until = 0.0
        self._wait_s = _AWAY_S[0]

    @property
    def away(self) -> str:
        """Why the server counts as away; empty when the last request reached it."""
        return self._message

    def send(self, request: Request, cancel: Cancel | None = None) -> Answer:
        """The server's answer; one of BUSY only when all tries ended so.

        Raises:
            Cancelled: `cancel` was set, also during a pause.
            ServerAway: it failed a moment ago.
            EngineError: all tries failed.
        """
        if time.monotonic() < self._until:
            raise ServerAway(self._message)
        for pause_s in (*_PAUSES_S, None):
            try:
                answer = send(request, cancel)
            except Unreachable as error:
                if pause_s is None:
                    self._mark(str(error), None)
                    raise
                named = None
            except TimedOut as error:  # a try took long enough
                self._mark(str(error), None)
                raise
            else:
                if answer.status not in BUSY:
                    self._message, self._until, self._wait_s = "", 0.0, _AWAY_S[0]
                    return answer
                named = answer.retry_after_s
                if pause_s is None or (named is not None and named > _LONGEST_PAUSE_S):
                    self._mark(self._explain(answer), named)
                    return answer
            _rest(pause_s if named is None else named, cancel)
        raise AssertionError("the last try returns or raises")

    def _mark(self, message: str, named: float | None) -> None:
        """Away from now on: for as long as the server says, else longer each time."""
        self._message = message
        wait_s = self._wait_s if named is None else min(named, _LONGEST_AWAY_S)
        self._until = time.monotonic() + wait_s
        self._wait_s = min(2 * self._wait_s, _AWAY_S[1])


def _rest(seconds: float, cancel: Cancel | None) -> None:
    """Wait, with a quarter more or less so that many clients do not come back at once."""
    end = time.monotonic() + seconds * random.uniform(0.75, 1.25)
    while (left := end - time.monotonic()) > 0:
        if cancel is not None:
            cancel.raise_if_set()
        threading.Event().wait(min(_POLL_S, left))
    if cancel is not None:
        cancel.raise_if_set()
