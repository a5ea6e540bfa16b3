"""Which Python runs a workspace's tests: it must have what the tests import."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from whetstone.settings import Settings

_FOLDERS = (".venv", "venv", "env", ".env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """`why` tells a person where it was found."""

    path: Path
    why: str


def find_python(
    root: Path, settings: Settings, env: Mapping[str, str] | None = None
) -> Interpreter:
    """The setting `test.python`, the workspace's own environment, the active one, or our own."""
    env = os.environ if env is None else env
    if settings.test.python:
        return Interpreter(
            path=Path(settings.test.python).expanduser(), why="the setting test.python"
        )
    for folder in _FOLDERS:
        path = _python_of(root / folder)
        if path is not None:
            return Interpreter(path=path, why=f"the workspace's {folder}")
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        path = _python_of(Path(env[variable])) if env.get(variable) else None
        if path is not None:
            return Interpreter(path=path, why=variable)
    return Interpreter(
        path=Path(sys.executable), why="the Python of Whetstone: no environment was found"
    )


def _python_of(folder: Path) -> Path | None:
    for name in ("bin/python", "Scripts/python.exe", "python.exe"):
        if (folder / name).is_file():
            return folder / name
    return None
