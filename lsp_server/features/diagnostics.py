"""textDocument/diagnostic: our findings for clients that ask. Others are sent them (publisher)."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer


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
        found = await session.findings.current(uri) or ()
        return types.RelatedFullDocumentDiagnosticReport(items=server.publisher.shown(uri, found))
