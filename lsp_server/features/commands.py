"""workspace/executeCommand: what the user says about a suggestion. Answered when it is stored."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from lsp_server import actions
from lsp_server.captured import Change
from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer


def _unrecorded(*_: object) -> dict[str, bool]:
    return {"recorded": False}


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.command(actions.APPLIED)
    @guarded(_unrecorded)
    async def applied(*arguments: str) -> dict[str, bool]:
        """Run by the client after it applied an action's edit."""
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        document, suggestion, candidate = found
        effects = session.capture.applied(suggestion, candidate, document.buffer.lines)
        return {"recorded": await session.record_durably(effects)}

    @server.command(actions.ACCEPT)
    @guarded(_unrecorded)
    async def accept(*arguments: str) -> dict[str, bool]:
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        document, suggestion, candidate = found
        session.suggestions.take_up(suggestion, candidate)
        effects = session.capture.accepted(suggestion, candidate, document.buffer.lines)
        return {"recorded": await session.record_durably(effects)}

    @server.command(actions.REJECT)
    @guarded(_unrecorded)
    async def reject(*arguments: str) -> dict[str, bool]:
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        document, suggestion, candidate = found
        session.suggestions.turn_down(suggestion, candidate)
        standing = session.capture.applied_change(suggestion)
        span = session.capture.span(suggestion)
        recorded = await session.record_durably(session.capture.rejected(suggestion, candidate))
        if standing is not None and span is not None and standing[0] == candidate:
            await _take_out(server, document, standing[1], span)
        return {"recorded": recorded}


def _found(
    server: WhetstoneServer, arguments: tuple[Any, ...]
) -> tuple[OpenDocument, str, str] | None:
    """The open document and the ids that a command's arguments stand for."""
    meant = server.session.suggestions.meant(arguments)
    known = server.session.suggestions.get(meant[0]) if meant else None
    document = server.session.documents.get(known.uri) if known else None
    if meant is None or document is None:
        return None
    return document, *meant


async def _take_out(
    server: WhetstoneServer, document: OpenDocument, change: Change, span: tuple[int, int]
) -> None:
    """Put the old lines back in place of a rejected change that still stands."""
    if not server.session.client.applies_edits:
        return
    edit = actions.restoring_edit(document, server.session.client, change.before, span)
    await server.workspace_apply_edit_async(
        types.ApplyWorkspaceEditParams(label="Whetstone: reject this fix", edit=edit)
    )
