"""The text of a periodic `trainer retrain --if-enough`, for systemd, launchd and cron.

Nothing here touches the system: `plan` says which files would be written and which commands run;
`apply` does it, and `undo` takes it back.
"""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from whetstone.errors import UsageError, WhetstoneError
from whetstone.paths import atomic_write_text

System = Literal["systemd", "launchd", "cron"]
Every = Literal["daily", "weekly"]
SYSTEMS: tuple[System, ...] = ("systemd", "launchd", "cron")

LABEL = "org.whetstone.retrain"
_MARK = "# whetstone retrain"  # ends our line in a crontab
_UNIT = "whetstone-retrain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Files to write, commands to run after, and how to take it back. For cron, the line to add."""

    system: System
    files: dict[Path, str] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    undo_commands: tuple[tuple[str, ...], ...] = ()
    cron_line: str = ""

    def __str__(self) -> str:
        parts = [f"# {path}\n{text}" for path, text in self.files.items()]
        if self.cron_line:
            parts.append(f"# added to your crontab\n{self.cron_line}\n")
        parts += ["$ " + " ".join(command) + "\n" for command in self.commands]
        return "\n".join(parts)


def detect(platform: str = sys.platform, *, has_systemd: bool | None = None) -> System:
    """The scheduler of this machine.

    Raises:
        UsageError: it has none of the three.
    """
    if platform == "darwin":
        return "launchd"
    if platform == "win32":
        raise UsageError(
            "Windows is not supported here. Make a task in the Task Scheduler that runs "
            "`trainer retrain --if-enough`."
        )
    if has_systemd is None:
        has_systemd = Path("/run/systemd/system").is_dir()
    return "systemd" if has_systemd else "cron"


def plan(
    system: System, *, every: Every, hour: int, home: Path, environment: dict[str, str]
) -> Plan:
    """What would be set up. `environment` is kept for the run: where the data lies.

    Raises:
        UsageError: a value cannot stand in such a file.
    """
    command = (sys.executable, "-m", "trainer", "retrain", "--if-enough")
    for value in (*command, *environment.values()):
        if any(char in value for char in "\n\r\0"):
            raise UsageError(f"{value!r} holds a line break and cannot be scheduled.")
    makers: dict[System, Callable[..., Plan]] = {
        "systemd": _systemd,
        "launchd": _launchd,
        "cron": _cron,
    }
    return makers[system](command, every, hour, home, environment)


def _systemd(
    command: Sequence[str], every: Every, hour: int, home: Path, environment: dict[str, str]
) -> Plan:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "systemd/user"
    lines = "".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in environment.items())
    service = (
        "[Unit]\nDescription=Whetstone: train on new preferences\n\n"
        f"[Service]\nType=oneshot\nNice=15\nIOSchedulingClass=idle\n{lines}"
        f"ExecStart={' '.join(map(_quoted, command))}\n"
    )
    day = "Mon *-*-*" if every == "weekly" else "*-*-*"
    timer = (
        "[Unit]\nDescription=Whetstone: train on new preferences, now and then\n\n"
        f"[Timer]\nOnCalendar={day} {hour:02}:00:00\nRandomizedDelaySec=30min\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return Plan(
        system="systemd",
        files={folder / f"{_UNIT}.service": service, folder / f"{_UNIT}.timer": timer},
        commands=(
            ("systemctl", "--user", "daemon-reload"),
            ("systemctl", "--user", "enable", "--now", f"{_UNIT}.timer"),
        ),
        undo_commands=(("systemctl", "--user", "disable", "--now", f"{_UNIT}.timer"),),
    )


def _quoted(text: str) -> str:
    """One word of a unit file. Source: systemd.service(5), "Command lines"."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _launchd(
    command: Sequence[str], every: Every, hour: int, home: Path, environment: dict[str, str]
) -> Plan:
    when = {"Hour": hour, "Minute": 0} | ({"Weekday": 1} if every == "weekly" else {})
    job = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": environment,
        "StartCalendarInterval": when,
        "ProcessType": "Background",
        "Nice": 15,
    }
    path = home / "Library/LaunchAgents" / f"{LABEL}.plist"
    return Plan(
        system="launchd",
        files={path: plistlib.dumps(job).decode()},
        commands=(("launchctl", "load", "-w", str(path)),),
        undo_commands=(("launchctl", "unload", "-w", str(path)),),
    )


def _cron(
    command: Sequence[str], every: Every, hour: int, home: Path, environment: dict[str, str]
) -> Plan:
    words = ["env", *(f"{k}={v}" for k, v in environment.items()), "nice", "-n", "15", *command]
    day = "1" if every == "weekly" else "*"
    line = f"0 {hour} * * {day} {' '.join(map(_cron_word, words))} {_MARK}"
    return Plan(system="cron", cron_line=line)


def _cron_word(word: str) -> str:
    """One word for cron's shell, in which an unescaped % ends the command. Source: crontab(5)."""
    import shlex

    return shlex.quote(word).replace("%", "\\%")


def apply(planned: Plan) -> None:
    """Write the files and run the commands; harmless to repeat.

    Raises:
        WhetstoneError: a file cannot be written or a command fails.
    """
    for path, text in planned.files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_text(path, text, mode=0o644)
        except OSError as error:
            raise WhetstoneError(f"{path}: cannot be written ({error.strerror}).") from error
    if planned.cron_line:
        _write_crontab([*_other_cron_lines(), planned.cron_line])
    for command in planned.commands:
        _call(command)


def undo(planned: Plan) -> None:
    """Take it back; harmless when nothing was installed."""
    installed = any(path.exists() for path in planned.files)
    for command in planned.undo_commands if installed else ():
        _call(command)
    for path in planned.files:
        path.unlink(missing_ok=True)
    if planned.cron_line:
        _write_crontab(_other_cron_lines())


def _other_cron_lines() -> list[str]:
    listed = _call(("crontab", "-l"), fails=True)
    return [line for line in listed.splitlines() if not line.endswith(_MARK)]


def _write_crontab(lines: list[str]) -> None:
    _call(("crontab", "-"), given="".join(f"{line}\n" for line in lines))


def _call(command: Sequence[str], *, given: str | None = None, fails: bool = False) -> str:
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WhetstoneError(
            f"`{' '.join(command)}` cannot be run ({error}). Choose another scheduler with "
            "--system, or set it up by hand from what is printed without --install."
        ) from error
    if done.returncode != 0 and not fails:
        raise WhetstoneError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
