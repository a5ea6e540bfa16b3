from __future__ import annotations

import os
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.schedule import apply, detect, plan, undo
from whetstone.errors import UsageError, WhetstoneError

DATA = {"WHETSTONE_DATA": '/home/a b/100% "own"'}


def test_the_scheduler_is_that_of_the_machine() -> None:
    assert detect("darwin") == "launchd"
    assert detect("linux", has_systemd=True) == "systemd"
    assert detect("linux", has_systemd=False) == "cron"
    with pytest.raises(UsageError, match="Task Scheduler"):
        detect("win32")


def test_systemd_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    made = plan("systemd", every="weekly", hour=4, home=tmp_path, environment=DATA)
    service, timer = made.files.values()
    assert next(iter(made.files)) == tmp_path / ".config/systemd/user/whetstone-retrain.service"
    assert f'ExecStart="{sys.executable}" "-m" "trainer" "retrain" "--if-enough"' in service
    assert r'Environment="WHETSTONE_DATA=/home/a b/100%% \"own\""' in service
    assert "OnCalendar=Mon *-*-* 04:00:00" in timer and "Persistent=true" in timer
    assert made.commands[-1][-1] == "whetstone-retrain.timer"


def test_launchd_job(tmp_path: Path) -> None:
    made = plan("launchd", every="daily", hour=3, home=tmp_path, environment=DATA)
    (text,) = made.files.values()
    job = plistlib.loads(text.encode())
    assert job["ProgramArguments"][1:] == ["-m", "trainer", "retrain", "--if-enough"]
    assert job["EnvironmentVariables"] == DATA
    assert job["StartCalendarInterval"] == {"Hour": 3, "Minute": 0}


def test_cron_line_says_what_it_means_to_a_shell(tmp_path: Path) -> None:
    made = plan("cron", every="weekly", hour=3, home=tmp_path, environment=DATA)
    assert made.cron_line.startswith("0 3 * * 1 env ")
    command = made.cron_line.split(" ", 5)[5].replace("\\%", "%").replace(" nice ", " echo ", 1)
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout
    assert shown.split()[-2:] == ["retrain", "--if-enough"]


def test_a_line_break_cannot_be_scheduled(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line break"):
        plan("cron", every="daily", hour=3, home=tmp_path, environment={"A": "x\n* * * * * evil"})


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crontab command that keeps its table in a file."""
    table = tmp_path / "table"
    table.write_text("0 1 * * * mine\n")
    script = tmp_path / "bin" / "crontab"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat {table}; else cat > {table}; fi\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return table


def test_cron_is_installed_once_and_taken_back(crontab: Path, tmp_path: Path) -> None:
    made = plan("cron", every="daily", hour=3, home=tmp_path, environment={})
    apply(made)
    apply(made)
    assert crontab.read_text() == f"0 1 * * * mine\n{made.cron_line}\n"
    undo(made)
    assert crontab.read_text() == "0 1 * * * mine\n"


def test_a_failing_command_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = plan("systemd", every="daily", hour=3, home=tmp_path, environment={})
    with pytest.raises(WhetstoneError, match=r"systemctl --user daemon-reload` cannot be run"):
        apply(made)
