"""Runs many small scripts in one process under limits; a file of its own, so that it starts fast.

    python problem_worker.py < jobs    # one JSON line per job: {"script": ..., "limit_s": ...}

For each job one JSON line comes back: {"error": "" or the exception's name, "detail": ...}.
The parent kills a worker that stays silent (a script that catches even `OutOfTime`).
Linux and macOS set limits on time, memory and files; elsewhere only the parent's clock counts.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
import traceback
import types

MEMORY_BYTES = 1 << 30
FILE_BYTES = 1 << 24


class OutOfTime(BaseException):
    """The script ran past its limit."""


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))


def _stop(_number: int, _frame: object) -> None:
    raise OutOfTime


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.2 if seconds else 0)


def run(script: str, limit_s: float) -> dict[str, str]:
    """The outcome of one script in a fresh module called `program`."""
    module = types.ModuleType("program")
    sys.modules["program"] = module  # dataclasses look their module up
    silent = io.StringIO()
    try:
        code = compile(script, "program.py", "exec")
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            try:
                _alarm(limit_s)
                exec(code, module.__dict__)  # noqa: S102 - that is the task
            finally:
                _alarm(0)
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == "program.py"), 0)
        return {"error": type(error).__name__, "detail": f"line {line}: {error}"[:300]}
    return {"error": "", "detail": ""}


def main() -> None:
    _limit()
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _stop)
    out = sys.stdout
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(run(job["script"], job["limit_s"])), file=out, flush=True)


if __name__ == "__main__":
    main()
