"""Setting up: what pip kept from before must not be what ends the process."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CMAKE_ARGS", raising=False)
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", str(tmp_path))
    return module


def library(root: Path, data: bytes) -> None:
    folder = root / "lib" / "python3.11" / "site-packages" / "llama_cpp" / "lib"
    folder.mkdir(parents=True)
    (folder / "libggml-cpu.so.0.9").write_bytes(b"\x7fELF" + data)


def test_a_library_that_was_compiled_for_amx_is_seen(bootstrap, tmp_path: Path) -> None:
    assert not bootstrap.uses_tiles()
    library(tmp_path, b"\0_ZN4ggml3cpu3amx17extra_buffer_type\0")
    assert bootstrap.uses_tiles()


def test_one_without_it_is_kept(bootstrap, tmp_path: Path) -> None:
    library(tmp_path, b"\0_ZN4ggml3cpu6repack17extra_buffer_type\0")
    assert not bootstrap.uses_tiles()


def test_who_says_how_to_compile_is_believed(
    bootstrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(tmp_path, b"\0_ZN4ggml3cpu3amx17extra_buffer_type\0")
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=ON")
    assert not bootstrap.uses_tiles()


@pytest.mark.skipif(os.name == "nt", reason="GCC's and Clang's flags")
def test_the_installed_llama_cpp_is_one_without_it() -> None:
    import llama_cpp

    folder = Path(llama_cpp.__file__).parent / "lib"
    found = [path for path in folder.glob("libggml-cpu*") if path.is_file()]
    assert found
    assert all(b"_ZN4ggml3cpu3amx" not in path.read_bytes() for path in found)
