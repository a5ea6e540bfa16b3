"""The one thread that owns the model. The newest request wins.

A request takes the place of older ones for the same document: queued ones are dropped, a running
one is stopped. Asking again for what is queued or running joins it. Jobs in the background run only
while nobody waits: a request stops the one that runs, within one step of the model, and whoever
submitted it submits it again. Between two jobs the worker looks whether another model was promoted,
and loads it; until that has worked, the old one serves. A LoRA adapter is put over the model that
is loaded already, so folders with adapters of their own cost no second model.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lsp_server.folders import ENGINE_FIELDS
from lsp_server.parts import Parts, Proposer
from lsp_server.proving import runner_for
from whetstone.engine.base import Cancel, Engine
from whetstone.errors import Cancelled, EngineError, ModelError, WhetstoneError
from whetstone.problem import Diagnostic, Document
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.evidence import TestRunner
    from whetstone.slips.passing import Passing

log = logging.getLogger(__name__)

_RETRY_S = 30.0  # a missing file may be put there without any setting being changed

Tell = Callable[[str], None]
Activity = Literal["idle", "loading", "fixing", "preparing"]


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One problem to propose for. `future` holds None when nothing came of it."""

    uri: str
    document: Document
    diagnostic: Diagnostic
    settings: Settings
    root: Path | None = None
    failure: str = ""
    test: TestRunner | None = None
    slips: Passing | None = None  # found already: only their order is asked
    background: bool = False
    cancel: Cancel = field(default_factory=Cancel)
    deadline_s: float | None = None
    future: Future[Proposal | None] = field(default_factory=Future)
    waiting: int = 1
    submitted: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # only the worker ends it

    @property
    def key(self) -> tuple[object, ...]:
        # The text itself: what is made of a document's fixes has its version, and other lines.
        told = (self.deadline_s is None, self.slips is None)
        return (self.uri, self.diagnostic, *told, self.document.text)

    def leave(self) -> None:
        """One who waited has gone; when it was the last, the work is not wanted any more."""
        self.waiting -= 1
        if self.waiting <= 0:
            self.cancel.set()


