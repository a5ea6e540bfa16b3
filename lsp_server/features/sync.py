"""didOpen, didChange, didSave, didClose: the documents, and what the capture makes of them."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer
from lsp_server.session import Session


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    @guarded()
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = session.documents.open(params.text_document)
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

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    @guarded()
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        if await _settle_saved(session, params.text_document.uri):
            server.refresh_lenses()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    @guarded()
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        document = session.documents.close(uri)
        session.close_document(uri)
        if document is not None and document.is_python:
            server.publisher.clear(uri)
            server.board.closed(uri)


def _change(session: Session, params: types.DidChangeTextDocumentParams) -> bool:
    """Apply the changes; True when the document is one of ours."""
    uri = params.text_document.uri
    document = session.documents.get(uri)
    if document is None:
        return False
    before = list(document.buffer.lines) if session.capture.watches(uri) else None
    for change in params.content_changes:
        session.extra.changed(uri, document.apply(change))
    document.version = params.text_document.version
    if before is not None:
        session.record(session.capture.changed(uri, before, document.buffer.lines))
    return document.is_python


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


async def _settle_saved(session: Session, uri: str) -> bool:
    """True when something stood in the document that may be settled now."""
    document = session.documents.python(uri)
    if document is None or not session.capture.watches(uri):
        return False
    session.record(session.capture.saved(uri, document.buffer.lines))
    version = document.version
    if not session.capture.undecided(uri):
        return True
    found = await session.findings.current(uri)
    if found is not None and document.version == version:
        session.record(session.capture.checked(uri, document.buffer.lines, found))
    return True
