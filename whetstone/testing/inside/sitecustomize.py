"""Watches a test command that is not pytest: Python imports this module when it starts.

It stands on PYTHONPATH in front of the environment's own sitecustomize, which is then imported.
"""

from __future__ import annotations

import atexit
import os
import sys


def _go_on() -> None:
    """Import the sitecustomize that this one hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    path, own = list(sys.path), sys.modules.pop("sitecustomize", None)
    sys.path[:] = [each for each in path if os.path.abspath(each or ".") != here]
    try:
        import sitecustomize  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
    except ImportError:
        if own is not None:
            sys.modules["sitecustomize"] = own
    finally:
        sys.path[:] = path


def _watch(root: str, report: str) -> None:
    words = " ".join(getattr(sys, "orig_argv", sys.argv))
    if "pytest" in words or not report:
        return  # its plugin does it, test by test
    # What the tests start themselves is not watched: whether it fails says little.
    del os.environ["WHETSTONE_TRACE"]
    from whetstone_tracer import Tracer  # type: ignore[import-not-found,unused-ignore]

    tracer = Tracer(root)
    if "unittest" in words:
        _watch_unittest(tracer)
        atexit.register(tracer.write, report)
        return
    failed: list[bool] = []
    shown = sys.excepthook

    def hook(*raised: object) -> None:
        failed.append(True)
        shown(*raised)  # type: ignore[arg-type]

    def end() -> None:
        tracer.stop("", failed=bool(failed))
        tracer.write(report)

    sys.excepthook = hook
    atexit.register(end)
    tracer.start(script=True)


def _watch_unittest(tracer: object) -> None:
    import unittest

    run = unittest.TestCase.run

    def watched(self: unittest.TestCase, result: unittest.TestResult | None = None) -> object:
        function = getattr(self, self._testMethodName)
        tracer.start(getattr(function, "__code__", None))  # type: ignore[attr-defined]
        wrong = 0
        if result is not None:
            wrong = len(result.failures) + len(result.errors)
        try:
            return run(self, result)
        finally:
            now = 0 if result is None else len(result.failures) + len(result.errors)
            tracer.stop(self.id(), failed=now > wrong)  # type: ignore[attr-defined]

    unittest.TestCase.run = watched  # type: ignore[method-assign,assignment]


try:
    _go_on()
finally:
    if os.environ.get("WHETSTONE_TRACE"):
        _watch(os.environ["WHETSTONE_TRACE"], os.environ.get("WHETSTONE_REPORT", ""))
