"""The factory: a language server from its parts. No module state, so tests build as many as they
like."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Generator
from threading import Event
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.io_ import StdoutWriter, run_async
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from lsp_server.board import Board
from lsp_server.parts import Parts
from lsp_server.publisher import Publisher
from lsp_server.session import Session
from lsp_server.stdio import reader_of
from whetstone import __version__

log = logging.getLogger(__name__)


class _Protocol(LanguageServerProtocol):
    """pygls without its own copy of the documents, and with a shutdown that copes with requests.

    Our documents split lines as editors do (text.py).
    """

    lsp_text_document__did_open = None  # type: ignore[assignment]
    lsp_text_document__did_change = None  # type: ignore[assignment]
    lsp_text_document__did_close = None  # type: ignore[assignment]

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """As in pygls, over a copy: cancelling a request takes it out of the table."""
        handler = self.fm.features.get(types.SHUTDOWN)
        if handler is not None:
            yield handler, args, None
        for number, future in list(self._request_futures.items()):
            if number != self.msg_id and not future.done():
                future.cancel()
        self._shutdown = True


class WhetstoneServer(LanguageServer):
    """A language server that knows its session."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(
            "whetstone-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=_Protocol,
            converter_factory=default_converter,
        )
        self.board = Board(self)
        self.session = Session(
            parts,
            warn=self.warn,
            fixes_changed=self.board.fixes_changed,
            activity_changed=lambda: self.call_soon(self.board.activity_changed),
            settled=self.refresh_lenses,
        )
        self.publisher = Publisher(self.session, self)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: set[str] = set()

    def start_io(self, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> None:
        """Serve until the client says so or is gone. As in pygls, with another reader."""
        self._stop_event = stop = Event()
        self.protocol.set_writer(StdoutWriter(stdout or sys.stdout.buffer))
        descriptor = (stdin or sys.stdin.buffer).fileno()

        async def serve() -> None:
            await run_async(
                stop,
                reader_of(descriptor),
                self.protocol,
                error_handler=self.report_server_error,
            )

        try:
            asyncio.run(serve())
        except (BrokenPipeError, asyncio.IncompleteReadError):
            log.error("the client is gone")
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]

    def started(self) -> None:
        """Called in the event loop: from now on other threads can reach it."""
        self._loop = asyncio.get_running_loop()

    def warn(self, text: str) -> None:
        """Show a message to the user, each text once. From any thread."""
        log.warning("%s", text)
        self.call_soon(self._tell, types.MessageType.Warning, text)

    def inform(self, text: str) -> None:
        """Show an answer to something the user just did."""
        self._show(types.MessageType.Info, text)

    def refresh_all(self) -> None:
        """The settings or the switches have changed: everything that is shown may differ."""
        self.publisher.refresh_all()
        for uri in self.session.documents.uris():
            self.session.preparer.touched(uri)
            self.board.refresh(uri)
        self.refresh_lenses()

    def refresh_lenses(self) -> None:
        """What stands above changed lines may be different now."""
        if self.session.client.refreshes_lenses:
            self.workspace_code_lens_refresh(None)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """A broken message from the client is for the log; the user can do nothing about it."""
        log.error("%s: %s", source.__name__, type(error).__name__)

    def call_soon(self, call: Callable[..., object], *arguments: object) -> bool:
        """Have the event loop call something, from any thread; False when it does not run."""
        if self._loop is None or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(call, *arguments)
        return True

    def _tell(self, kind: types.MessageType, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._show(kind, text)

    def _show(self, kind: types.MessageType, text: str) -> None:
        self.window_show_message(types.ShowMessageParams(type=kind, message=f"Whetstone: {text}"))


def create_server(parts: Parts) -> WhetstoneServer:
    """A server with every feature registered, ready for `start_io` or `start_tcp`."""
    from lsp_server.features import register_all

    server = WhetstoneServer(parts)
    register_all(server)
    return server
