"""GGUF files made byte by byte, so that a test can damage exactly one thing."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whetstone.models import Registry


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    if isinstance(value, bytes):  # already encoded, type and all
        return value
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    return struct.pack("<I", 8) + _text(value)


def build_gguf(
    metadata: dict[str, Any] | None = None,
    tensors: list[tuple[str, tuple[int, ...], int, int]] | None = None,
    *,
    version: int = 3,
    data_bytes: int | None = None,
    fill: int = 0,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A file with `tensors` of (name, shape, type, offset); by default two of 64 F32 weights."""
    pairs: dict[str, Any] = {
        "general.architecture": "qwen2",
        "general.name": "tiny",
        "general.file_type": 0,
        "qwen2.context_length": 512,
        "tokenizer.ggml.tokens": ["a", "b", "c"],
    }
    pairs |= metadata or {}
    pairs = {key: value for key, value in pairs.items() if value is not None}
    if tensors is None:
        tensors = [("a.weight", (8, 8), 0, 0), ("b.weight", (64,), 0, 256)]
    parts = [b"GGUF", struct.pack("<I", version)]
    parts.append(struct.pack("<QQ", *(counts or (len(tensors), len(pairs)))))
    for key, value in pairs.items():
        parts += [_text(key), _value(value)]
    for name, shape, kind, offset in tensors:
        parts.append(_text(name) + struct.pack("<I", len(shape)))
        parts.append(struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset))
    header = b"".join(parts)
    header += b"\0" * (-len(header) % 32)
    return header + bytes([fill]) * (512 if data_bytes is None else data_bytes)


@pytest.fixture
def gguf_bytes() -> Callable[..., bytes]:
    return build_gguf


@pytest.fixture
def make_gguf(tmp_path: Path) -> Callable[..., Path]:
    """make_gguf("name.gguf", **kwargs of build_gguf) -> its path."""

    def make(name: str = "model.gguf", **kwargs: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(build_gguf(**kwargs))
        return path

    return make


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def starter(make_gguf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedded starter, whether or not the package has grown one already."""
    path = make_gguf("starter.gguf", metadata={"whetstone.prompt_format": "compact"}, fill=9)
    monkeypatch.setattr("whetstone.models.registry.starter_path", lambda: path)
    return path
