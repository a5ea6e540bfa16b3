"""Runs the tests of a file again and again in one sandbox: pytest is imported once.

    python whetstone_bench.py FOLDER

The other side puts `request-N.json` into FOLDER and waits for `answer-N.json`; the sandbox gives a
command no standard input. Each request runs in a process of its own, forked where that is possible.
Without pytest, unittest runs what it can.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from whetstone_forked import ended  # type: ignore[import-not-found,unused-ignore]

_POLL_S = 0.005
_HERE = str(Path(__file__).resolve().parent)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if path != _HERE), _HERE]
    if len(arguments) > 1:  # one request, in a process of its own
        _child(folder, int(arguments[1]))
    if hasattr(os, "fork") and importlib.util.find_spec("pytest") is not None:
        _preload()
    number = 0
    while not (folder / "stop").exists():
        if (folder / f"request-{number}.json").exists():
            answer = _answer(folder, number)
            temporary = folder / f"answer-{number}.tmp"
            temporary.write_text(json.dumps(answer), encoding="utf-8")
            temporary.replace(folder / f"answer-{number}.json")
            number += 1
        else:
            time.sleep(_POLL_S)
    return 0


def _preload() -> None:
    """Import pytest and its plugins once, for all the processes that are forked from this one."""
    try:
        from importlib.metadata import entry_points

        from _pytest.config import default_plugins

        for name in default_plugins:
            importlib.import_module(f"_pytest.{name}")
        given = os.environ.get("PYTEST_ADDOPTS", "").split()
        for point in entry_points(group="pytest11"):
            if f"no:{point.name}" not in given:  # what is switched off need not be imported
                point.load()
    except Exception:
        return  # then each request imports what it needs, and says what is wrong
    finally:
        importlib.invalidate_caches()
        gc.freeze()  # what is shared is no garbage: looking through it would copy all its memory


def _answer(folder: Path, number: int) -> dict[str, Any]:
    wanted = _read(folder, number)
    deadline = time.monotonic() + wanted["timeout_s"]
    begin = time.monotonic()
    status = _forked(folder, number, deadline) if hasattr(os, "fork") else None
    if not hasattr(os, "fork"):
        status = _spawned(folder, number, wanted["timeout_s"])
    return {"status": status, "duration_s": time.monotonic() - begin}


def _forked(folder: Path, number: int, deadline: float) -> int | None:
    """Exit status; None when the time was up."""
    child = os.fork()
    if child == 0:
        os.setsid()
        _child(folder, number)
    status: int | None = ended(child, deadline)
    return status


def _spawned(folder: Path, number: int, timeout_s: float) -> int | None:
    command = [sys.executable, "-B", __file__, str(folder), str(number)]
    try:
        return subprocess.run(command, timeout=timeout_s, check=False).returncode
    except subprocess.TimeoutExpired:
        return None


def _read(folder: Path, number: int) -> dict[str, Any]:
    text = (folder / f"request-{number}.json").read_text(encoding="utf-8")
    wanted: dict[str, Any] = json.loads(text)
    return wanted


# -- in the process of one request ----------------------------------------------------------------


def _child(folder: Path, number: int) -> NoReturn:
    code = 1
    try:
        wanted = _read(folder, number)
        output = os.open(folder / f"output-{number}.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        report = str(folder / f"report-{number}.jsonl")
        os.environ["WHETSTONE_REPORT"] = report
        os.environ["WHETSTONE_TRACE"] = os.getcwd() if wanted["trace"] else ""
        os.environ["WHETSTONE_LIMIT_S"] = str(wanted.get("limit_s", 0))
        os.environ["WHETSTONE_MANY"] = wanted.get("many", "")
        if importlib.util.find_spec("pytest") is not None:
            code = _pytest(wanted)
        else:
            unittest_runner = importlib.import_module("whetstone_unittest")
            code = unittest_runner.run(wanted["tests"], report, trace=wanted["trace"])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        os._exit(code)


def _pytest(wanted: dict[str, Any]) -> int:
    import pytest

    arguments = [
        "-q", "--tb=short", "--color=no", "--no-header", "-p", "no:cacheprovider",
        "-p", "whetstone_pytest", "-p", "whetstone_many", f"--rootdir={os.getcwd()}",
        "-W", "ignore::pytest.PytestAssertRewriteWarning",  # plugins were imported before
    ]  # fmt: skip
    # The workspace's own options stay, but for those that would hide lines or mix up the order.
    if importlib.util.find_spec("xdist") is not None:
        arguments.append("-n0")
    if importlib.util.find_spec("pytest_cov") is not None:
        arguments.append("--no-cov")
    if importlib.util.find_spec("pytest_randomly") is not None:
        arguments += ["-p", "no:randomly"]
    if wanted.get("many"):  # only whether they pass is asked: what they say would take most of it
        arguments += ["-x", "--tb=no", "--assert=plain"]
    return int(pytest.main([*arguments, *wanted["tests"]]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
