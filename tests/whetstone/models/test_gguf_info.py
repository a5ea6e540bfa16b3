from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whetstone.errors import ModelError
from whetstone.models import read_gguf

Make = Callable[..., Path]


def test_the_facts_of_a_small_model(make_gguf: Make) -> None:
    info = read_gguf(make_gguf(metadata={"whetstone.prompt_format": "compact", "x": 1.5}))
    assert info.architecture == "qwen2"
    assert info.name == "tiny"
    assert info.parameters == 8 * 8 + 64
    assert info.quantization == "F32"
    assert info.context_tokens == 512
    assert info.vocabulary == 3
    assert info.prompt_format == "compact"
    assert info.metadata["x"] == 1.5
    assert "tokenizer.ggml.tokens" not in info.metadata


def test_a_vocabulary_longer_than_what_is_read_at_once(make_gguf: Make) -> None:
    source = random.Random(3)
    lengths = [0, 200_000, *(source.randrange(60) for _ in range(9_000)), 65_536 - 8, 0]
    pieces = b"".join(struct.pack("<Q", length) + b"x" * length for length in lengths)
    array = struct.pack("<IIQ", 9, 8, len(lengths)) + pieces
    info = read_gguf(make_gguf(metadata={"tokenizer.ggml.tokens": array, "after": 7}))
    assert (info.vocabulary, info.metadata["after"]) == (len(lengths), 7)


def test_absent_facts_have_defaults(make_gguf: Make) -> None:
    gone = {"general.file_type": None, "qwen2.context_length": None, "general.name": None}
    tensors = [("a", (32, 4), 8, 0), ("b", (8,), 0, 160)]  # Q8_0: 4 x 34 bytes, then F32
    info = read_gguf(make_gguf(metadata=gone, tensors=tensors))
    assert (info.prompt_format, info.context_tokens, info.name) == ("chat", None, "")
    assert info.quantization == "Q8_0"  # 128 of its 136 weights


def test_what_the_gguf_package_writes_is_read(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "written.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(1024)
    writer.add_file_type(1)
    writer.add_string("whetstone.prompt_format", "compact")
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    writer.add_tensor("w", numpy.ones((4, 10), dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    info = read_gguf(path)
    assert (info.parameters, info.quantization, info.context_tokens) == (40, "F16", 1024)
    assert info.prompt_format == "compact"


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"data_bytes": 511}, "truncated"),
        ({"version": 1}, "version 1"),
        ({"version": 0x03000000}, "little-endian"),
        ({"counts": (2**40, 1)}, "claims"),
        ({"counts": (2, 2**63)}, "claims"),
        ({"counts": (2, 9000)}, "truncated"),
        ({"metadata": {"general.architecture": None}}, "architecture"),
        ({"metadata": {"general.architecture": "a\x1b[2J"}}, "architecture"),
        ({"metadata": {"general.alignment": 0}}, "alignment"),
        ({"metadata": {"general.alignment": 48}}, "alignment"),
        ({"metadata": {"general.type": "adapter"}}, "adapter"),
        ({"metadata": {"split.count": 3}}, "parts"),
        ({"metadata": {"whetstone.prompt_format": "other\x1b"}}, "prompt format is 'other?'"),
        ({"metadata": {"x": struct.pack("<I", 13)}}, "unknown type 13"),
        ({"metadata": {"x": struct.pack("<IIQ", 9, 9, 1)}}, "unknown type 9"),
        ({"metadata": {"x": struct.pack("<IIQ", 9, 8, 2**61)}}, "truncated"),
        ({"metadata": {"x": struct.pack("<IIQ", 9, 10, 2**61)}}, "truncated"),
        ({"metadata": {"x": struct.pack("<IQ", 8, 2**63)}}, "truncated"),
        ({"tensors": []}, "no weights"),
        ({"tensors": [("a", (8,), 4, 0)]}, "tensor type 4"),
        ({"tensors": [("a", (0,), 0, 0)]}, "shape"),
        ({"tensors": [("a", (33,), 8, 0)]}, "shape"),
        ({"tensors": [("a", (2**40, 2**40), 0, 0)]}, "shape"),
        ({"tensors": [("a", (8,), 0, 2**60)]}, "truncated"),
        ({"tensors": [("a", (8,), 0, 0), ("b", (8,), 0, 0)]}, "overlaps"),
        ({"tensors": [("a", (8,), 0, 3)]}, "aligned"),
        ({"tensors": [("", (8,), 0, 0)]}, "name or shape"),
        ({"tensors": [("a", (1, 1, 1, 1, 1), 0, 0)]}, "name or shape"),
    ],
)
def test_damage_is_named(make_gguf: Make, kwargs: dict[str, Any], words: str) -> None:
    path = make_gguf(**kwargs)
    with pytest.raises(ModelError) as caught:
        read_gguf(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"GG", "not a GGUF"), (b"<html>moved</html>", "not a GGUF")],
)
def test_other_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        read_gguf(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        read_gguf(tmp_path / "none.gguf")
    with pytest.raises(ModelError, match="cannot be read"):
        read_gguf(tmp_path)


def test_every_truncation_is_a_model_error(make_gguf: Make) -> None:
    path = make_gguf()
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            read_gguf(path)


def test_random_damage_is_a_model_error_or_harmless(make_gguf: Make) -> None:
    path = make_gguf()
    whole = path.read_bytes()
    source = random.Random(7)
    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            damaged[source.randrange(len(whole) - 512)] = source.choice((0, 1, 8, 9, 127, 255))
        path.write_bytes(damaged)
        try:
            read_gguf(path)
        except ModelError:
            pass
