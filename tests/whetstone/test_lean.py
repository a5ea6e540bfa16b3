"""Packages are imported without what nobody here uses, and whole by whoever wants them whole."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_engine_imports_no_chat_templates() -> None:
    loaded = "[m for m in ('jinja2', 'llama_cpp.llama', 'llama_cpp.llama_cpp') if m in sys.modules]"
    assert python(f"import sys, whetstone.engine.llama; print({loaded})") == (
        "['llama_cpp.llama_cpp']"
    )


@pytest.mark.parametrize(
    "use",
    [
        "import llama_cpp; llama_cpp.Llama, llama_cpp.llama_cpp.llama_decode",
        "from llama_cpp import Llama",
        "import llama_cpp as llama; assert llama.__version__ and llama.llama_backend_init",
    ],
)
def test_the_whole_package_is_there_for_whoever_asks_for_it(use: str) -> None:
    same = "assert llama_cpp.llama_decode is llama_cpp.llama_cpp.llama_decode"
    python(f"import whetstone.engine.llama\n{use}\nimport llama_cpp\n{same}")


def test_the_store_imports_no_pandas_and_leaves_it_to_others() -> None:
    """Where training is installed; sqlite-utils takes it for types of columns."""
    pytest.importorskip("pandas")
    python(
        "import sys\n"
        "from whetstone.preferences.store import PreferenceStore\n"
        "PreferenceStore.open().close()\n"
        "assert not {'pandas', 'numpy', 'pyarrow'} & set(sys.modules)\n"
        "import pandas"
    )
