"""Fixes made ready before anybody asks, one after the other, while the model has nothing to do.

Once the text of a document has rested for `prepare.delay_s`, its problems are proposed for in the
background: the document that was touched last first, and in it the problem nearest to where the
user was. Typing in a document stops what is being prepared for it; a request of the user stops
whatever is prepared, which goes on afterwards. Nothing here is recorded: only what a person is
shown counts as a suggestion.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsp_server.documents import OpenDocument
from lsp_server.problems import ProblemAt
from whetstone.power import on_battery

if TYPE_CHECKING:
    from lsp_server.session import Session

log = logging.getLogger(__name__)

MOST = 8  # problems for each document, nearest first
DOCUMENTS = 3  # those that were used last
_REST = 0.1  # of the time that one took: the server itself works meanwhile, and one core is enough
_LONGEST_REST_S = 0.5
_POWER_S = 30.0  # how long an answer about the battery holds


class Preparer:
    """Only the event loop touches it. It has a timer or a task only while there is work."""

    def __init__(self, session: Session, *, ready: Callable[[str], object]) -> None:
        """`ready` is told the document when something about its fixes has changed."""
        self._session = session
        self._ready = ready
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._line: dict[str, int] = {}  # where the user was last, by document
        self._recent: list[str] = []  # documents, the one touched last is last
        self._rested: dict[str, int] = {}  # revisions whose problems may be prepared
        # Keys of the problems that had their turn, by document: once for each revision. What came
        # of one may be forgotten again (suggestions.py keeps the newest), and is then left to ask.
        self._tried: dict[str, set[str]] = {}
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._working: tuple[str, asyncio.Task[object]] | None = None
        self._battery: tuple[float, bool] | None = None
        self._closed = False

    # -- what happens ---------------------------------------------------------------------------

    def touched(self, uri: str, *, line: int | None = None) -> None:
        """The document was opened or typed in: nothing about it is worth preparing just now."""
        self._at(uri, line)
        self._rested.pop(uri, None)
        self._tried.pop(uri, None)
        self._stop(uri)
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
        document = self._session.documents.get(uri)
        if document is None or not document.is_python or self._closed:
            return
        delay_s = self._session.settings_of(document).prepare.delay_s
        self._timers[uri] = asyncio.get_running_loop().call_later(delay_s, self._rest, uri)

    def looked(self, uri: str, line: int) -> None:
        """The user is at this line now."""
        self._at(uri, line)
        self.wake()

    def forget(self, uri: str) -> None:
        """The document was closed."""
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
        self._stop(uri)
        self._rested.pop(uri, None)
        self._tried.pop(uri, None)
        self._line.pop(uri, None)
        if uri in self._recent:
            self._recent.remove(uri)

    def wake(self) -> None:
        """There may be something to do: settings, problems or positions have changed."""
        self._again = True
        if (self._task is None or self._task.done()) and not self._closed and self._rested:
            self._task = asyncio.get_running_loop().create_task(self._work())
            self._task.add_done_callback(self._ended)

    def close(self) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._rested.clear()
        if self._working is not None:
            self._working[1].cancel()

    def pending(self, document: OpenDocument) -> list[ProblemAt]:
        """What is still to be prepared for a document, in order."""
        if self._rested.get(document.uri) != document.revision:
            return []
        if self.hindrance(document) is not None:
            return []
        line = self._line.get(document.uri, 0)
        problems = self._session.problems(document)
        problems.sort(key=lambda each: abs(each.diagnostic.span.start_line - line))
        return [each for each in problems[:MOST] if self._wanted(document, each)]

    def hindrance(self, document: OpenDocument) -> str | None:
        """Why nothing is prepared for this document."""
        settings = self._session.settings_of(document)
        if not settings.prepare.enabled:
            return "preparing is switched off (`prepare.enabled`)"
        if (silence := self._session.silence(document)) is not None:
            return silence
        if settings.test.command and settings.test.consent:
            return "`test.command` is set: fixes are proved with it when you ask for them"
        if settings.engine == "openai" and not self._session.engine_is_local:
            return "the model runs on another machine: it is asked only when you ask"
        if not settings.prepare.on_battery and self._on_battery():
            return "the machine runs on its battery (`prepare.on_battery`)"
        return None

    # -- inside -----------------------------------------------------------------------------------

    def _at(self, uri: str, line: int | None) -> None:
        if line is not None:
            self._line[uri] = line
        if uri in self._recent:
            self._recent.remove(uri)
        self._recent.append(uri)

    def _on_battery(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self._battery is None or now - self._battery[0] > _POWER_S:
            self._battery = (now, on_battery())
        return self._battery[1]

    def _rest(self, uri: str) -> None:
        self._timers.pop(uri, None)
        document = self._session.documents.python(uri)
        if document is not None:
            self._rested[uri] = document.revision
            self.wake()

    def _stop(self, uri: str) -> None:
        if self._working is not None and self._working[0] == uri:
            self._working[1].cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("preparing failed: %s", type(task.exception()).__name__)

    async def _work(self) -> None:
        while self._again:
            self._again = False
            while (document := await self._next()) is not None:
                await self._one(document)

    async def _one(self, document: OpenDocument) -> None:
        problem = self.pending(document)[0]
        self._ready(document.uri)
        working = asyncio.ensure_future(self._session.prepare(document, problem))
        self._working = (document.uri, working)
        begin = asyncio.get_running_loop().time()
        try:
            if await working:
                self._tried.setdefault(document.uri, set()).add(problem.key)
        except asyncio.CancelledError:
            if not working.cancelled():
                raise  # this task was cancelled, not the one it waits for
        finally:
            self._working = None
            self._ready(document.uri)
        took = asyncio.get_running_loop().time() - begin
        await asyncio.sleep(min(_LONGEST_REST_S, _REST * took))

    async def _next(self) -> OpenDocument | None:
        """The next document with something to prepare; its findings are known then."""
        for uri in self._recent[: -DOCUMENTS - 1 : -1]:
            document = self._session.documents.python(uri)
            if document is None or self._rested.get(uri) != document.revision:
                continue
            if self.hindrance(document) is not None:
                continue
            await self._session.findings.current(uri)
            if self.pending(document):
                return document
            if self._rested.get(uri) == document.revision:
                self._ready(uri)
        return None

    def _wanted(self, document: OpenDocument, problem: ProblemAt) -> bool:
        if problem.key in self._tried.get(document.uri, ()):
            return False
        return self._session.known_proposal(document, problem) is None
