"""`python -m MODULE` in processes that begin with the training libraries imported.

Each is a fork of multiprocessing's fork server, which imports them once: seconds of CPU less, with
a pid, an environment, standard streams and an end of its own. What only a fresh interpreter shows
has its tests too: `python -m trainer` in test_reporter.py and tests/e2e, launchers in test_team.py.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["trainer.trainers", "trainer.training", "export.verify"])


def start(
    module: str, *arguments: str, into: Path | None = None, env: Mapping[str, str] | None = None
) -> BaseProcess:
    """The process; `into` is the folder of its `stdout` and `stderr`, which are lost without one.

    `exitcode` is that of the module, or minus the signal that ended it. It leads a process group.
    """
    environment = dict(os.environ) if env is None else dict(env)
    work = (module, arguments, environment, os.getcwd(), into)
    process = _CONTEXT.Process(target=_work, args=work)
    process.start()
    return process


def run(
    module: str, *arguments: str, timeout_s: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Wait for the end, as `subprocess.run` does.

    Raises:
        subprocess.TimeoutExpired: it was killed after `timeout_s`.
    """
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        process = start(module, *arguments, into=into, env=env)
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *arguments], timeout_s)
        said = [(into / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess([module, *arguments], process.exitcode, *said)


def team(module: str, *arguments: str, count: int, timeout_s: float) -> None:
    """Start `count` processes that train together, as a launcher does, and wait for their end.

    Raises:
        AssertionError: one failed, or was killed after `timeout_s`.
    """
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        processes, folders = [], []
        for rank in range(count):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count,
                     "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}  # fmt: skip
            given = {name: str(value) for name, value in place.items()} if count > 1 else {}
            env = {**os.environ, **given, "MASTER_ADDR": "127.0.0.1"}
            folders.append(Path(folder) / str(rank))
            folders[-1].mkdir()
            processes.append(start(module, *arguments, into=folders[-1], env=env))
        for process in processes:
            process.join(timeout_s)
        ends = [process.exitcode for process in processes]
        for process in processes:
            process.kill()
        said = [(each / "stderr").read_text(encoding="utf-8") for each in folders]
        assert ends == [0] * count, (ends, said)


def _work(
    module: str, arguments: tuple[str, ...], env: dict[str, str], folder: str, into: Path | None
) -> None:
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        path = Path(os.devnull) if into is None else into / name
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
