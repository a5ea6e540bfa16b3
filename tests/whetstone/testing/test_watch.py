"""Test commands of any kind, in the real sandbox, with the lines that they ran."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whetstone import locate
from whetstone.problem import Document
from whetstone.sandbox import Limits
from whetstone.testing.watch import watched_run

from .conftest import CART

CASES = """\
import unittest
from cart import total
class Total(unittest.TestCase):
    def test_small(self):
        self.assertEqual(total([(1, 1)]), 1)
    def test_large(self):
        self.assertEqual(total([(100, 2)]), 180)
"""
SCRIPT = "from cart import total\n\nassert total([(1, 1)]) == 1\nassert total([(100, 2)]) == 180\n"


@pytest.mark.parametrize(
    ("name", "text", "command"),
    [
        ("test_total.py", CASES, [sys.executable, "-m", "unittest", "-q"]),
        ("test_total.py", CASES, [sys.executable, "-m", "pytest", "-q"]),
        ("check.py", SCRIPT, [sys.executable, "check.py"]),
    ],
)
def test_passing_and_failing_lines_are_told_apart(
    tmp_path: Path, name: str, text: str, command: list[str]
) -> None:
    (tmp_path / "cart.py").write_text("")
    (tmp_path / name).write_text(text)
    path = tmp_path / "cart.py"

    result, coverage = watched_run(command, tmp_path, {path: CART}, Limits(timeout_s=60))

    assert result.status == 1, result.stderr
    assert len(coverage.failing) == 1
    assert len(coverage.passing) >= 1
    only = set(coverage.failing[0].ran) - {w for each in coverage.passing for w in each.ran}
    assert ("cart.py", 9) in only  # the discount, which the passing assertion never reached
    output = f"{result.stdout}\n{result.stderr}"
    document = Document(text=CART, path=path)
    found = [d.span.start_line for d in locate.suspects(document, output, tmp_path, coverage)]
    assert 15 in found[:2]


def test_the_environments_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("print('own', __name__)\n")
    (tmp_path / "a.py").write_text("import sitecustomize\nprint(sitecustomize.__file__)\n")
    program = (
        "import os, subprocess, sys; paths = [os.environ['PYTHONPATH'], os.path.abspath('own')]; "
        "os.environ['PYTHONPATH'] = os.pathsep.join(paths); "
        "subprocess.run([sys.executable, 'a.py'], check=True)"
    )
    result, _ = watched_run([sys.executable, "-S", "-c", program], tmp_path, {})
    assert result.stdout.startswith("own sitecustomize\n"), result.stderr


def test_a_command_that_is_no_python_runs_as_it_is(tmp_path: Path) -> None:
    result, coverage = watched_run(["sh", "-c", "exit 3"], tmp_path, {})
    assert (result.status, coverage.spectra) == (3, ())
