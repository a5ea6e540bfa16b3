"""didOpen, didChange, didSave, didClose: the documents, and what the capture makes of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lsprotocol import types

from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer
from lsp_server.session import Session

log = logging.getLogger(__name__)


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    @guarded()
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = session.documents.open(params.text_document)
        session.settling.opened(document.uri)
        if document.is_python:
            server.publisher.schedule(document.uri, delay_s=0.0)
            session.preparer.touched(document.uri)
            server.board.fixes_changed(document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    @guarded()
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        if _change(session, params):
            server.publisher.schedule(params.text_document.uri)
            session.preparer.touched(params.text_document.uri, line=_line(params))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE, types.SaveOptions(include_text=True))
    @guarded()
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        uri = params.text_document.uri
        if params.text is not None and _caught_up(session, uri, params.text):
            server.publisher.schedule(uri)
            session.preparer.touched(uri)
        await session.settling.saved(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    @guarded()
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        document = session.documents.close(params.text_document.uri)
        if document is not None:
            session.close_document(document)
            if document.is_python:
                server.publisher.clear(document.uri)
                server.board.closed(document.uri)


def _change(session: Session, params: types.DidChangeTextDocumentParams) -> bool:
    """Apply the changes; True when the document is one of ours."""
    document = session.documents.get(params.text_document.uri)
    if document is None:
        return False
    version = params.text_document.version
    if version < document.version:
        log.warning("%s: version %d came after %d", document.uri, version, document.version)
        if any(_is_whole(change) for change in params.content_changes):
            return False  # an older text than ours
        document.in_order = False
    _apply(session, document, params.content_changes)
    document.version = max(document.version, version)
    return document.is_python


def _apply(
    session: Session,
    document: OpenDocument,
    changes: Iterable[types.TextDocumentContentChangeEvent],
) -> None:
    uri = document.uri
    before = list(document.buffer.lines) if session.capture.watches(uri) else None
    for change in changes:
        hunk = document.apply(change)
        session.extra.changed(uri, hunk)
        session.findings.changed(uri, hunk)
    if before is not None:
        session.record(session.capture.changed(uri, before, document.buffer.lines))


def _caught_up(session: Session, uri: str, text: str) -> bool:
    """Take the text that was saved; True when ours was another, or was not sure."""
    document = session.documents.get(uri)
    if document is None or (document.in_order and document.buffer.text == text):
        return False
    _apply(session, document, [types.TextDocumentContentChangeWholeDocument(text=text)])
    return document.is_python


def _is_whole(change: types.TextDocumentContentChangeEvent) -> bool:
    return isinstance(change, types.TextDocumentContentChangeWholeDocument)


def _line(params: types.DidChangeTextDocumentParams) -> int | None:
    """Where the user types: at the last of several places."""
    return max(
        (
            change.range.start.line
            for change in params.content_changes
            if isinstance(change, types.TextDocumentContentChangePartial)
        ),
        default=None,
    )
