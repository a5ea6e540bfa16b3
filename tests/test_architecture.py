"""What may import what, and what serving must work without."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRAINING = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "safetensors")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_serving_imports_nothing_of_training():
    modules = (
        "whetstone.cli, whetstone.fixer, whetstone.engine.load, whetstone.engine.llama, "
        "whetstone.preferences.store, whetstone.models, lsp_server, lsp_server.cli"
    )
    result = python(
        "import sys\n"
        f"for name in {TRAINING!r}: sys.modules[name] = None\n"  # importing one of them now fails
        f"import {modules}\n"
        "from whetstone.preferences.store import PreferenceStore\n"
        "PreferenceStore.open().close()\n"
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", ["whetstone", "lsp_server", "whetstone.cli", "trainer.cli"])
def test_starting_up_loads_neither_model_nor_store(module):
    result = python(
        f"import sys, {module}\n"
        "heavy = {'llama_cpp', 'sqlite_utils', 'torch', 'transformers', 'pandas', 'matplotlib'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("command", ["whetstone", "trainer", "lsp_server"])
def test_help_prints_without_training_packages(command):
    result = python(
        "import runpy, sys\n"
        f"for name in {TRAINING!r}: sys.modules[name] = None\n"
        f"sys.argv = [{command!r}, '--help']\n"
        f"runpy.run_module({command!r}, run_name='__main__')"
    )

    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout or "usage" in result.stdout
