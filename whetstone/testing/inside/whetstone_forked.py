"""Waiting for a forked process that has a session of its own, for as long as it may take."""

from __future__ import annotations

import os
import signal
import sys
import time

_POLL_S = 0.002


def ended(child: int, deadline: float) -> int | None:
    """Exit status; None when the monotonic `deadline` came first. Nothing of it is left running."""
    try:
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status) if sys.version_info >= (3, 9) else status
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_S)
    finally:
        try:
            os.killpg(child, signal.SIGKILL)
        except OSError:
            pass  # it has ended, and nothing that it started is left
        try:
            os.waitpid(child, 0)
        except OSError:
            pass
