"""Real processes that misbehave in the ways the sandbox is there for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from whetstone.engine.base import Cancel
from whetstone.errors import Cancelled, SandboxError
from whetstone.sandbox import Level, Limits, RunResult, run

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")


def _python(code: str, folder: Path, **limits: float) -> RunResult:
    settings = Limits(**{"timeout_s": 10.0, **limits})  # type: ignore[arg-type]
    return run([sys.executable, "-c", code], cwd=folder, limits=settings)


def _gone(marker: str, *, patience: int = 100) -> bool:
    """No process with `marker` in its command line is left, within two seconds."""
    for _ in range(patience):
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(path.read_bytes())
            except OSError:
                continue
        if not any(marker.encode() in line for line in lines):
            return True
        time.sleep(0.02)
    return False


def test_output_status_and_folder(level: Level, folder: Path) -> None:
    code = "import os, sys; print(os.getcwd()); print('é', file=sys.stderr); sys.exit(3)"
    result = _python(code, folder)
    assert (result.status, result.stdout.strip(), result.stderr) == (3, str(folder), "é\n")
    assert (result.killed_for, result.timed_out, result.passed) == (None, False, False)
    assert result.isolation == level
    assert _python("", folder).passed


def test_a_signal_is_told_as_a_shell_does(level: Level, folder: Path) -> None:
    assert _python("import os; os.kill(os.getpid(), 11)", folder).status == 139


def test_a_program_that_is_not_there(level: Level, folder: Path) -> None:
    with pytest.raises(SandboxError, match="no such program"):
        run(["whetstone-none"], cwd=folder)
    with pytest.raises(SandboxError, match="cannot be started"):
        run(["./none"], cwd=folder)
    with pytest.raises(SandboxError, match="empty"):
        run([], cwd=folder)


# A child, a grandchild in a session of its own, and one that ignores SIGTERM.
_FAMILY = """
import subprocess, sys, time
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60) #MARK"
subprocess.Popen([sys.executable, "-c", sleep])
subprocess.Popen([sys.executable, "-c",
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}], "
    "start_new_session=True)"])
