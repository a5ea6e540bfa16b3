"""Open documents, as the editor has them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from lsp_server.text import Buffer, Encoding, Hunk
from whetstone.problem import Document

_revisions = itertools.count(1)
_SUFFIXES = (".py", ".pyi", ".pyw")


@dataclass(slots=True, kw_only=True)
class OpenDocument:
    """One document between didOpen and didClose.

    `version` is the client's word, for messages to it: opened again, a document may have the same
    one with another text. `revision` is ours, and no two texts ever share one.
    """

    uri: str
    version: int
    language: str
    buffer: Buffer
    revision: int = field(default_factory=lambda: next(_revisions))
    # Some clients (Helix 25.01, typed in quickly) send a change before the one that it builds on.
    # Nobody knows the text then, until the whole of it comes.
    in_order: bool = True

    @property
    def path(self) -> Path | None:
        return path_of(self.uri)

    @property
    def is_python(self) -> bool:
        if self.language:
            return self.language == "python"
        return self.uri.endswith(_SUFFIXES)

    def snapshot(self) -> Document:
        """The frozen value that crosses into the core and into other threads."""
        return Document(text=self.buffer.text, path=self.path, version=self.revision)

    def apply(self, change: types.TextDocumentContentChangeEvent) -> Hunk:
        self.revision = next(_revisions)
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            return self.buffer.replace(
                (start.line, start.character), (end.line, end.character), change.text
            )
        self.in_order = True
        return self.buffer.replace_all(change.text)


class Documents:
    """Documents by URI. Only the event loop touches it."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self._open: dict[str, OpenDocument] = {}

    def get(self, uri: str) -> OpenDocument | None:
        return self._open.get(uri)

    def python(self, uri: str) -> OpenDocument | None:
        """The document, when it is open and Python."""
        document = self._open.get(uri)
        return document if document is not None and document.is_python else None

    def open(self, item: types.TextDocumentItem) -> OpenDocument:
        document = OpenDocument(
            uri=item.uri,
            version=item.version,
            language=str(item.language_id),
            buffer=Buffer(item.text, self.encoding),
        )
        self._open[item.uri] = document
        return document

    def close(self, uri: str) -> OpenDocument | None:
        return self._open.pop(uri, None)

    def uris(self) -> list[str]:
        return list(self._open)


def path_of(uri: str) -> Path | None:
    """The file behind a `file:` URI; None for untitled and virtual documents."""
    if not uri.startswith("file:"):
        return None
    path = to_fs_path(uri)
    return Path(path) if path else None
