"""Start a command under limits, and end it and all it started when it is over one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from whetstone.engine.base import Cancel
from whetstone.errors import Cancelled, SandboxError
from whetstone.sandbox.environment import scrubbed
from whetstone.sandbox.walls import Bind, Level, Walls, available_level, launcher_command

_PREFIX = "whetstone-run-"
_STALE_S = 24 * 3600
_POLL_S = 0.02
_GRACE_S = 1.0  # for the launcher to end what it started, before it is ended itself

KilledFor = Literal["timeout", "memory", "output", "processes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a command may use, all its processes together."""

    timeout_s: float = 20.0
    memory_mb: int = 1024
    output_bytes: int = 4 << 20
    processes: int = 64
    file_mb: int = 256  # the largest single file it may write


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How it ended. `status` is the exit status, 128 + N after signal N."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool
    killed_for: KilledFor | None
    duration_s: float
    isolation: Level  # "full": no network, nothing writable but its own folders

    @property
    def passed(self) -> bool:
        return self.status == 0 and self.killed_for is None


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    limits: Limits | None = None,
    env: Mapping[str, str] | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Run `command` in `cwd`, the only folder of the user's that it can write.

    Args:
        command: the program and its arguments; no shell reads them.
        env: variables beside the scrubbed environment.

    Raises:
        SandboxError: it cannot be started.
        Cancelled: `cancel` was set; everything it started is ended.
    """
    with WorkFolder() as folder:
        walls = Walls(
            level=available_level(),
            folder=folder,
            cwd=cwd.absolute(),
            binds=(
                Bind(source=folder, target=folder, writable=True),
                Bind(source=cwd.absolute(), target=cwd.absolute(), writable=True),
            ),
            environment=scrubbed(folder, extra=env),
        )
        return run_within(walls, command, limits or Limits(), cancel)


class WorkFolder:
    """A temporary folder that goes away even when the command made parts of it read-only."""

    def __enter__(self) -> Path:
        try:
            # resolve(): on macOS the temporary folder is a link, and paths are compared later.
            _sweep(Path(tempfile.gettempdir()))
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        except OSError as error:
            raise SandboxError(
                f"{error.filename}: no room for a test run ({error.strerror}). "
                "Free some space or set TMPDIR."
            ) from error
        return self.path

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():
            for parent, names, _ in os.walk(self.path):
                for inner in (Path(parent, name) for name in names):
                    if not inner.is_symlink():  # chmod would follow it out of here
                        inner.chmod(0o700)
            shutil.rmtree(self.path, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what processes that were killed a day or more ago left behind."""
    for stale in folder.glob(f"{_PREFIX}*"):
        try:
            if time.time() - stale.stat().st_mtime > _STALE_S:
                shutil.rmtree(stale, ignore_errors=True)
        except OSError:
            continue


def run_within(
    walls: Walls, command: Sequence[str], limits: Limits, cancel: Cancel | None = None
) -> RunResult:
    """`run`, with walls of the caller's own."""
    if cancel is not None:
        cancel.raise_if_set()
    program = _find(command, walls)
    start = time.monotonic()
    read_end, write_end = os.pipe()
    try:
        process = _start([program, *command[1:]], walls, limits, write_end)
    except OSError as error:
        os.close(read_end)
        raise SandboxError(f"{command[0]}: cannot be started ({error.strerror}).") from error
    finally:
        os.close(write_end)
    with os.fdopen(read_end, "rb") as report:
        pumps = _Pumps(process, limits.output_bytes)
        reason = _watch(process, pumps, walls, start + limits.timeout_s, cancel)
        stdout, stderr = pumps.finish()
        if reason == "cancel":
            raise Cancelled
        said = _said(report)
    killed = _judge(said, reason, command[0])
    return RunResult(
        status=_status(process.returncode),
        stdout=stdout,
        stderr=stderr,
        timed_out=killed == "timeout",
        killed_for=killed,
        duration_s=time.monotonic() - start,
        isolation=walls.level,
    )


