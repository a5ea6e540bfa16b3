"""The one thread that owns the model. The newest request wins.

A request takes the place of older ones for the same document: queued ones are dropped, a running
one is stopped. Asking again for what is queued or running joins it. Between two requests the
worker looks whether another model was promoted, and loads it; until that has worked, the old one
serves.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.parts import Parts, Proposer
from lsp_server.proving import runner_for
from whetstone.engine.base import Cancel, Engine
from whetstone.errors import Cancelled, EngineError, WhetstoneError
from whetstone.problem import Diagnostic, Document
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.fixer import Proposal

log = logging.getLogger(__name__)

_RETRY_S = 30.0  # a missing file may be put there without any setting being changed

Tell = Callable[[str], None]


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One problem to propose for. `future` holds None when nothing came of it."""

    uri: str
    document: Document
    diagnostic: Diagnostic
    settings: Settings
    root: Path | None = None
    cancel: Cancel = field(default_factory=Cancel)
    deadline_s: float | None = None
    future: Future[Proposal | None] = field(default_factory=Future)
    waiting: int = 1
    submitted: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # only the worker ends it

    @property
    def key(self) -> tuple[object, ...]:
        return (self.uri, self.document.version, self.diagnostic, self.deadline_s is None)

    def leave(self) -> None:
        """One who waited has gone; when it was the last, the work is not wanted any more."""
        self.waiting -= 1
        if self.waiting <= 0:
            self.cancel.set()


class Worker:
    """Runs jobs, newest first, in a thread that starts with the first job."""

    def __init__(self, parts: Parts, *, warn: Tell) -> None:
        self._parts = parts
        self._warn = warn
        self._queue: list[Job] = []
        self._running: Job | None = None
        self._change = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._engines = _Engines(parts, warn=warn)

    @property
    def loaded(self) -> bool:
        """Is a model in memory?"""
        return self._engines.engine is not None

    def submit(self, job: Job) -> Job:
        """Queue `job`, or join the one that is at the same already; returns the job to wait for."""
        with self._change:
            for other in [*self._queue, *([self._running] if self._running else [])]:
                if other.key == job.key and not other.cancel.is_set():
                    other.waiting += 1
                    return other
            self._supersede(job.uri)
            self._queue.append(job)
            self._start()
            self._change.notify()
        return job

    def drop(self, uri: str) -> None:
        """The document was closed: nothing about it is wanted any more."""
        with self._change:
            self._supersede(uri)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop what runs, drop what waits, and free the model."""
        with self._change:
            self._closing = True
            for uri in {job.uri for job in self._queue}:
                self._supersede(uri)
            if self._running:
                self._running.cancel.set()
            self._change.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _supersede(self, uri: str) -> None:
        for job in [job for job in self._queue if job.uri == uri]:
            self._queue.remove(job)
            job.cancel.set()
            job.future.set_result(None)
        if self._running is not None and self._running.uri == uri:
            self._running.cancel.set()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="whetstone-model", daemon=True)
            self._thread.start()

    def _next(self) -> Job | None:
        with self._change:
            self._running = None
            self._change.wait_for(lambda: self._queue or self._closing)
            if self._closing:
                return None
            self._running = self._queue.pop()
            return self._running

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job.future.set_result(self._propose(job))
        self._engines.close()

    def _propose(self, job: Job) -> Proposal | None:
        """Never raises: a job that fails leaves a message, and the rules are asked alone."""
        try:
            if job.cancel.is_set():
                return None
            fixer = self._engines.fixer(job.settings)
            return self._ask(fixer, job, _Limit(job))
        except Cancelled:
            return None
        except WhetstoneError as error:
            self._warn(str(error))
        except Exception:
            log.exception("a fix could not be proposed")
        return None

    def _ask(self, fixer: Proposer, job: Job, limit: Cancel) -> Proposal:
        test = None
        if job.deadline_s is None:  # tests take their own time
            test = runner_for(job.document, job.settings, job.root, limit)
        try:
            return fixer.propose(job.document, job.diagnostic, cancel=limit, test=test)
        except EngineError as error:
            self._warn(str(error))
        except Cancelled:
            if job.cancel.is_set():
                raise
        # The model failed or the time was up, but nobody took the question back.
        rules = self._parts.make_fixer(None, job.settings)
        return rules.propose(job.document, job.diagnostic, cancel=job.cancel, test=test)


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

    def __init__(self, parts: Parts, *, warn: Tell) -> None:
        self.engine: Engine | None = None
        self._parts = parts
        self._warn = warn
        self._stamp: Hashable = None
        self._retry_at: float | None = None  # set while the wanted model is not the loaded one

    def fixer(self, settings: Settings) -> Proposer:
        self._refresh(settings)
        return self._parts.make_fixer(self.engine, settings)

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
            new = self._parts.load_engine(settings)
        except WhetstoneError as error:
            self._warn(f"{error} {self._fallback()}")
            return
        except Exception as error:
            log.exception("the model could not be loaded")
            self._warn(
                f"The model could not be loaded ({type(error).__name__}). {self._fallback()}"
            )
            return
        old, self.engine, self._retry_at = self.engine, new, None
        if old is not None:
            log.info("model changed from %s to %s", old.model_id, new.model_id)
            old.close()

    def _fallback(self) -> str:
        if self.engine is not None:
            return f"{self.engine.model_id} keeps serving."
        return "Until then only fixes that rules know are offered."


def _engine_settings(settings: Settings) -> Hashable:
    """The settings that a loaded engine was built from."""
    return (
        settings.model,
        settings.engine,
        settings.openai,
        settings.threads,
        settings.context_tokens,
        settings.gpu_layers,
    )
