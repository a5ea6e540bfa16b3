"""When suggestions are settled: after a save has held, or when a document is gone for good.

The file on the disk has the last word, whatever the editor says or leaves out: a checkout may
rewrite it, a client may not tell of saves, and closing without saving leaves what was there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from lsp_server.documents import OpenDocument, path_of
from lsp_server.text import bare
from whetstone.errors import UsageError
from whetstone.problem import Document, split_lines

if TYPE_CHECKING:
    from lsp_server.session import Session

log = logging.getLogger(__name__)

PARK_S = 0.25  # a rename, or a reload in some editors, closes a document and opens it again
_FRESH_S = 2.0  # `:saveas` writes the new file right before the editor tells of it
_AGAIN_S = 0.5  # a document that changed while its file was read is looked at again
_END_S = 1.0  # editors kill a server that takes much longer to end
_RELOAD_S = 0.3  # editors reload a file that changed on the disk a little after we hear of it


class Settling:
    """Timers over the capture. Only the event loop touches it."""

    def __init__(self, session: Session, *, settled: Callable[[], object]) -> None:
        """`settled` is called when what stands above changed lines may be different now."""
        self._session = session
        self._settled = settled
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what the protocol tells --------------------------------------------------------------

    def opened(self, uri: str) -> None:
        session = self._session
        document = session.documents.get(uri)
        before = session.capture.uris()
        if document is None or not before:
            return
        lines = document.buffer.lines
        session.record(session.capture.opened(uri, lines, lambda old: _was_moved(old, uri)))
        for old in set(before) - set(session.capture.uris()):
            session.suggestions.move(old, uri)

    async def saved(self, uri: str) -> None:
        """The document's text is what is on the disk."""
        session = self._session
        document = session.documents.python(uri)
        if document is None or not session.capture.watches(uri):
            return
        revision = document.revision
        session.record(session.capture.saved(uri, document.buffer.lines))
        if not session.capture.undecided(uri):
            self._settled()
            return
        found = await session.findings.current(uri)
        if found is not None and document.revision == revision:
            session.record(session.capture.checked(uri, document.buffer.lines, found))
        self._settled()

    def renamed(self, old: str, new: str) -> None:
        """A file or a folder was moved; its documents are closed and opened again around this."""
        session = self._session
        for uri in session.capture.uris():
            if uri != old and not uri.startswith(old.rstrip("/") + "/"):
                continue
            target = new.rstrip("/") + uri[len(old.rstrip("/")) :]
            document = session.documents.get(uri)
            lines = document.buffer.lines if document is not None else None
            session.capture.renamed(uri, target, lines)
            session.suggestions.move(uri, target)
            self.opened(target)
            self._later(PARK_S, self._leave, target)

    def closed(self, uri: str, lines: list[str]) -> None:
        self._session.record(self._session.capture.closed(uri, lines))
        self._later(PARK_S, self._leave, uri)

    def changed_on_disk(self, uri: str) -> None:
        """Something rewrote the file; the editor may reload it before or after this."""
        if self._session.capture.watches(uri):
            self._later(_RELOAD_S, self._compare, uri)

    # -- time ---------------------------------------------------------------------------------

    def arm(self) -> None:
        """Look again when the next verdict is due."""
        self.stop()
        due = self._session.capture.next_due()
        if due is not None:
            self._timer = self._later(due - time.monotonic(), self._settle_due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """The server ends: settle everything now. May block, and needs no event loop."""
        session = self._session
        self.stop()
        deadline = time.monotonic() + _END_S
        for uri in session.capture.uris():
            document = session.documents.get(uri)
            if document is not None:
                session.record(session.capture.closed(uri, document.buffer.lines))
            disk = on_disk(uri)
            snapshot = self._saved_before(uri, disk)
            if snapshot is not None and time.monotonic() < deadline:
                found = session.findings.compute(snapshot)
                if found is not None:
                    session.record(session.capture.checked(uri, disk or (), found))
            session.record(session.capture.left(uri, disk))

    # -- inside -------------------------------------------------------------------------------

    async def _settle_due(self) -> None:
        session = self._session
        for uri in session.capture.due_documents():
            document = session.documents.get(uri)
            if document is None:
                session.record(session.capture.due(uri, (), None))
                continue
            revision = document.revision
            disk = await asyncio.to_thread(on_disk, uri)
            if document.revision == revision:
                if _same(document, disk):
                    await self.saved(uri)
                session.record(session.capture.due(uri, document.buffer.lines, disk))
            else:
                session.capture.wait(uri, _AGAIN_S)
        self.arm()
        self._settled()

    async def _compare(self, uri: str) -> None:
        """Take a document that is what the disk has for saved."""
        document = self._session.documents.get(uri)
        disk = await asyncio.to_thread(on_disk, uri)
        if document is not None and _same(document, disk):
            await self.saved(uri)

    async def _leave(self, uri: str) -> None:
        """The document did not come back."""
        session = self._session
        disk = None
        if session.documents.get(uri) is None:
            disk = await asyncio.to_thread(on_disk, uri)
            snapshot = self._saved_before(uri, disk)
            if snapshot is not None:
                found = await asyncio.to_thread(session.findings.compute, snapshot)
                if found is not None and session.documents.get(uri) is None:
                    session.record(session.capture.checked(uri, disk or (), found))
        if session.documents.get(uri) is None:
            session.record(session.capture.left(uri, disk))
            session.suggestions.forget(uri)

    def _saved_before(self, uri: str, disk: list[str] | None) -> Document | None:
        """What is to be checked of a document that was saved and closed at once (`:wq`)."""
        session = self._session
        text = session.capture.parked(uri)
        if disk is None or text is None or bare(text) != bare(disk):
            return None
        session.record(session.capture.saved(uri, disk))
        if not session.capture.undecided(uri):
            return None
        return Document(text="".join(disk), path=path_of(uri))

    def _later(
        self, wait_s: float, call: Callable[..., Coroutine[Any, Any, None]], *arguments: str
    ) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        return loop.call_later(max(wait_s, 0.0) + 0.01, self._start, call, *arguments)

    def _start(self, call: Callable[..., Coroutine[Any, Any, None]], *arguments: str) -> None:
        task = asyncio.get_running_loop().create_task(call(*arguments))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a suggestion could not be settled", exc_info=task.exception())


def _was_moved(old: str, new: str) -> bool:
    """Is one file gone, or was the other just written? An older copy is another document."""
    before, after = path_of(old), path_of(new)
    if before is None or after is None:
        return False
    try:
        return not before.exists() or time.time() - after.stat().st_mtime < _FRESH_S
    except OSError:
        return False


def _same(document: OpenDocument, disk: list[str] | None) -> bool:
    """Is the document what stands on the disk, line endings aside?"""
    return disk is not None and bare(disk) == bare(document.buffer.lines)


def on_disk(uri: str) -> list[str] | None:
    """The lines of the file as it is now; none when it is gone, None when nobody can tell."""
    path = path_of(uri)
    if path is None:
        return None
    if not path.exists():
        return []
    from whetstone.source_file import read  # off the start-up path

    try:
        return split_lines(read(path).document.text)
    except UsageError:
        return None
