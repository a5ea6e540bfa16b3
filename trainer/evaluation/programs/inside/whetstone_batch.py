"""Runs many versions of many programs against their tests, each version in a process of its own.

    python whetstone_batch.py FOLDER

FOLDER/jobs.jsonl holds one program a line: {"visible": ..., "hidden": ..., "versions": [text, ...],
"limit_s": seconds of processor time for one version}. The tests are whole modules that import
`program`. For each version, in order, FOLDER/results.jsonl gets one line: {"visible": status,
"hidden": status, "text": ...} with a status of passed, failed, timeout or "" for not run; `text` is
what pytest would print of the failure. The hidden test runs where the visible one passes. With
"measure", the first version is a right one, and the others may take eight times as long as it did.

pytest is imported once and only to word the failures: it rewrites assertions and formats
tracebacks. Where it is missing, Python's own traceback stands in.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

_WALL_S = 60.0  # a version that sleeps uses no processor time; and the machine may be busy
_PATIENCE, _LEAST_S = 8.0, 0.1
_MAX_TEXT = 4_000
_NAMES = ("visible", "hidden")


def main(folder: Path) -> None:
    os.chdir(folder)
    sys.path.insert(0, "")
    _warm_up()
    with Path("jobs.jsonl").open(encoding="utf-8") as jobs:
        for line in jobs:
            job = json.loads(line)
            with Path("results.jsonl").open("a", encoding="utf-8") as results:
                for version in run_job(job):
                    results.write(json.dumps(version) + "\n")


def _warm_up() -> None:
    """Have Python look files up and compile patterns once, and not again in every process."""
    text = "def add(a, b):\n    return (a + b)[0]\n\n\nassert add(1, 2) == 4\n"
    Path("program.py").write_text(text, encoding="utf-8")
    try:
        exec(compile(text, str(Path("program.py").absolute()), "exec"), {})  # noqa: S102
    except TypeError as error:
        _worded(error)
    gc.collect()
    gc.freeze()


def run_job(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The outcome of every version of one program."""
    tests = {}
    for name in _NAMES:
        Path(f"test_{name}.py").write_text(job[name], encoding="utf-8")
        tests[name] = _compiled(f"test_{name}.py", job[name])
    limit_s = job["limit_s"]
    for number, text in enumerate(job["versions"]):
        if hasattr(os, "fork"):
            result = _forked(text, tests, limit_s)
            if number == 0 and job.get("measure"):
                limit_s = min(limit_s, max(_LEAST_S, _PATIENCE * result.get("cpu_s", limit_s)))
            yield result
        else:
            yield _spawned(text, job)


def _forked(text: str, tests: dict[str, Any], limit_s: float) -> dict[str, Any]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _child(text, tests, limit_s, write)
    os.close(write)
    try:
        return _answer(_read_all(read, time.monotonic() + _WALL_S))
    finally:
        os.close(read)
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _read_all(descriptor: int, deadline: float) -> bytes:
    """What the child says before it ends, or before the deadline."""
    said = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        if not ready:
            break
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            break
        said += chunk
    return said


def _answer(said: bytes) -> dict[str, Any]:
    """A child that was ended says nothing, or that the visible test had passed before."""
    result: dict[str, Any] = {"visible": "timeout", "hidden": "", "text": ""}
    for line in said.decode("utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            result.update(json.loads(line))
    if result["visible"] == "passed" and not result["hidden"]:
        result["hidden"] = "timeout"
    return result


def _child(text: str, tests: dict[str, Any], limit_s: float, out: int) -> NoReturn:
    with contextlib.suppress(OSError):
        os.setsid()
    signal.setitimer(signal.ITIMER_PROF, limit_s)  # its signal ends the process
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    try:
        judge(text, tests, out)
    finally:
        os._exit(0)


def judge(text: str, tests: dict[str, Any], out: int) -> None:
    """Run one version and write its outcome, a line after each test."""
    begin = time.process_time()
    Path("program.py").write_text(text, encoding="utf-8")
    for name in _NAMES:
        failure = _failure(name, text, tests[name])
        row: dict[str, Any] = {
            name: "failed" if failure else "passed",
            "text": failure[-_MAX_TEXT:],
        }
        row["cpu_s"] = time.process_time() - begin
        os.write(out, json.dumps(row).encode() + b"\n")
        if failure:
            return


def _failure(name: str, text: str, test: Any) -> str:
    """What would be printed of a failure; "" when the test passes."""
    try:
        sys.modules.pop("program", None)
        program = types.ModuleType("program")
        program.__file__ = str(Path("program.py").absolute())
        sys.modules["program"] = program
        exec(compile(text, program.__file__, "exec"), program.__dict__)  # noqa: S102
        module = types.ModuleType(f"test_{name}")
        exec(test, module.__dict__)  # noqa: S102
        module.__dict__[f"test_{name}"]()
    except BaseException as error:
        return _worded(error) or type(error).__name__
    return ""


def _worded(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error = error.with_traceback(trace)
    if trace is not None and "pytest" in sys.modules:
        info = sys.modules["pytest"].ExceptionInfo.from_exception(error)
        return str(info.getrepr(style="short"))
    return "".join(traceback.format_exception(error))


def _compiled(name: str, text: str) -> Any:
    path = str(Path(name).absolute())
    tree = ast.parse(text, path)
    rewrite = sys.modules.get("_pytest.assertion.rewrite")
    if rewrite is not None:
        rewrite.rewrite_asserts(tree, text.encode(), path, None)
    return compile(tree, path, "exec", dont_inherit=True)


# -- without fork: one new Python for every version -----------------------------------------------


def _spawned(text: str, job: dict[str, Any]) -> dict[str, Any]:
    Path("one.json").write_text(json.dumps({**job, "versions": [text]}), encoding="utf-8")
    command = [sys.executable, "-B", __file__, str(Path.cwd()), "one"]
    try:
        done = subprocess.run(
            command, timeout=_WALL_S, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        return _answer(done.stdout)
    except subprocess.TimeoutExpired as late:
        return _answer(late.stdout or b"")


def _one() -> None:
    out = os.dup(1)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    job = json.loads(Path("one.json").read_text(encoding="utf-8"))
    tests = {name: _compiled(f"test_{name}.py", job[name]) for name in _NAMES}
    judge(job["versions"][0], tests, out)
    os._exit(0)


# -- with pytest's words --------------------------------------------------------------------------


class _Batch:
    """A plugin that runs the jobs where pytest would run tests: its configuration is ready then."""

    def __init__(self, folder: Path, one: bool) -> None:
        self._folder, self._one = folder, one

    def pytest_collection(self, session: Any) -> bool:
        return True

    def pytest_runtestloop(self, session: Any) -> bool:
        assertion = importlib.import_module("_pytest.assertion")
        item = types.SimpleNamespace(ihook=session.config.hook, config=session.config)
        comparing = assertion.pytest_runtest_protocol(item)
        next(comparing)  # from here to its end, comparisons are explained as in a test
        _start(self._folder, self._one)
        return True


def _start(folder: Path, one: bool) -> None:
    if one:
        os.chdir(folder)
        sys.path.insert(0, "")
        _one()
    main(folder)


if __name__ == "__main__":
    where, alone = Path(sys.argv[1]), len(sys.argv) > 2
    try:
        import pytest
    except ImportError:
        _start(where, alone)
    else:
        options = ["-q", "--tb=short", "--color=no", "--noconftest", "-c", os.devnull]
        options += ["-p", "no:cacheprovider", "--rootdir", str(where)]
        pytest.main(options, plugins=[_Batch(where, alone)])
        os._exit(0)
