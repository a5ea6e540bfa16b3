"""A pytest plugin: the outcome of every test, and the lines it ran when that is wanted.

Told by the environment: WHETSTONE_REPORT is the file to add to, WHETSTONE_TRACE the folder whose
files are watched.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from whetstone_tracer import Tracer  # type: ignore[import-not-found,unused-ignore]

# Taken out of the environment: a pytest that the tests start is none of our business.
_report = os.environ.pop("WHETSTONE_REPORT", "")
_root = os.environ.pop("WHETSTONE_TRACE", "")
_limit_s = float(os.environ.pop("WHETSTONE_LIMIT_S", "0"))  # for all tests, when they are watched
_HANGS = 0.5  # a test that takes so much of the time that is left is ended
_end = time.monotonic() + _limit_s
_tracer = Tracer(_root) if _root else None
if os.environ.get("PYTEST_PLUGINS") == "whetstone_pytest":
    del os.environ["PYTEST_PLUGINS"]
_WORST = ("passed", "skipped", "failed")
_outcomes: dict[str, str] = {}


def pytest_runtest_logreport(report: Any) -> None:
    """The worst of setup, call and teardown; an expected failure counts as passed."""
    outcome = "skipped" if hasattr(report, "wasxfail") and report.skipped else report.outcome
    before = _outcomes.get(report.nodeid, "passed")
    _outcomes[report.nodeid] = max(before, outcome, key=_WORST.index)


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _outcomes[report.nodeid] = "failed"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    function = inspect.unwrap(getattr(item, "obj", None) or (lambda: None))
    left_s = _end - time.monotonic()
    alarmed = _limit_s > 0 and left_s > 0 and _alarm(_HANGS * left_s)
    _tracer.start(getattr(getattr(function, "__func__", function), "__code__", None))
    yield
    _tracer.stop(item.nodeid, failed=False)  # how it ended is known at the end
    if alarmed:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _alarm(seconds: float) -> bool:
    """Let a test that hangs fail where it is: killed, it could not say which lines it ran.

    Not on Windows, nor where the project has an alarm of its own.
    """
    if not hasattr(signal, "setitimer") or signal.getsignal(signal.SIGALRM) != signal.SIG_DFL:
        return False
    if threading.current_thread() is not threading.main_thread():
        return False

    def end(_number: int, _frame: Any) -> None:
        __tracebackhide__ = True  # what pytest prints ends where the test was
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise TimeoutError(f"the test did not end within {seconds:.0f} s")

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    return True


def pytest_sessionfinish() -> None:
    if not _report:
        return
    with open(_report, "a", encoding="utf-8") as file:
        for name, outcome in _outcomes.items():
            file.write(json.dumps({"outcome": outcome, "test": name}) + "\n")
    if _tracer is not None:
        for context in _tracer.contexts:
            context["failed"] = _outcomes.get(context["test"]) == "failed"
        _tracer.write(_report)
