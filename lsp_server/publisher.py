"""Our own diagnostics on their way to the client: pushed after a pause, or told to pull again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lsp_server.problems import to_lsp
from lsp_server.session import Session
from whetstone.problem import Diagnostic

log = logging.getLogger(__name__)

PAUSE_S = 0.25  # typing at an ordinary speed never starts the checker


class Publisher:
    """Decides what is shown, and when. Only the event loop touches it."""

    def __init__(self, session: Session, server: LanguageServer) -> None:
        self._session = session
        self._server = server
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def shown(self, uri: str, found: Sequence[Diagnostic]) -> list[types.Diagnostic]:
        """What the client shall show of our findings, by the settings and what others report."""
        document = self._session.documents.get(uri)
        if document is None:
            return []
        settings = self._session.settings_of(document)
        switches = self._session.switches
        if settings.diagnostics == "off" or switches.off(document, settings) is not None:
            return []
        quiet = switches.ignored_codes(settings)
        if settings.diagnostics == "auto":
            quiet |= self._session.covered.get(uri, set())
        return [to_lsp(document, each) for each in found if each.code not in quiet]

    def schedule(self, uri: str, *, delay_s: float = PAUSE_S) -> None:
        """Publish once nothing has happened for a while. Clients that pull ask by themselves."""
        self._drop_timer(uri)
        if self._session.client.pulls_diagnostics:
            return
        loop = asyncio.get_running_loop()
        self._timers[uri] = loop.call_later(delay_s, self._start, uri)

    def refresh_all(self) -> None:
        """The settings, or what others report, have changed."""
        if self._session.client.refreshes_diagnostics and self._session.client.pulls_diagnostics:
            self._server.workspace_diagnostic_refresh(None)
        for uri in self._session.documents.uris():
            self.schedule(uri, delay_s=0.0)

    def clear(self, uri: str) -> None:
        """The document was closed."""
        self._drop_timer(uri)
        if not self._session.client.pulls_diagnostics:
            self._send(uri, None, [])

    def _start(self, uri: str) -> None:
        self._timers.pop(uri, None)
        task = asyncio.get_running_loop().create_task(self._publish(uri))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, uri: str) -> None:
        found = await self._session.findings.current(uri)
        document = self._session.documents.get(uri)
        if found is not None and document is not None:
            self._send(uri, document.version, self.shown(uri, found))

    def _send(self, uri: str, version: int | None, diagnostics: list[types.Diagnostic]) -> None:
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=diagnostics)
        )

    def _drop_timer(self, uri: str) -> None:
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
