"""With CI=true an editor that is not there fails its tests; on a developer's machine it skips."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# One test for each way in which an editor's program is found.
TESTS = (
    "helix/test_helix.py::test_story",
    "emacs/test_eglot.py::test_story",
    "nvim/test_style.py",
    "nvim/test_code_actions.py",
    "test_browse.py",
)
EDITORS = 1 + 1 + 2 + 2 + 1


@pytest.mark.parametrize(("ci", "marks"), [("true", "EF"), ("", "s")], ids=["ci", "elsewhere"])
def test_an_editor_that_is_not_there(tmp_path, ci, marks):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    environment = {**os.environ, "CI": ci, "WHETSTONE_EDITORS": str(tmp_path)}
    done = subprocess.run(
        [*command, *(str(HERE / test) for test in TESTS)],
        capture_output=True, text=True, env=environment, cwd=HERE.parents[1],
    )  # fmt: skip
    shown = done.stdout.split()[0]  # one letter for each test
    assert len(shown) == EDITORS and set(shown) <= set(marks), done.stdout[-3000:]
    assert done.returncode == (1 if ci else 0)
