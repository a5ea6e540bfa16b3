"""With a GGUF that the exporter wrote and llama.cpp loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from whetstone.engine.load import load_engine
from whetstone.errors import ModelError
from whetstone.models import Registry, read_gguf
from whetstone.problem import Document, Problem
from whetstone.prompt import render
from whetstone.settings import Settings


def test_its_facts(tiny_gguf: Path) -> None:
    info = read_gguf(tiny_gguf)
    assert info.architecture == "qwen2"
    assert info.parameters > 0 and info.vocabulary and info.context_tokens
    assert info.size == tiny_gguf.stat().st_size


def test_every_byte_of_it_is_needed(tiny_gguf: Path, tmp_path: Path) -> None:
    """The tensors' extents end where the file ends, so that no truncation goes unnoticed."""
    short = tmp_path / "short.gguf"
    short.write_bytes(tiny_gguf.read_bytes()[:-64])
    with pytest.raises(ModelError, match="truncated"):
        read_gguf(short)


def test_a_registered_model_is_loaded_by_its_name_and_when_active(
    tiny_gguf: Path, tmp_path: Path, problem_in: Callable[[str], tuple[Document, Problem]]
) -> None:
    registry = Registry(tmp_path / "models")
    entry = registry.add(tiny_gguf, name="tiny")
    registry.use("tiny")
    problem = problem_in("value = 1\nprint(valu)\n")[1]
    for model in (None, "tiny", str(tiny_gguf)):
        engine = load_engine(Settings(model=model, threads=1), registry)
        try:
            assert engine.prompt_format == entry.prompt_format
            assert engine.model_id.endswith(entry.sha256[:8])
            prompt = render(problem, entry.prompt_format)
            assert len(list(engine.generate(prompt, n=1, max_tokens=2))) == 1
        finally:
            engine.close()
