"""Runs inside the sandbox's first process: draw the walls, start the command, watch it, clear up.

Started by its path with `python -I -S`, so it imports the standard library only. It is a program
of its own because limits set between fork and exec (`preexec_fn`) can deadlock a server that has
threads. argv: one JSON object (see `Walls` in walls.py), then the command.

With the walls up, the processes are: this one; its child, which is process 1 of a new process
namespace and builds the file system; and the command. When process 1 ends, the kernel ends all
that the command has started, whatever it did to escape.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_NEWNS, _NEWIPC, _NEWUSER = 0x00020000, 0x08000000, 0x10000000
_NEWPID, _NEWNET = 0x20000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 0x2, 0x4, 0x8
_SYS_MOUNT_SETATTR, _AT_RECURSIVE, _ATTR_RDONLY = 442, 0x8000, 0x1
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SUBREAPER, _PR_NO_NEW_PRIVS = 1, 24, 36, 38
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_WATCH_S = 0.05
_OVERTIME_S = 5.0  # past the time limit, for when nobody is left who keeps it
_KILLED = 137


def main(arguments: list[str]) -> NoReturn:
    walls: dict[str, Any] = json.loads(arguments[0])
    command = arguments[1:]
    status: int = walls["status_fd"]
    os.set_inheritable(status, False)
    walls["deadline"] = time.monotonic() + walls["timeout_s"] + _OVERTIME_S
    try:
        if sys.platform == "linux":
            # The thread that started us waits for us; when it is killed, so are we.
            ending = signal.SIGTERM if walls["level"] == "none" else signal.SIGKILL
            _call("prctl", _PR_SET_PDEATHSIG, ending, 0, 0, 0)
        if walls["level"] == "none":
            if sys.platform == "linux":
                _call("prctl", _PR_SUBREAPER, 1, 0, 0, 0)
            os._exit(_supervise(walls, command, status))
        os._exit(_walled(walls, command, status))
    except OSError as error:
        os.write(status, f"setup: {error}\n".encode())
        os._exit(125)


# -- the walls --------------------------------------------------------------------------------


def _call(name: str, *arguments: Any) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(getattr(libc, name)(*arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def _walled(walls: dict[str, Any], command: list[str], status: int) -> int:
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", _NEWUSER | _NEWNET | _NEWNS | _NEWPID | _NEWIPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _loopback_up()
    first = os.fork()
    if first == 0:
        try:
            _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _build(walls)
            _drop_capabilities()
            os._exit(_supervise(walls, command, status))
        except OSError as error:
            os.write(status, f"setup: {error}\n".encode())
            os._exit(125)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def _loopback_up() -> None:
    """The new network has a loopback only, and it is down: tests with local servers need it."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _build(walls: dict[str, Any]) -> None:
    """Everything read-only; /tmp, /run and the like replaced by empty folders; a few ways in.

    Sources are opened first, because a mount on /tmp hides what lies below it.
    """
    _mount(None, "/", _MS_REC | _MS_PRIVATE)
    covers = [(_open(source), target) for source, target in walls["covers"]]
    # (source, where it appears, writable), in an order in which none hides an earlier one
    binds = [(_open(source), target, free) for source, target, free in walls["binds"]]
    _mount("proc", "/proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, kind="proc")
    _set_readonly("/", True)
    for source, target in covers:
        _mount(f"/proc/self/fd/{source}", target, _MS_BIND)
        _set_readonly(target, False)
    for source, target, free in binds:
        if not Path(target).exists():
            Path(target).mkdir(parents=True)
        _mount(f"/proc/self/fd/{source}", target, _MS_BIND | _MS_REC)
        _set_readonly(target, not free)


def _open(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _mount(source: str | None, target: str, flags: int, *, kind: str | None = None) -> None:
    encoded = [text if text is None else os.fsencode(text) for text in (source, target, kind)]
    _call("mount", encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None)


def _set_readonly(path: str, readonly: bool) -> None:
    set_, clear = (_ATTR_RDONLY, 0) if readonly else (0, _ATTR_RDONLY)
    attributes = (ctypes.c_uint64 * 4)(set_, clear, 0, 0)  # struct mount_attr
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    here = ctypes.c_long(-100)  # AT_FDCWD
    flags = ctypes.c_ulong(_AT_RECURSIVE)
    _call("syscall", ctypes.c_long(_SYS_MOUNT_SETATTR), here, os.fsencode(path), flags,
          ctypes.byref(attributes), size)  # fmt: skip


def _drop_capabilities() -> None:
    """Else root inside could make the file system writable again."""
    for capability in range(64):
        try:
            _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:
            break  # past the last one this kernel knows
    _call("prctl", _PR_NO_NEW_PRIVS, 1, 0, 0, 0)


# -- the command ------------------------------------------------------------------------------


def _supervise(walls: dict[str, Any], command: list[str], status: int) -> int:
    """Exit status of the command; 128 + N where signal N ended it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if walls["level"] == "none":
        signal.signal(signal.SIGTERM, lambda *_: _end_all())
    child = os.fork()
    if child == 0:
        _execute(walls, command, status)
    code = None
    try:
        while code is None:
            code = _reap(child)
            broken = None if code is not None else _excess(walls)
            if broken:
                os.write(status, f"killed: {broken}\n".encode())
                return _KILLED
            if code is None:
                _wait_for_child()
        return code
    finally:
        if walls["level"] == "none":
            _kill_descendants()


def _execute(walls: dict[str, Any], command: list[str], status: int) -> NoReturn:
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        _limit(walls)
        os.chdir(walls["cwd"])
        os.execvp(command[0], command)  # noqa: S606  a list of arguments, and no shell
    except (OSError, ValueError) as error:
        os.write(status, f"start: {error}\n".encode())
    os._exit(126)


def _limit(walls: dict[str, Any]) -> None:
    import resource

    def cap(kind: int, value: int) -> None:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))

    cap(resource.RLIMIT_CORE, 0)
    cap(resource.RLIMIT_FSIZE, walls["file_bytes"])
    # Not RLIMIT_AS: numpy and others reserve far more address space than they ever use.
    cap(resource.RLIMIT_DATA, walls["memory_bytes"])
    if walls["level"] != "none":
        # Counted within the namespace; outside of one it would count all the user's processes.
        cap(resource.RLIMIT_NPROC, walls["processes"])


def _reap(child: int) -> int | None:
    """Collect whatever ended; the exit status once it is `child` itself."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return _KILLED
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _wait_for_child() -> None:
    if sys.platform == "linux":
        signal.sigtimedwait({signal.SIGCHLD}, _WATCH_S)
    else:
        time.sleep(0.02)


# -- watching ---------------------------------------------------------------------------------


def _excess(walls: dict[str, Any]) -> str | None:
    """Which limit all the command's processes together are over; memory and number on Linux."""
    if time.monotonic() > walls["deadline"]:
        return "timeout"
    inside = _descendants()
    if len(inside) > walls["processes"]:
        return "processes"
    if sum(map(_private_bytes, inside)) > walls["memory_bytes"]:
        return "memory"
    return None


def _descendants() -> list[int]:
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    """What a process started; a process or thread that ended meanwhile has none."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    children: list[int] = []
    for thread in threads:
        try:
            text = (thread / "children").read_text()
        except OSError:
            continue
        children += map(int, text.split())
    return children


def _private_bytes(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


def _kill_descendants() -> None:
    """As their subreaper we inherit orphans, so the list ends empty unless new ones outrun us."""
    for _ in range(100):
        found = _descendants()
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _end_all() -> NoReturn:
    _kill_descendants()
    os._exit(_KILLED)


if __name__ == "__main__":
    main(sys.argv[1:])
