"""What the client is told beyond LSP, when it can take it: `whetstone/status`, `whetstone/fixes`.

Both say the whole state, are sent only when it differs from what was sent last, and at most once
for each turn of the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lsp_server.documents import OpenDocument
from lsp_server.problems import ProblemAt, range_of

if TYPE_CHECKING:
    from lsp_server.server import WhetstoneServer

STATUS, FIXES = "whetstone/status", "whetstone/fixes"
_MAX_TEXT = 40
_MAX_LISTED = 100  # problems of one document in the notification and in the detail


class Board:
    """Only the event loop touches it."""

    def __init__(self, server: WhetstoneServer) -> None:
        self._server = server
        self._document: str | None = None  # the one the user was in last
        self._sent: dict[str, object] = {}
        self._due: set[str] = set()
        self._special: tuple[str, str, str] | None = None  # state, text, detail: a training run

    # -- what others tell it ------------------------------------------------------------------

    def fixes_changed(self, uri: str) -> None:
        self._document = uri
        self._soon(uri)

    def looked_at(self, uri: str) -> None:
        """The user is in this document now; others may go on changing."""
        if self._server.session.documents.get(uri) is not None:
            self._document = uri

    def refresh(self, uri: str) -> None:
        """Everything may be different in a document, whoever is in it."""
        self._soon(uri)

    def activity_changed(self) -> None:
        self._soon("")

    def training(self, text: str | None, detail: str = "") -> None:
        """A training run says how far it is; None when it is over."""
        self._special = None if text is None else ("training", text, detail)
        self.activity_changed()

    def closed(self, uri: str) -> None:
        """The document was closed: nothing is ready in it any more."""
        if self._sent.pop(uri, None) is not None:
            self._send(FIXES, {"uri": uri, "version": None, "fixes": []})
        if self._document == uri:
            self._document = None
        self.activity_changed()

    # -- what it says -------------------------------------------------------------------------

    def status(self, uri: str | None = None) -> dict[str, Any]:
        """The payload of `whetstone/status`, about a document or the one used last."""
        session = self._server.session
        document = session.documents.get(uri or self._document or "")
        fixes = self._fixes(document) if document is not None else []
        state, text, detail = self._state(document, fixes)
        status: dict[str, Any] = {
            "state": state,
            "text": text[:_MAX_TEXT],
            "detail": detail,
            "model": session.worker.model_id,
        }
        if document is not None:
            status["uri"] = document.uri
            status["ready"] = sum(fix["state"] == "ready" for fix in fixes)
        return status

    def fixes(self, document: OpenDocument) -> dict[str, Any]:
        """The payload of `whetstone/fixes`."""
        return {
            "uri": document.uri,
            "version": document.version,
            "fixes": self._fixes(document),
        }

    # -- inside -------------------------------------------------------------------------------

    def _soon(self, about: str) -> None:
        client = self._server.session.client
        if not client.takes_status and not client.takes_fixes:
            return
        if not self._due:
            asyncio.get_running_loop().call_soon(self._tell)
        self._due.add(about)

    def _tell(self) -> None:
        due, self._due = self._due, set()
        client = self._server.session.client
        for uri in due - {""}:
            document = self._server.session.documents.python(uri)
            if document is not None and client.takes_fixes:
                self._send_new(uri, FIXES, self.fixes(document))
        if client.takes_status:
            self._send_new(STATUS, STATUS, self.status())

    def _send_new(self, key: str, method: str, payload: dict[str, Any]) -> None:
        if self._sent.get(key) != payload:
            self._sent[key] = payload
            self._send(method, payload)

    def _send(self, method: str, payload: dict[str, Any]) -> None:
        self._server.protocol.notify(method, payload)

    def _state(
        self, document: OpenDocument | None, fixes: list[dict[str, Any]]
    ) -> tuple[str, str, str]:
        session = self._server.session
        worker = session.worker
        if self._special is not None:
            return self._special
        silence = session.silence(document) if document is not None else None
        if silence is not None or not session.settings.enabled:
            return "off", "off", silence or "switched off by the setting `enabled`"
        detail = self._detail(document, fixes)
        if worker.activity == "loading":
            return "loading", "loading the model", detail
        if worker.activity in ("fixing", "preparing"):
            return worker.activity, worker.activity, detail
        text = _text(fixes) or worker.model_id or "ready"
        if worker.failure:
            return "error", text, "\n".join(filter(None, [worker.failure, detail]))
        return "idle", text, detail

    def _detail(self, document: OpenDocument | None, fixes: list[dict[str, Any]]) -> str:
        if document is None or not document.is_python:
            return ""
        lines = [
            f"{fix['code'] or 'problem'} line {fix['range'].start.line + 1}: "
            + (fix["title"] if fix["state"] == "ready" else fix["reason"])
            for fix in fixes
            if fix["state"] != "preparing"
        ]
        hindrance = self._server.session.preparer.hindrance(document)
        if hindrance is not None:
            lines.append(f"Nothing is prepared: {hindrance}.")
        return "\n".join(lines)

    def _fixes(self, document: OpenDocument) -> list[dict[str, Any]]:
        session = self._server.session
        if not document.is_python or session.silence(document) is not None:
            return []
        pending = {problem.key for problem in session.preparer.pending(document)}
        entries = (
            self._fix(document, problem, pending=problem.key in pending)
            for problem in session.problems(document)[:_MAX_LISTED]
        )
        return [entry for entry in entries if entry is not None]

    def _fix(
        self, document: OpenDocument, problem: ProblemAt, *, pending: bool
    ) -> dict[str, Any] | None:
        """One entry; None when nothing is known and nothing is being prepared."""
        session = self._server.session
        entry: dict[str, Any] = {
            "key": problem.key,
            "range": range_of(document, problem.diagnostic.span),
            "code": problem.diagnostic.code,
            "title": problem.diagnostic.headline,
            "proved": "",
            "candidates": 0,
        }
        session.suggestions.list_problem(problem)  # its key can be resolved
        proposal = session.known_proposal(document, problem)
        if proposal is None:
            return {**entry, "state": "preparing"} if pending else None
        candidates = session.suggestions.open_candidates(document.uri, proposal)
        if not candidates:
            reason = session.suggestions.why_none(document.uri, proposal)
            return {**entry, "state": "none", "reason": reason}
        best = candidates[0]
        return {
            **entry,
            "state": "ready",
            "title": best.title,
            "proved": best.evidence.summary,
            "candidates": len(candidates),
        }


def _text(fixes: list[dict[str, Any]]) -> str:
    """A few words about what is ready; empty when there is nothing to say."""
    states = [fix["state"] for fix in fixes]
    ready = states.count("ready")
    if ready:
        return "1 fix ready" if ready == 1 else f"{ready} fixes ready"
    return "no fix could be proved" if "none" in states else ""
