"""workspace/executeCommand: what the user says about a suggestion. Answered when it is stored."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from lsp_server import actions
from lsp_server.captured import Change
from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

_UNKNOWN = "this fix is not known any more; ask again"
_CANNOT = "this editor does not apply edits that a server sends"


def _unrecorded(*_: object) -> dict[str, bool]:
    return {"recorded": False}


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.command(actions.APPLIED)
    @guarded(_unrecorded)
    async def applied(*arguments: Any) -> dict[str, bool]:
        """Run by the client after it applied an action's edit."""
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        return {"recorded": await _record_applied(server, *found)}

    @server.command(actions.APPLY)
    @guarded(lambda *_: {"applied": False, "reason": "the server failed; see its log"})
    async def apply(*arguments: Any) -> dict[str, Any]:
        found = _found(server, arguments)
        if found is None:
            return {"applied": False, "reason": _UNKNOWN}
        reason = await _apply(server, *found)
        return {"applied": True} if reason is None else {"applied": False, "reason": reason}

    @server.command(actions.ACCEPT)
    @guarded(_unrecorded)
    async def accept(*arguments: Any) -> dict[str, bool]:
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        document, suggestion, candidate = found
        session.show(suggestion)
        session.suggestions.take_up(suggestion, candidate)
        effects = session.capture.accepted(suggestion, candidate, document.buffer.lines)
        recorded = await session.record_durably(effects)
        _changed(server, document)
        return {"recorded": recorded}

    @server.command(actions.REJECT)
    @guarded(_unrecorded)
    async def reject(*arguments: Any) -> dict[str, bool]:
        found = _found(server, arguments)
        if found is None:
            return _unrecorded()
        document, suggestion, candidate = found
        session.show(suggestion)
        session.suggestions.turn_down(suggestion, candidate)
        standing = session.capture.applied_change(suggestion)
        span = session.capture.span(suggestion)
        recorded = await session.record_durably(session.capture.rejected(suggestion, candidate))
        if (
            standing is not None
            and span is not None
            and standing[0] == candidate
            and not await _take_out(server, document, standing[1], span, "reject this fix")
        ):
            server.inform("the fix is rejected, but the editor did not take it out again: undo it.")
        _changed(server, document)
        return {"recorded": recorded}

    @server.command(actions.REVERT)
    @guarded(lambda *_: {"reverted": False})
    async def revert(*arguments: Any) -> dict[str, bool]:
        found = _found(server, arguments)
        if found is None:
            return {"reverted": False}
        return {"reverted": await _revert(server, *found)}


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


async def _record_applied(
    server: WhetstoneServer, document: OpenDocument, suggestion: str, candidate: str
) -> bool:
    session = server.session
    session.show(suggestion)  # taken from a light bulb's menu: it was seen, after all
    effects = session.capture.applied(suggestion, candidate, document.buffer.lines)
    recorded = await session.record_durably(effects)
    _changed(server, document)
    return recorded


async def _apply(
    server: WhetstoneServer, document: OpenDocument, suggestion: str, candidate_id: str
) -> str | None:
    """Have the client carry out a candidate's edit; returns why that was not possible."""
    session = server.session
    known = session.suggestions.get(suggestion)
    candidate = known.candidate(candidate_id) if known else None
    if known is None or candidate is None:
        return _UNKNOWN
    if document.buffer.text != known.proposal.document.text:
        return "the document has changed since this fix was made; ask again"
    edit = actions.workspace_edit(document, session.client, candidate.edits)
    reason = await _edit(server, edit, candidate.title)
    if reason is None:
        await _record_applied(server, document, suggestion, candidate_id)
    return reason


async def _revert(
    server: WhetstoneServer, document: OpenDocument, suggestion: str, candidate: str
) -> bool:
    """Put the old lines back in place of a change that stands, and settle it as reverted."""
    capture = server.session.capture
    standing, span = capture.applied_change(suggestion), capture.span(suggestion)
    if standing is None or span is None or standing[0] != candidate:
        return False
    if not await _take_out(server, document, standing[1], span, "revert this fix"):
        return False
    await server.session.record_durably(capture.reverted(suggestion, candidate))
    _changed(server, document)
    return True


async def _take_out(
    server: WhetstoneServer,
    document: OpenDocument,
    change: Change,
    span: tuple[int, int],
    label: str,
) -> bool:
    """Put the old lines back in place of a change that still stands."""
    edit = actions.restoring_edit(document, server.session.client, change.before, span)
    return await _edit(server, edit, label) is None


async def _edit(server: WhetstoneServer, edit: types.WorkspaceEdit, label: str) -> str | None:
    """Have the client carry out an edit; returns why it did not."""
    if not server.session.client.applies_edits:
        return _CANNOT
    result = await server.workspace_apply_edit_async(
        types.ApplyWorkspaceEditParams(label=f"Whetstone: {label}", edit=edit)
    )
    return None if result.applied else result.failure_reason or "the editor refused the edit"


def _changed(server: WhetstoneServer, document: OpenDocument) -> None:
    server.board.fixes_changed(document.uri)
    server.refresh_lenses()
