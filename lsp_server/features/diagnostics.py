"""textDocument/diagnostic: our findings for clients that ask. Others are sent them (publisher)."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.features.guard import guarded
from lsp_server.findings import Found
from lsp_server.server import WhetstoneServer
from lsp_server.session import Session


def _nothing(_: object) -> types.RelatedFullDocumentDiagnosticReport:
    return types.RelatedFullDocumentDiagnosticReport(items=[])


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.feature(
        types.TEXT_DOCUMENT_DIAGNOSTIC,
        types.DiagnosticOptions(
            identifier="whetstone", inter_file_dependencies=False, workspace_diagnostics=False
        ),
    )
    @guarded(_nothing)
    async def pull(
        params: types.DocumentDiagnosticParams,
    ) -> types.RelatedFullDocumentDiagnosticReport:
        uri = params.text_document.uri
        found = await _settled_findings(session, uri)
        return types.RelatedFullDocumentDiagnosticReport(items=server.publisher.shown(uri, found))


async def _settled_findings(session: Session, uri: str) -> Found:
    """Findings for the newest version; typing while they are computed starts them anew."""
    revision = None
    while (document := session.documents.get(uri)) is not None and document.revision != revision:
        revision = document.revision
        if (found := await session.findings.current(uri)) is not None:
            return found
    return ()  # closed, or the tools failed
