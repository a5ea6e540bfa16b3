"""Everything one connection holds, and the few things that several protocol features share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_server.capture import Capture
from lsp_server.captured import Effect
from lsp_server.client import Client
from lsp_server.documents import Documents, OpenDocument
from lsp_server.findings import Findings
from lsp_server.parts import Parts
from lsp_server.problems import ProblemAt
from lsp_server.recorder import Recorder
from lsp_server.suggestions import Suggestions, to_capture
from lsp_server.worker import Job, Worker
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.fixer import Proposal

log = logging.getLogger(__name__)


class Session:
    """State of one client's connection. Only the event loop touches it."""

    def __init__(self, parts: Parts, *, warn: Callable[[str], None]) -> None:
        """`warn` shows a message to the user; it may be called from any thread."""
        self._parts = parts
        self.warn = warn
        self.client = Client()
        self.root: Path | None = None
        self.settings = Settings()
        self.documents = Documents()
        self.findings = Findings(parts, self.documents, warn=warn)
        self.suggestions = Suggestions()
        self.capture = Capture()
        self.covered: dict[str, set[str]] = {}  # by document: codes that another tool reports
        self.worker = Worker(parts, warn=warn)
        self.recorder = Recorder(parts, warn=warn)
        self._initial: Mapping[str, Any] = {}
        self._closed = False

    # -- settings -----------------------------------------------------------------------------

    def configure(self, sent: Mapping[str, Any] | None, *, initial: bool = False) -> bool:
        """Take what the editor sent, over files and environment; tell what cannot be used.

        Returns True when it made a difference.
        """
        if initial:
            self._initial = _inner(sent)
        overrides = _merge(self._initial, _inner(sent))
        before = self.settings
        self.settings, problems = self._parts.load_settings(self.root, overrides)
        for problem in problems:
            self.warn(problem)
        return self.settings != before

    def serves(self, document: OpenDocument) -> bool:
        """Files that match the ignore globs are left alone altogether."""
        from whetstone.preferences.redact import is_ignored  # off the start-up path

        return not is_ignored(document.path, self.settings.ignore_globs)

    # -- proposals ----------------------------------------------------------------------------

    def known_proposal(self, document: OpenDocument, problem: ProblemAt) -> Proposal | None:
        """What was proposed for this very text before, unless it is settled.

        A settled suggestion cannot be chosen from again; when everything in it was turned down,
        it stays, so that the menu does not promise the same again.
        """
        text = document.buffer.text
        known = self.suggestions.for_problem(document.uri, text, problem.diagnostic)
        if known is None or not self.suggestions.open_candidates(document.uri, known):
            return known
        return known if self.capture.state(known.id) is not None else None

    async def propose(
        self, document: OpenDocument, problem: ProblemAt, *, deadline_s: float | None = None
    ) -> Proposal | None:
        """A proposal for the document as it is now, or None. Being cancelled stops the model."""
        job = self.worker.submit(
            Job(
                uri=document.uri,
                document=document.snapshot(),
                diagnostic=problem.diagnostic,
                settings=self.settings,
                root=self.root,
                deadline_s=deadline_s,
            )
        )
        future = asyncio.wrap_future(job.future)
        try:
            proposal = await asyncio.wait_for(asyncio.shield(future), deadline_s)
        except TimeoutError:
            proposal = None
        finally:
            job.leave()
        current = self.documents.get(document.uri)
        if proposal is None or current is None or current.version != problem.version:
            return None
        self._keep(current, problem, proposal)
        return proposal

    def _keep(self, document: OpenDocument, problem: ProblemAt, proposal: Proposal) -> None:
        uri = document.uri
        if self.suggestions.get(proposal.id) is not None:
            return  # two requests had joined
        self.suggestions.add(uri, proposal)
        if proposal.candidates:
            workspace = str(self.root) if self.root else ""
            self.recorder.suggestion(
                proposal, self.settings, client=self.client.name, workspace=workspace
            )
            lines = tuple(document.buffer.lines)
            shown = to_capture(uri, proposal, lines, checkable=problem.checkable)
            self.record(self.capture.offered(shown))

    # -- capture ------------------------------------------------------------------------------

    def record(self, effects: Sequence[Effect]) -> None:
        """Write down what was captured; nobody waits for it."""
        if effects:
            self.recorder.effects(effects, self.settings)

    async def record_durably(self, effects: Sequence[Effect]) -> bool:
        """Write down what was captured; True when it is on the disk."""
        if not effects:
            return False
        return await asyncio.wrap_future(self.recorder.effects(effects, self.settings))

    def close_document(self, uri: str) -> None:
        self.worker.drop(uri)
        self.record(self.capture.closed(uri))
        self.suggestions.forget(uri)
        self.findings.forget(uri)
        self.covered.pop(uri, None)

    def close(self) -> None:
        """Settle what is open, write it down, stop the threads. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.record(self.capture.closed_all())
        self.worker.close()
        self.findings.close()
        self.recorder.close()


def _inner(sent: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The settings inside an optional `whetstone` object."""
    if not isinstance(sent, Mapping):
        return {}
    inner = sent.get("whetstone", sent)
    return inner if isinstance(inner, Mapping) else sent


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value)
        elif value is not None:
            merged[key] = value
    return merged