class Worker:
    """Runs jobs, newest first, in a thread that starts with the first job."""

    def __init__(
        self, parts: Parts, *, warn: Tell, changed: Callable[[], object] = lambda: None
    ) -> None:
        """`changed` is called from the worker's thread when `activity` or `model_id` may differ."""
        self._parts = parts
        self._warn = warn
        self._changed = changed
        self._queue: list[Job] = []  # the newest is last, and served first
        self._background: list[Job] = []  # the oldest is served first
        self._running: Job | None = None
        self._change = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._engines = _Engines(parts, warn=warn, changed=changed)

    @property
    def loaded(self) -> bool:
        """Is a model in memory?"""
        return self._engines.engine is not None

    @property
    def model_id(self) -> str:
        """The model that answers: "rules" when none could be loaded, "" before the first job."""
        engine = self._engines.engine
        return engine.model_id if engine is not None else "rules" * self._engines.tried

    @property
    def failure(self) -> str:
        """Why no model answers: it could not be loaded, or its server is away; else empty."""
        # Only a remote engine can be away.
        return self._engines.failure or getattr(self._engines.engine, "away", "")

    @property
    def activity(self) -> Activity:
        running = self._running
        if running is None:
            return "idle"
        if self._engines.loading:
            return "loading"
        return "preparing" if running.background else "fixing"

    def submit(self, job: Job) -> Job:
        """Queue `job`, or join the one that is at the same already; returns the job to wait for."""
        with self._change:
            running = [self._running] if self._running else []
            for other in [*self._queue, *self._background, *running]:
                if other.key == job.key and not other.cancel.is_set():
                    other.waiting += 1
                    if not job.background:
                        self._promote(other)
                    return other
            if job.background:
                self._background.append(job)
            else:
                self._admit(job)
            self._start()
            self._change.notify()
        return job

    def drop(self, uri: str) -> None:
        """The document was closed: nothing about it is wanted any more."""
        with self._change:
            self._supersede(uri, background=True)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop what runs, drop what waits, and free the model."""
        with self._change:
            self._closing = True
            for uri in {job.uri for job in [*self._queue, *self._background]}:
                self._supersede(uri, background=True)
            if self._running:
                self._running.cancel.set()
            self._change.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _admit(self, job: Job) -> None:
        """Queue a job that somebody waits for; what runs in the background makes way."""
        self._supersede(job.uri)
        self._queue.append(job)
        if self._running is not None and self._running.background:
            self._running.cancel.set()

    def _promote(self, job: Job) -> None:
        """Somebody waits for a job of the background now."""
        if not job.background:
            return
        job.background = False
        if job in self._background:
            self._background.remove(job)
            self._admit(job)

    def _supersede(self, uri: str, *, background: bool = False) -> None:
        """Drop the jobs about a document; those of the background only when told to."""
        queues = [self._queue, self._background] if background else [self._queue]
        for queue in queues:
            for job in [job for job in queue if job.uri == uri]:
                queue.remove(job)
                job.cancel.set()
                job.future.set_result(None)
        running = self._running
        if running is not None and running.uri == uri and (background or not running.background):
            running.cancel.set()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="whetstone-model", daemon=True)
            self._thread.start()

    def _next(self) -> Job | None:
        with self._change:
            self._running = None
            if not self._queue and not self._background and not self._closing:
                self._changed()
            self._change.wait_for(lambda: self._queue or self._background or self._closing)
            if self._closing:
                return None
            self._running = self._queue.pop() if self._queue else self._background.pop(0)
            return self._running

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._changed()
            job.future.set_result(self._propose(job))
        self._engines.close()

    def _propose(self, job: Job) -> Proposal | None:
        """Never raises: a job that fails leaves a message, and the rules are asked alone."""
        try:
            if job.cancel.is_set():
                return None
            # What nobody waits for has one core: the model and the checks take turns on it.
            beside = not job.background
            threads = None if beside else job.settings.prepare.threads
            fixer = self._engines.fixer(job.settings, threads, beside=beside)
            return self._ask(fixer, job, _Limit(job))
        except Cancelled:
            return None
        except WhetstoneError as error:
            self._warn(str(error))
        except Exception:
            log.exception("a fix could not be proposed")
        return None

    def _ask(self, fixer: Proposer, job: Job, limit: Cancel) -> Proposal:
        test = job.test
        if test is None and job.deadline_s is None:  # tests take their own time
            test = runner_for(job.document, job.settings, job.root, limit)

        def ask(fixer: Proposer, cancel: Cancel) -> Proposal:
            if job.slips is not None:
                return fixer.rank(job.document, job.slips, cancel)
            return fixer.propose(
                job.document, job.diagnostic, cancel=cancel, test=test, failure=job.failure
            )

        try:
            return ask(fixer, limit)
        except EngineError as error:
            self._warn(str(error))
        except Cancelled:
            if job.cancel.is_set():
                raise
        # The model failed or the time was up, but nobody took the question back.
        return ask(self._parts.make_fixer(None, job.settings, not job.background), job.cancel)


class _Limit(Cancel):
    """Set when the job is cancelled, or when most of its time is used up."""

    def __init__(self, job: Job) -> None:
        left = None
        if job.deadline_s is not None:
            # The rest of the time is for the rules, which need none of the model's.
            left = job.submitted + job.deadline_s * 0.7 - time.monotonic()
        super().__init__(timeout_s=left)
        self._outer = job.cancel

    def is_set(self) -> bool:
        return self._outer.is_set() or super().is_set()


class _Engines:
    """The loaded model, and the change to another one. Lives in the worker's thread."""

    def __init__(self, parts: Parts, *, warn: Tell, changed: Callable[[], object]) -> None:
        self.engine: Engine | None = None
        self._threads: int | None = None  # the limit that the engine was told
        self.loading = False
        self.tried = False
        self.failure = ""
        self._parts = parts
        self._warn = warn
        self._changed = changed
        self._stamp: Hashable = None
        self._retry_at: float | None = None  # set while the wanted model is not the loaded one

    def fixer(self, settings: Settings, threads: int | None, *, beside: bool) -> Proposer:
        """Asks the model that is wanted now, computing with at most so many threads."""
        self._refresh(settings)
        if self.engine is not None and threads != self._threads:
            self.engine.limit_threads(threads)
            self._threads = threads
        return self._parts.make_fixer(self.engine, settings, beside)

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
            self.engine = None

    def _refresh(self, settings: Settings) -> None:
        """Load the model that is wanted now, when it is another one or its file was no good."""
        try:
            stamp: Hashable = (self._parts.model_stamp(), _engine_settings(settings))
            failed = self._retry_at is not None and time.monotonic() >= self._retry_at
            if stamp == self._stamp and not failed:
                return
            self._stamp, self._retry_at = stamp, time.monotonic() + _RETRY_S
            new = self._wanted(settings)
        except WhetstoneError as error:
            self._failed(str(error))
            return
        except Exception as error:
            log.exception("the model could not be loaded")
            self._failed(f"The model could not be loaded ({type(error).__name__}).")
            return
        old, self.engine, self.failure = self.engine, new, ""
        if new is old:  # with another adapter, perhaps
            self._changed()
            return
        self._threads = None
        if old is not None:
            log.info("model changed from %s to %s", old.model_id, new.model_id)
            old.close()

    def _wanted(self, settings: Settings) -> Engine:
        """The model that is wanted; without the folder's adapter when that cannot be used."""
        try:
            engine = self._adapted(settings)
            self._retry_at = None
        except ModelError as error:
            if settings.adapter is None:
                raise
            self._warn(f"{error} Until then its folder is served without it.")
            engine = self._adapted(dataclasses.replace(settings, adapter=None))
        return engine

    def _adapted(self, settings: Settings) -> Engine:
        if self.engine is not None and self._parts.adapt(self.engine, settings):
            return self.engine
        return self._load(settings)

    def _load(self, settings: Settings) -> Engine:
        self.loading = self.tried = True
        self._changed()
        try:
            return self._parts.load_engine(settings)
        finally:
            self.loading = False
            self._changed()

    def _failed(self, problem: str) -> None:
        self.failure, self.tried = problem, True
        self._warn(f"{problem} {self._fallback()}")

    def _fallback(self) -> str:
        if self.engine is not None:
            return f"{self.engine.model_id} keeps serving."
        return "Until then only fixes that rules know are offered."


def _engine_settings(settings: Settings) -> Hashable:
    """The settings that a loaded engine was built from."""
    return tuple(getattr(settings, name) for name in ("adapter", *ENGINE_FIELDS))
