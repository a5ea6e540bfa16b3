"""sha256 of model files, remembered while the file stays the same.

Hashing a 2 GB file takes seconds, and a server asks at every start. The memory is keyed by path,
size, time and inode; it is a convenience only, and losing it costs one more reading.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from whetstone.paths import atomic_write_text

_CHUNK = 1 << 20
_REMEMBERED = 200


def sha256_of(path: Path) -> str:
    """Hex digest of the file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class HashMemory:
    """Digests by file identity, kept in one small JSON file."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def sha256(self, path: Path) -> str:
        """The digest, from memory when the file did not change. Raises OSError."""
        now = identity(path)
        known = self._read().get(str(path), [])
        if known[:-1] == now:
            return str(known[-1])
        digest = sha256_of(path)
        if identity(path) == now:
            self.remember(path, digest)
        return digest

    def remember(self, path: Path, digest: str) -> None:
        memory = self._read()
        memory.pop(str(path), None)
        memory[str(path)] = [*identity(path), digest]
        recent = dict(list(memory.items())[-_REMEMBERED:])
        try:
            atomic_write_text(self._store, json.dumps(recent))
        except OSError:
            pass  # a read-only or full disk: the next start hashes again

    def _read(self) -> dict[str, list[int | str]]:
        try:
            memory = json.loads(self._store.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(memory, dict):
            return {}
        return {key: value for key, value in memory.items() if isinstance(value, list) and value}


def identity(path: Path) -> list[int | str]:
    """Changes when the file does. Raises OSError."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
