"""What our own tools find in open documents, computed off the event loop, once for each version."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from lsp_server.documents import Documents
from lsp_server.parts import Parts
from lsp_server.text import Hunk, moved_span
from whetstone.errors import WhetstoneError
from whetstone.problem import Diagnostic, Document, Span

log = logging.getLogger(__name__)

Found = tuple[Diagnostic, ...]

MAX_CHARS = 4_000_000  # generated files beyond this would keep the checker busy for nothing


class Followed:
    """Findings that follow the text until newer ones are there; those typed over are dropped."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._typed: tuple[int, int] | None = None  # lines between which something was typed

    def move(self, hunk: Hunk) -> None:
        """Lines of the text were replaced."""
        moved = [(each, moved_span(each.span, hunk)) for each in self._found]
        self._found = tuple(replace(each, span=span) for each, span in moved if span is not None)
        start, stop = hunk.start, hunk.stop
        if self._typed is not None:
            start, stop = min(start, self._typed[0]), max(stop, self._typed[1])
        self._typed = (start, stop + hunk.grown)

    def unless_typed_in(self, lines: Span) -> Found | None:
        """None when the lines are among those that changed: what was found there is old."""
        if self._typed is not None:
            start, stop = self._typed
            if start <= lines.end_line and lines.start_line <= stop:
                return None
        return self._found


class Findings:
    """Findings by document. Only the event loop touches it; the tools run in one thread."""

    def __init__(self, parts: Parts, documents: Documents, *, warn: Callable[[str], None]) -> None:
        self._parts = parts
        self._documents = documents
        self._warn = warn
        self._latest: dict[str, tuple[int, Found]] = {}
        self._running: dict[str, tuple[int, asyncio.Task[Found | None]]] = {}
        self._followed: dict[str, Followed] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whetstone-find")
        self._closed = False

    def known(self, uri: str) -> Found | None:
        """Findings for the document as it is now, when they are there already."""
        document, latest = self._documents.get(uri), self._latest.get(uri)
        if document is None or latest is None or latest[0] != document.revision:
            return None
        return latest[1]

    def followed(self, uri: str, lines: Span) -> Found | None:
        """Findings of the version before, moved with the text since; good for a quick answer.

        None when there are none, or when something was typed in the `lines` that it is about.
        """
        followed = self._followed.get(uri)
        return None if followed is None else followed.unless_typed_in(lines)

    def changed(self, uri: str, hunk: Hunk) -> None:
        """Lines of the document were replaced."""
        if uri in self._followed:
            self._followed[uri].move(hunk)

    async def current(self, uri: str) -> Found | None:
        """Findings for the document as it is now; None when it changes meanwhile or they fail."""
        document = self._documents.python(uri)
        if document is None or self._closed:
            return None
        if (known := self.known(uri)) is not None:
            return known
        running = self._running.get(uri)
        if running is None or running[0] != document.revision:
            task = asyncio.create_task(self._find(uri, document.snapshot()))
            running = self._running[uri] = (document.revision, task)
        return await asyncio.shield(running[1])

    async def look(self, text: Document) -> Found | None:
        """Findings for any text, not kept; None when the tools fail."""
        if self._closed:
            return None
        try:
            loop = asyncio.get_running_loop()
            return tuple(await loop.run_in_executor(self._thread, self._parts.find, text))
        except WhetstoneError as error:
            self._warn(str(error))
            return None

    def compute(self, snapshot: Document) -> Found | None:
        """Findings for a text that is no open document's any more. Blocks; None when it fails."""
        try:
            return () if len(snapshot.text) > MAX_CHARS else tuple(self._parts.find(snapshot))
        except Exception:
            log.exception("diagnostics could not be computed")
            return None

    def forget(self, uri: str) -> None:
        self._followed.pop(uri, None)
        self._latest.pop(uri, None)
        self._running.pop(uri, None)

    def close(self) -> None:
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _find(self, uri: str, snapshot: Document) -> Found | None:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._thread, self._work, uri, snapshot)
        except WhetstoneError as error:
            self._warn(str(error))
            return None
        except Exception:
            log.exception("diagnostics could not be computed")
            return None
        if found is None or self._outdated(uri, snapshot):
            return None
        self._latest[uri] = (snapshot.version or 0, found)
        self._followed[uri] = Followed(found)
        return found

    def _work(self, uri: str, snapshot: Document) -> Found | None:
        """In the thread: versions that were typed over while they queued are skipped."""
        if self._outdated(uri, snapshot):
            return None
        if len(snapshot.text) > MAX_CHARS:
            return ()
        return tuple(self._parts.find(snapshot))

    def _outdated(self, uri: str, snapshot: Document) -> bool:
        document = self._documents.get(uri)
        return document is None or document.revision != snapshot.version
