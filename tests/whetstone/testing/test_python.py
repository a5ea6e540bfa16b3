from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from whetstone.settings import Settings
from whetstone.testing.python import find_python


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    return python


def test_the_nearest_environment_is_taken_and_named(tmp_path: Path):
    found = find_python(tmp_path, Settings(), {})
    assert (found.path, "no environment" in found.why) == (Path(sys.executable), True)

    active = _environment(tmp_path / "elsewhere")
    found = find_python(tmp_path, Settings(), {"VIRTUAL_ENV": str(tmp_path / "elsewhere")})
    assert (found.path, found.why) == (active, "VIRTUAL_ENV")

    own = _environment(tmp_path / ".venv")
    found = find_python(tmp_path, Settings(), {"VIRTUAL_ENV": str(tmp_path / "elsewhere")})
    assert (found.path, found.why) == (own, "the workspace's .venv")

    test = dataclasses.replace(Settings().test, python="/opt/python")
    found = find_python(tmp_path, dataclasses.replace(Settings(), test=test), {})
    assert (found.path, found.why) == (Path("/opt/python"), "the setting test.python")