print("started", flush=True)
"""


@needs_proc
def test_the_time_limit_ends_all_generations(level: Level, folder: Path) -> None:
    marker = f"mark-{os.urandom(6).hex()}"
    start = time.monotonic()
    code = _FAMILY.replace("MARK", marker) + "time.sleep(60)"
    result = _python(code, folder, timeout_s=1.0)
    assert result.timed_out and result.killed_for == "timeout"
    assert not result.passed and result.status != 0
    assert result.stdout == "started\n"
    assert time.monotonic() - start < 50
    assert _gone(marker)


@needs_proc
def test_what_is_left_running_ends_with_the_command(level: Level, folder: Path) -> None:
    marker = f"mark-{os.urandom(6).hex()}"
    result = _python(_FAMILY.replace("MARK", marker), folder)
    assert result.passed
    assert result.duration_s < 20
    assert _gone(marker)


@needs_proc
def test_it_ends_when_whetstone_is_killed(level: Level, folder: Path) -> None:
    marker = f"mark-{os.urandom(6).hex()}"
    script = folder / "parent.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from whetstone.sandbox import Limits, process\n"
        f"process.available_level = lambda: {level!r}\n"
        f"code = {_FAMILY.replace('MARK', marker)!r} + 'time.sleep(60)'\n"
        "if __name__ == '__main__':\n"
        "    process.run([sys.executable, '-c', code], cwd=Path.cwd(), limits=Limits())\n"
    )
    parent = subprocess.Popen([sys.executable, script], cwd=folder)
    while _gone(marker, patience=1):
        assert parent.poll() is None
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    assert _gone(marker)


def test_leftovers_of_killed_runs_are_swept(
    level: Level, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old, new = tmp_path / "whetstone-run-old", tmp_path / "whetstone-run-new"
    for left in (old, new):
        left.mkdir()
    os.utime(old, (1, 1))
    assert _python("", folder).passed
    assert (old.exists(), new.exists()) == (False, True)


@needs_proc
def test_cancel_stops_it_quickly(level: Level, folder: Path) -> None:
    marker = f"mark-{os.urandom(6).hex()}"
    cancel = Cancel()
    threading.Timer(0.5, cancel.set).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        code = _FAMILY.replace("MARK", marker) + "time.sleep(60)"
        run([sys.executable, "-c", code], cwd=folder, cancel=cancel)
    assert time.monotonic() - start < 50
    assert _gone(marker)
    with pytest.raises(Cancelled):  # set beforehand: nothing is started
        run([sys.executable, "-c", "open('x', 'w')"], cwd=folder, cancel=cancel)
    assert not (folder / "x").exists()


def test_one_process_cannot_take_more_memory(level: Level, folder: Path) -> None:
    code = "x = bytearray(400 << 20); print('had it')"
    result = _python(code, folder, memory_mb=200)
    assert not result.passed
    assert "had it" not in result.stdout
    assert _python(code, folder, memory_mb=600).passed


@needs_proc
def test_many_processes_together_cannot_either(level: Level, folder: Path) -> None:
    code = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(b'x' * (60 << 20)); time.sleep(30)\n"
        "time.sleep(30)\n"
    )
    result = _python(code, folder, memory_mb=150)
    assert result.killed_for == "memory"
    assert not result.timed_out
    assert result.duration_s < 20


@needs_proc
def test_a_fork_bomb_is_ended(level: Level, folder: Path) -> None:
    code = (
        "import os, time\n"
        "for _ in range(40):\n"
        "    try:\n"
        "        if os.fork() == 0: time.sleep(30)\n"
        "    except OSError: pass\n"
        "time.sleep(30)\n"
    )
    result = _python(code, folder, processes=10, timeout_s=20)
    assert result.killed_for in ("processes", "timeout")
    if os.geteuid() == 0:  # for others the kernel refuses the fork, and the program waits
        assert result.killed_for == "processes"


def test_a_flood_of_output_is_cut_off(level: Level, folder: Path) -> None:
    code = "while True: print('x' * 1000)"
    result = _python(code, folder, output_bytes=100_000)
    assert result.killed_for == "output"
    assert len(result.stdout) == 100_000
    assert result.duration_s < 20


def test_output_up_to_the_limit_is_kept(level: Level, folder: Path) -> None:
    result = _python("print('x' * 99_998)", folder, output_bytes=100_000)
    assert result.passed
    assert len(result.stdout) == 99_999


def test_a_large_file_is_refused(level: Level, folder: Path) -> None:
    result = _python("open('big', 'wb').write(b'x' * (3 << 20))", folder, file_mb=1)
    assert not result.passed
    assert (folder / "big").stat().st_size <= 1 << 20


def test_no_secrets_in_the_environment(
    level: Level, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK",
                 "HTTPS_PROXY", "WHETSTONE_DATA", "DATABASE_URL"):  # fmt: skip
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("LC_TIME", "C")
    code = "import os; print(os.environ)"
    if Path("/proc/self/environ").exists():
        code += "; print(open('/proc/self/environ').read())"
    result = run([sys.executable, "-c", code], cwd=folder, env={"MINE": "1"})
    assert "hunter2" not in result.stdout
    assert "'MINE': '1'" in result.stdout and "'LC_TIME': 'C'" in result.stdout
    assert (
        str(Path.home()) not in _python("import os; print(os.path.expanduser('~'))", folder).stdout
    )


def test_temporary_files_are_private_and_deleted(level: Level, folder: Path) -> None:
    code = (
        "import os, tempfile\n"
        "d = tempfile.mkdtemp(); open(d + '/f', 'w').close(); os.chmod(d, 0)\n"
        "os.makedirs(os.path.expanduser('~/x')); print(d)"
    )
    result = _python(code, folder)
    assert result.passed
    made = Path(result.stdout.strip())
    assert made.parts[:-1] and "whetstone-run-" in str(made)
    assert not made.exists() and not made.parent.exists()


def test_standard_input_is_empty(level: Level, folder: Path) -> None:
    assert _python("print(repr(input()))", folder).status == 1


def test_a_local_server_works(level: Level, folder: Path) -> None:
    code = (
        "import socket\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(s.getsockname(), 2)\n"
    )
    assert _python(code, folder).passed


@pytest.mark.skipif(
    sys.platform == "linux" and not os.path.ismount("/dev/shm"), reason="needs /dev/shm itself"
)
def test_multiprocessing_works(level: Level, folder: Path) -> None:
    (folder / "job.py").write_text(
        "import multiprocessing as mp\n"
        "if __name__ == '__main__':\n"
        "    with mp.get_context('spawn').Pool(2) as pool:\n"
        "        print(sum(pool.map(abs, range(-4, 4))))\n"
    )
    result = run([sys.executable, "job.py"], cwd=folder)
    assert (result.stdout, result.stderr) == ("16\n", "")


# -- the walls --------------------------------------------------------------------------------


def test_the_network_is_out_of_reach(walled: None, folder: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = (
            "import socket\n"
            f"for address in (('127.0.0.1', {port}), ('192.0.2.1', 80)):\n"
            "    try: socket.create_connection(address, 1)\n"
            "    except OSError as error: print(error.errno)\n"
        )
        errors = _python(code, folder).stdout.split()
    assert errors == ["111", "101"]  # refused by its own loopback; network unreachable


def test_abstract_and_named_sockets_of_the_system_are_out_of_reach(
    walled: None, folder: Path, tmp_path: Path
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(str(tmp_path / "s"))  # as docker's and the ssh agent's: below /run or /tmp
        named.listen()
        abstract.bind(f"\0whetstone-{os.getpid()}")
        abstract.listen()
        code = (
            "import socket\n"
            f"for name in ({str(tmp_path / 's')!r}, '\\0whetstone-{os.getpid()}'):\n"
            "    try: socket.socket(socket.AF_UNIX).connect(name); print('in')\n"
            "    except OSError: print('out')\n"
        )
        expected = ["out", "out"] if str(tmp_path).startswith("/tmp") else ["in", "out"]
        assert _python(code, folder).stdout.split() == expected


def test_nothing_outside_can_be_written(walled: None, folder: Path) -> None:
    home, here = Path.home(), Path(__file__)
    code = (
        "import os\n"
        f"for path in ({str(home / 'whetstone-x')!r}, {str(here)!r}, '/etc/whetstone-x'):\n"
        "    try: open(path, 'a').close(); print('wrote', path)\n"
        "    except OSError as error: print(error.errno)\n"
        "open('inside', 'w').close()\n"
        "open('/tmp/mine', 'w').close()\n"
    )
    result = _python(code, folder)
    assert result.passed, result.stderr
    assert "wrote" not in result.stdout
    assert (folder / "inside").exists()
    assert not Path("/tmp/mine").exists()


def test_root_inside_cannot_take_the_walls_down(walled: None, folder: Path) -> None:
    code = (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.mount(None, b'/', None, 0x1000 | 32, None))\n"  # MS_BIND | MS_REMOUNT
        "print(libc.umount2(b'/tmp', 2), libc.sethostname(b'x', 1))\n"
    )
    result = _python(code, folder)
    assert result.stdout.split() == ["-1", "-1", "-1"]


def test_other_processes_are_out_of_sight(walled: None, folder: Path) -> None:
    code = "import os; print(len([n for n in os.listdir('/proc') if n.isdigit()]))"
    assert int(_python(code, folder).stdout) <= 3
    assert _python(f"import os; os.kill({os.getpid()}, 0)", folder).status == 1
