"""Fixtures for the store: a fresh database, and processes that use one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for builders.py

from whetstone.preferences import PreferenceStore  # noqa: E402

Process = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "preferences.db"


@pytest.fixture
def store(path: Path) -> Iterator[PreferenceStore]:
    with PreferenceStore.open(path) as opened:
        yield opened


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Process]:
    """Start a Python process that runs the given code with the given arguments."""
    running: list[subprocess.Popen[str]] = []

    def run(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE)},
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()
