"""Work-done progress that appears only when something takes long enough to be noticed."""

from __future__ import annotations

import asyncio
import logging
import uuid
from concurrent.futures import Future
from types import TracebackType

from lsprotocol import types

from lsp_server.server import WhetstoneServer

log = logging.getLogger(__name__)

_QUIET_S = 0.1


class Progress:
    """`async with`: progress with a cancel button; cancelling it cancels the task inside.

    The token is the client's own when the request brought one, else created on the client.
    """

    def __init__(
        self, server: WhetstoneServer, title: str, *, token: types.ProgressToken | None = None
    ) -> None:
        self._server = server
        self._title = title
        self._given = token
        self._token: types.ProgressToken | None = None
        self._showing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Progress:
        if self._given is not None or self._server.session.client.progress:
            worker = asyncio.current_task()
            assert worker is not None
            self._showing = asyncio.create_task(self._show(worker))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._showing is not None:
            self._showing.cancel()
        if self._token is not None:
            progress = self._server.work_done_progress
            progress.tokens.pop(self._token, None)
            progress.end(self._token, types.WorkDoneProgressEnd())

    def report(self, message: str, percentage: int | None = None) -> None:
        """Say how far it is, once the progress is to be seen."""
        if self._token is not None:
            report = types.WorkDoneProgressReport(message=message, percentage=percentage)
            self._server.work_done_progress.report(self._token, report)

    async def _show(self, worker: asyncio.Task[object]) -> None:
        await asyncio.sleep(_QUIET_S)
        token = self._given
        if token is None:
            token = str(uuid.uuid4())
            # Shielded: a late answer to a request that nobody awaits any more is an error in pygls.
            await asyncio.shield(self._server.work_done_progress.create_async(token))
        begin = types.WorkDoneProgressBegin(title=f"Whetstone: {self._title}", cancellable=True)
        self._server.work_done_progress.begin(token, begin)
        self._token = token
        self._server.work_done_progress.tokens[token].add_done_callback(
            lambda future: _stop(future, worker)
        )


def _stop(future: Future[object], worker: asyncio.Task[object]) -> None:
    if future.cancelled():
        worker.cancel()
