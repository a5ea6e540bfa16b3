"""Shared fixtures. Every test has a data folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from whetstone import context, diagnose, rules
from whetstone.problem import Document, Problem

# Real editors take minutes: `make test-editors` names that folder itself.
collect_ignore = ["editors"]


# A pytest that a test starts does without this environment's plugins: they take three quarters of
# its start. tests/whetstone/testing/test_repair.py has one with all of them.
LIGHT = "-p no:pytest-lsp -p no:asyncio -p no:anyio"


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own data."""
    folder = tmp_path / "whetstone-data"
    monkeypatch.setenv("WHETSTONE_DATA", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", LIGHT)
    return folder


@pytest.fixture
def problem_in() -> Callable[[str], tuple[Document, Problem]]:
    """The first problem of a text, as serving builds it."""

    def build(text: str) -> tuple[Document, Problem]:
        document = Document(text=text, path=Path("/project/sample.py"))
        diagnostic = diagnose.find(document)[0]
        hints = rules.hints(document, diagnostic)
        return document, context.build_problem(document, diagnostic, hints=hints)

    return build


@pytest.fixture(scope="session")
def tiny_hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2 in the compact format, as a Hugging Face folder."""
    import tiny_qwen

    return tiny_qwen.make(tmp_path_factory.mktemp("tiny") / "hf")


@pytest.fixture(scope="session")
def tiny_gguf(tiny_hf: Path) -> Path:
    """The same model as a GGUF in 32 bits."""
    from export.quantize import export_gguf

    path = tiny_hf.parent / "tiny.gguf"
    export_gguf(tiny_hf, path, quantization="f32")
    return path
