"""textDocument/codeLens: what can be done about the lines below, from every source of lenses.

Another feature adds its own in its `register`:

    server.session.lens_sources.append(lambda document: [types.CodeLens(range=..., command=...)])

and calls `server.refresh_lenses()` when they differ.
"""

from __future__ import annotations

from lsprotocol import types

from lsp_server import actions
from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.problems import range_of
from lsp_server.server import WhetstoneServer
from whetstone.problem import Span


def register(server: WhetstoneServer) -> None:
    session = server.session
    session.lens_sources.append(lambda document: _standing(server, document))

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=False))
    @guarded(lambda _: [])
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        document = session.documents.python(params.text_document.uri)
        if document is None or session.silence(document) is not None:
            return []
        if not session.settings_of(document).codelens:
            return []
        return [lens for source in session.lens_sources for lens in source(document)]


def _standing(server: WhetstoneServer, document: OpenDocument) -> list[types.CodeLens]:
    """Keep and revert, over the lines of each change that is not settled yet."""
    lenses = []
    for suggestion, candidate, (start, stop) in server.session.capture.standing(document.uri):
        span = Span(start_line=start, end_line=max(start, stop - 1))
        for title, command in (("keep", actions.ACCEPT), ("revert", actions.REVERT)):
            lenses.append(
                types.CodeLens(
                    range=range_of(document, span),
                    command=actions.command(command, f"Whetstone: {title}", suggestion, candidate),
                )
            )
    return lenses