def _find(command: Sequence[str], walls: Walls) -> str:
    if not command or not command[0]:
        raise SandboxError("The test command is empty. Give the program and its arguments.")
    if os.sep in command[0] or "/" in command[0]:
        return command[0]  # relative to the folder it runs in
    found = shutil.which(command[0], path=walls.environment.get("PATH"))
    if found is None:
        raise SandboxError(
            f"{command[0]}: no such program on the PATH. Install it, or start Whetstone from the "
            "environment that has it."
        )
    return found


def _start(
    command: list[str], walls: Walls, limits: Limits, status_fd: int
) -> subprocess.Popen[bytes]:
    environment = dict(walls.environment)
    if sys.platform == "win32":
        return subprocess.Popen(
            command,
            cwd=walls.cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
        )
    numbers = {
        "timeout_s": limits.timeout_s,
        "memory_bytes": limits.memory_mb << 20,
        "file_bytes": limits.file_mb << 20,
        "processes": limits.processes,
    }
    return subprocess.Popen(
        [*launcher_command(walls.argument(numbers, status_fd, program=command[0])), *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(status_fd,),
        start_new_session=True,
    )


def _watch(
    process: subprocess.Popen[bytes],
    pumps: _Pumps,
    walls: Walls,
    deadline: float,
    cancel: Cancel | None,
) -> KilledFor | Literal["cancel"] | None:
    """Wait for the end, or make it; the reason for which it was made."""
    reason: KilledFor | Literal["cancel"] | None = None
    try:
        while True:
            try:
                process.wait(timeout=_POLL_S)
                return "output" if pumps.flooded.is_set() else None
            except subprocess.TimeoutExpired:
                pass
            if cancel is not None and cancel.is_set():
                reason = "cancel"
            elif pumps.flooded.is_set():
                reason = "output"
            elif time.monotonic() > deadline:
                reason = "timeout"
            if reason is not None:
                return reason
    finally:
        _kill(process, walls.level)


def _kill(process: subprocess.Popen[bytes], level: Level) -> None:
    """End the launcher and everything it started."""
    running = process.poll() is None
    if sys.platform == "win32":
        if running:
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
    elif running or level == "none":
        if running and level == "none":
            process.send_signal(signal.SIGTERM)  # it ends its descendants, also those in sessions
            try:
                process.wait(timeout=_GRACE_S)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # all of the group has ended
    process.wait()


class _Pumps:
    """Two threads that read the output as it comes, up to a limit."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        self.flooded = threading.Event()
        self._left = limit
        self._lock = threading.Lock()
        self._kept: list[bytearray] = [bytearray(), bytearray()]
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        self._streams = streams
        self._threads = [
            threading.Thread(target=self._pump, args=(stream, kept), daemon=True)
            for stream, kept in zip(streams, self._kept, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _pump(self, stream: IO[bytes], kept: bytearray) -> None:
        descriptor = stream.fileno()
        while True:
            try:
                chunk = os.read(descriptor, 1 << 16)
            except OSError:
                return
            if not chunk:
                return
            with self._lock:
                kept += chunk[: self._left]
                self._left = max(0, self._left - len(chunk))
                if self._left == 0:
                    self.flooded.set()  # what comes now is read and dropped until it is ended

    def finish(self) -> tuple[str, str]:
        deadline = time.monotonic() + _GRACE_S
        for thread in self._threads:
            # A process that escaped may hold the pipe open for ever.
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        for stream, thread in zip(self._streams, self._threads, strict=True):
            if not thread.is_alive():
                stream.close()
        return _text(self._kept[0]), _text(self._kept[1])


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", errors="replace")


def _said(report: IO[bytes]) -> str:
    """What the launcher reported; nothing, when the command simply ran."""
    if sys.platform == "win32":
        return ""
    os.set_blocking(report.fileno(), False)
    return _text(report.read() or b"").strip()


def _judge(
    said: str, reason: KilledFor | Literal["cancel"] | None, program: str
) -> KilledFor | None:
    kind, _, rest = said.partition(": ")
    if kind == "setup":
        raise SandboxError(f"The sandbox cannot be set up here ({rest}). Nothing was run.")
    if kind == "start":
        raise SandboxError(f"{program}: cannot be started ({rest}).")
    if rest == "memory":
        return "memory"
    if rest == "processes":
        return "processes"
    if rest == "timeout":
        return "timeout"
    return None if reason == "cancel" else reason


def _status(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode
