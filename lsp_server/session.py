"""Everything one connection holds, and the few things that several protocol features share."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lsprotocol import types

from lsp_server.captured import Effect, Settled
from lsp_server.client import Client
from lsp_server.documents import Documents, OpenDocument
from lsp_server.extra import ExtraProblems
from lsp_server.findings import Findings
from lsp_server.fixing_all import Runs, Taken
from lsp_server.folders import Folders
from lsp_server.judge import Judge, Judged
from lsp_server.parts import Parts
from lsp_server.preparer import Preparer
from lsp_server.problems import ProblemAt, all_problems
from lsp_server.recorder import Recorder
from lsp_server.settling import Settling
from lsp_server.suggestions import Suggestions, to_capture, unread
from lsp_server.switches import Switches
from lsp_server.worker import Job, Worker
from whetstone.ignored import is_ignored
from whetstone.problem import Diagnostic, Document, split_lines
from whetstone.settings import Settings

if TYPE_CHECKING:
    from lsp_server.capture import Capture
    from whetstone.candidate import Proposal

log = logging.getLogger(__name__)

_MAX_REPORTED = 200

LensSource = Callable[[OpenDocument], list[types.CodeLens]]


class Session:
    """State of one client's connection. Only the event loop touches it."""

    def __init__(
        self,
        parts: Parts,
        *,
        warn: Callable[[str], None],
        fixes_changed: Callable[[str], object] = lambda uri: None,
        activity_changed: Callable[[], object] = lambda: None,
        settled: Callable[[], object] = lambda: None,
    ) -> None:
        """`warn` and `activity_changed` may be called from any thread."""
        self.parts = parts
        self.warn = warn
        self.fixes_changed = fixes_changed
        self.client = Client()
        self.folders = Folders(parts.load_settings)
        self.documents = Documents()
        self.findings = Findings(parts, self.documents, warn=warn)
        self.suggestions = Suggestions()
        self.extra = ExtraProblems()
        self.switches = Switches()
        self.covered: dict[str, set[str]] = {}  # by document: codes that another tool reports
        self.reported: dict[str, tuple[int, list[types.Diagnostic]]] = {}  # by document: revision
        self.fix_all_runs = Runs()
        self.lens_sources: list[LensSource] = []  # see features/code_lens.py
        self.settled: Callable[[], object] = lambda: None  # told when a choice was recorded
        self.worker = Worker(parts, warn=warn, changed=activity_changed)
        self.settling = Settling(self, settled=settled)
        self.recorder = Recorder(parts, warn=warn)
        self.judge = Judge(self.recorder)
        self.preparer = Preparer(self, ready=fixes_changed)
        self._closed = False

    @cached_property
    def capture(self) -> Capture:
        """What becomes of suggestions, imported with the first document: a start needs none."""
        from lsp_server.capture import Capture

        return Capture(hold_s=lambda: self.settings.settle_s)

    # -- settings -----------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Of the connection as a whole; a document may have others (`settings_of`)."""
        return self.folders.common

    def settings_of(self, document: OpenDocument) -> Settings:
        return self.folders.settings(document.path)

    def root_of(self, document: OpenDocument) -> Path | None:
        return self.folders.root(document.path)

    @property
    def engine_is_local(self) -> bool:
        """Does the model run on this machine?"""
        settings = self.settings
        host = urlsplit(settings.openai.base_url).hostname or ""
        return settings.engine != "openai" or host in ("localhost", "127.0.0.1", "::1")

    def silence(self, document: OpenDocument) -> str | None:
        """Why nothing is offered for this document; None when it is served."""
        settings = self.settings_of(document)
        if (off := self.switches.off(document, settings)) is not None:
            return off
        if not document.in_order:
            return "the editor sent its changes in the wrong order; save the file to go on"
        ignored = is_ignored(document.path, settings.ignore_globs)
        return "the file matches `ignore_globs`" if ignored else None

    # -- problems -----------------------------------------------------------------------------

    def problems(
        self, document: OpenDocument, own: Sequence[Diagnostic] | None = None
    ) -> list[ProblemAt]:
        """Every problem of the document, with `own` findings or those known of it as it is now."""
        revision, reported = self.reported.get(document.uri, (None, []))
        settings = self.settings_of(document)
        if own is None:
            own = self.findings.known(document.uri) or ()
        return all_problems(
            document,
            own if settings.diagnostics != "off" else (),
            reported if revision == document.revision else (),
            self.extra.of(document.uri),
            ignore_codes=self.switches.ignored_codes(settings),
        )

    def heard(
        self, document: OpenDocument, asked: types.Range, reported: Sequence[types.Diagnostic]
    ) -> None:
        """The editor told what other tools report on the lines `asked`; the rest stays known."""
        revision, before = self.reported.get(document.uri, (None, []))
        lines = range(asked.start.line, asked.end.line + 1)
        kept = [
            each
            for each in (before if revision == document.revision else [])
            if each not in reported and each.range.start.line not in lines
        ]
        self.reported[document.uri] = (document.revision, [*kept, *reported][-_MAX_REPORTED:])

    def extras_changed(self, uri: str) -> None:
        """Problems were added to or taken out of `extra`."""
        self.fixes_changed(uri)
        self.preparer.wake()

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
        open_ = not self.suggestions.was_shown(known.id) or self.capture.state(known.id) is not None
        return known if open_ else None

    async def propose(
        self, document: OpenDocument, problem: ProblemAt, *, deadline_s: float | None = None
    ) -> Proposal | None:
        """A proposal for the document as it is now, or None. Being cancelled stops the model.

        It is known from then on, but nobody has seen it: call `show` when somebody does.
        """
        job = self._submit(document, problem, deadline_s=deadline_s)
        try:
            waiting = asyncio.shield(asyncio.wrap_future(job.future))
            proposal = await asyncio.wait_for(waiting, deadline_s)
            return await self._keep(problem, proposal)
        except TimeoutError:
            return None
        finally:
            job.leave()

    async def ask(
        self, document: OpenDocument, problem: ProblemAt, text: Document
    ) -> Judged | None:
        """A proposal for a text that is not the document's, but comes of it; not remembered."""
        job = self._submit(document, problem, text=text)
        try:
            proposal = await asyncio.shield(asyncio.wrap_future(job.future))
        finally:
            job.leave()
        if proposal is None:
            return None
        await self.judge.refresh()
        return self.judge.judge(proposal, self.settings_of(document))

    async def prepare(self, document: OpenDocument, problem: ProblemAt) -> bool:
        """Propose in the background; False when it was stopped and is worth another try."""
        job = self._submit(document, problem, background=True)
        try:
            proposal = await asyncio.shield(asyncio.wrap_future(job.future))
        finally:
            job.leave()
        await self._keep(problem, proposal)
        return proposal is not None or not job.cancel.is_set()

    def _submit(
        self,
        document: OpenDocument,
        problem: ProblemAt,
        *,
        text: Document | None = None,
        deadline_s: float | None = None,
        background: bool = False,
    ) -> Job:
        return self.worker.submit(
            Job(
                uri=document.uri,
                document=text or document.snapshot(),
                diagnostic=problem.diagnostic,
                settings=self.settings_of(document),
                root=self.root_of(document),
                failure=problem.failure,
                test=problem.test,
                deadline_s=deadline_s,
                background=background,
            )
        )

    async def _keep(self, problem: ProblemAt, proposal: Proposal | None) -> Proposal | None:
        """Remember what may be shown of a proposal; None when the document has moved on."""
        if proposal is None:
            return None
        await self.judge.refresh()
        document = self.documents.get(problem.uri)
        if document is None or document.revision != problem.revision:
            return None
        joined = self.suggestions.get(proposal.id)
        if joined is not None:  # two requests had joined
            return joined.proposal
        known = self.known_proposal(document, problem)
        if known is not None and known.candidates:  # found elsewhere meanwhile, and maybe seen
            return known
        judged = self.judge.judge(proposal, self.settings_of(document))
        self.suggestions.add(problem, judged)
        self.fixes_changed(problem.uri)
        return judged.proposal

    def show(self, proposal_id: str) -> None:
        """A person sees this proposal now: from here on it is a suggestion with an outcome."""
        known = self.suggestions.show(proposal_id)
        document = self.documents.get(known.uri) if known else None
        if known is None or document is None or not known.proposal.candidates:
            return
        root = self.root_of(document)
        self.recorder.suggestion(
            known.proposal,
            self.settings_of(document),
            client=self.client.name,
            workspace=str(root) if root else "",
        )
        self.record(self.capture.offered(to_capture(known)))

    async def record_unseen(self, document: OpenDocument, taken: Sequence[Taken]) -> bool:
        """Fixes that were taken without anybody looking at each; True when all are on the disk.

        They are followed like any other that was applied, and count less.
        """
        root, lines = self.root_of(document), document.buffer.lines
        written = []
        for each in taken:
            candidate = each.candidate
            shown = self.suggestions.shown_alike(document.uri, each.proposal, candidate)
            if shown is not None:
                written.append(self._write(self.capture.applied(*shown, lines)))
                continue
            self.recorder.unseen(
                each.proposal,
                self.settings_of(document),
                client=self.client.name,
                workspace=str(root) if root else "",
            )
            suggestion = unread(document.uri, each.proposal)
            after = split_lines(candidate.new_text)
            written.append(self._write(self.capture.taken(suggestion, candidate.id, after, lines)))
        self._arm()
        done = [await asyncio.wrap_future(future) for future in written]
        return bool(done) and all(done)

    # -- capture ------------------------------------------------------------------------------

    def record(self, effects: Sequence[Effect]) -> None:
        """Write down what was captured; nobody waits for it."""
        if effects:
            self._write(effects)
        self._arm()

    async def record_durably(self, effects: Sequence[Effect]) -> bool:
        """Write down what was captured; True when it is on the disk."""
        if not effects:
            return False
        self._arm()
        return await asyncio.wrap_future(self._write(effects))

    def _write(self, effects: Sequence[Effect]) -> Future[bool]:
        # At the end there may be no event loop any more, and nobody to tell.
        if not self._closed and any(isinstance(effect, Settled) for effect in effects):
            self.judge.stale()
            self.settled()
        return self.recorder.effects(effects, self.settings)

    def _arm(self) -> None:
        if not self._closed:
            self.settling.arm()

    def warm_up(self) -> None:
        """Import what the first fix needs, beside everything else; the model is loaded by it."""
        if self.settings.enabled:
            threading.Thread(
                target=self.parts.warm_up, args=(self.settings,), name="warm-up"
            ).start()

    def close_document(self, document: OpenDocument) -> None:
        uri = document.uri
        self.preparer.forget(uri)
        self.worker.drop(uri)
        self.suggestions.closed(uri)
        self.settling.closed(uri, document.buffer.lines)
        self.findings.forget(uri)
        self.covered.pop(uri, None)
        self.reported.pop(uri, None)

    def close(self) -> None:
        """Settle what is open, write it down, stop the threads. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.preparer.close()
        self.settling.end()
        self.worker.close()
        self.findings.close()
        self.recorder.close()
