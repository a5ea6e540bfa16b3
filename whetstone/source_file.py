"""Reading and writing the user's files: encoding (PEP 263, BOM), line endings and mode are kept."""

from __future__ import annotations

import errno
import io
import os
import tokenize
from dataclasses import dataclass
from pathlib import Path

from whetstone.errors import UsageError
from whetstone.paths import atomic_write_bytes
from whetstone.problem import Document

MAX_BYTES = 5_000_000  # more is data that happens to be Python


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file as it was read: its document, how it was encoded, and the bytes themselves."""

    document: Document
    encoding: str
    data: bytes

    @property
    def path(self) -> Path:
        assert self.document.path is not None
        return self.document.path


def read(path: Path) -> SourceFile:
    """Read a Python file.

    Raises:
        UsageError: it is missing, not a file, too large, or not in its declared encoding.
    """
    if path.suffix == ".ipynb":
        raise UsageError(f"{path}: is a notebook. Export its code to a .py file first.")
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise UsageError(f"{path}: is a folder. Name a Python file.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; not a source file.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UsageError(
            f"{path}: is not text in its declared encoding ({_reason(error)}). Save it as UTF-8, "
            "or declare its encoding in the first line: # -*- coding: latin-1 -*-"
        ) from error
    return SourceFile(document=Document(text=text, path=path), encoding=encoding, data=data)


def write(file: SourceFile, new_text: str) -> SourceFile:
    """Replace the file's content atomically; its mode stays, and a link stays a link.

    Raises:
        UsageError: the file changed since it was read, cannot be written, or the new text does not
            fit its encoding. In every case the file is as it was.
    """
    target = file.path.resolve()
    try:
        data = new_text.encode(file.encoding)
    except UnicodeEncodeError as error:
        raise UsageError(f"{file.path}: {error.object[error.start]!r} does not exist in "
                         f"{file.encoding}. Nothing was written.") from error  # fmt: skip
    try:
        if target.read_bytes() != file.data:
            raise UsageError(f"{file.path}: changed on disk meanwhile. Nothing was written.")
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only")
        atomic_write_bytes(target, data, mode=target.stat().st_mode & 0o7777)
    except OSError as error:
        raise UsageError(
            f"{file.path}: cannot be written ({error.strerror}). Nothing was changed."
        ) from error
    return SourceFile(document=file.document.with_text(new_text), encoding=file.encoding, data=data)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02x} at offset {error.start}"
    return str(error)
