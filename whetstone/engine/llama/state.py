"""Computed prompts as files: what a sequence's cells hold, with the tokens they were made from.

Such a file counts only for the very model file, cache layout and llama.cpp build that wrote it
(its key), and only when it is whole. It is read with a limit and never trusted to be right: any
that is not is passed over, and the prompt is computed again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whetstone.paths import atomic_write_bytes

log = logging.getLogger(__name__)

_MAGIC = b"WHETKV1\n"
_HEADER_LIMIT = 10_000  # bytes
_LENGTH = struct.Struct("<I")


def write_state(path: Path, key: str, tokens: NDArray[np.int32], state: NDArray[np.uint8]) -> None:
    """Replace `path`, readable by its owner only. Raises OSError."""
    body = tokens.astype("<i4").tobytes() + state.tobytes()
    digest = hashlib.sha256(body).hexdigest()
    header = {"key": key, "tokens": tokens.size, "bytes": state.size, "sha256": digest}
    encoded = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    atomic_write_bytes(path, _MAGIC + _LENGTH.pack(len(encoded)) + encoded + body)


def read_state(
    path: Path, key: str, *, limit: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
    """Tokens and state of a file that `write_state` wrote with this key; None for any other.

    Args:
        limit: the largest file to read, in bytes.
    """
    try:
        if path.stat().st_size > limit:
            raise ValueError(f"larger than {limit} bytes")
        return _parse(path.read_bytes(), key)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, struct.error) as error:
        log.info("%s: not used (%s)", path, error)
        return None


def _parse(data: bytes, key: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    start = len(_MAGIC) + _LENGTH.size
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("another kind of file")
    (length,) = _LENGTH.unpack_from(data, len(_MAGIC))
    if length > _HEADER_LIMIT:
        raise ValueError("its header is too long")
    header = json.loads(data[start : start + length])
    if header["key"] != key:
        raise ValueError("made by another model, layout or build")
    body = memoryview(data)[start + length :]
    tokens, size = int(header["tokens"]), int(header["bytes"])
    if tokens < 0 or size < 0 or len(body) != 4 * tokens + size:
        raise ValueError("not whole")
    if hashlib.sha256(body).hexdigest() != header["sha256"]:
        raise ValueError("damaged")
    ids = np.frombuffer(body[: 4 * tokens], "<i4").astype(np.int32)
    return ids, np.frombuffer(body[4 * tokens :], np.uint8)
