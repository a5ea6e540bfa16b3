"""Failing tests: a lens above each test of a file, and the command that mends what it tests."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server import consent, leads
from lsp_server.documents import OpenDocument, path_of
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.problems import ProblemAt, range_of
from lsp_server.server import WhetstoneServer
from lsp_server.worker import Job
from whetstone.engine.base import Cancel
from whetstone.problem import Span

if TYPE_CHECKING:
    from whetstone.candidate import Proposal
    from whetstone.evidence import TestRunner
    from whetstone.locate import Place
    from whetstone.sandbox import RunResult
    from whetstone.slips.passing import Passing
    from whetstone.testing.find import FoundTest
    from whetstone.testing.repair import Baseline, FailingTest

log = logging.getLogger(__name__)

TEST = "whetstone.test"
_SUSPECTS = 3  # lines that are named when nothing helps
_DEFINITIONS = ("def test", "async def test", "class ")
_MAX_CHARS = 1_000_000  # larger test files get no lenses: they would be parsed for every version


def register(server: WhetstoneServer) -> None:
    lenses = _Lenses(server)
    server.session.lens_sources.append(lenses.of)

    @server.command(TEST)
    @guarded(lambda *_: _answer(False, "not run", reason="the server failed; see its log"))
    async def test(*arguments: Any) -> dict[str, Any]:
        """Run one test; when it fails, look for fixes that make it pass and break no other."""
        asked = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        answer = await _test(server, str(asked.get("uri", "")), str(asked.get("test", "")))
        server.inform(answer.get("reason") or answer["summary"])
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The tests of a version, and the definitions from which they were found, by line number."""

    revision: int
    definitions: tuple[tuple[int, str], ...]
    tests: tuple[FoundTest, ...]


class _Lenses:
    """One lens above each test.

    The text is parsed only when a definition has come, gone or changed: parsing a large file for
    every keystroke would hold up the server.
    """

    def __init__(self, server: WhetstoneServer) -> None:
        self._session = server.session
        self._known: dict[str, _Known] = {}

    def of(self, document: OpenDocument) -> list[types.CodeLens]:
        from whetstone.testing.find import is_test_file

        path, root = document.path, self._session.root_of(document)
        if path is None or root is None or not is_test_file(path):
            return []
        if not path.is_relative_to(root):
            return []
        file = path.relative_to(root).as_posix()
        return [self._lens(document, file, each) for each in self._tests(document)]

    def _tests(self, document: OpenDocument) -> tuple[FoundTest, ...]:
        known = self._known.get(document.uri)
        if known is None or known.revision != document.revision:
            known = self._known[document.uri] = _look(document, known)
            for uri in set(self._known) - set(self._session.documents.uris()):
                del self._known[uri]
        return known.tests

    def _lens(self, document: OpenDocument, file: str, test: FoundTest) -> types.CodeLens:
        span = Span(start_line=test.line, end_line=test.line)
        argument = {"uri": document.uri, "test": f"{file}::{test.name}"}
        title = "Whetstone: fix this test"
        return types.CodeLens(
            range=range_of(document, span),
            command=types.Command(title=title, command=TEST, arguments=[argument]),
        )


def _look(document: OpenDocument, before: _Known | None) -> _Known:
    from whetstone.testing.find import find_tests

    definitions = tuple(
        (number, line)
        for number, line in enumerate(document.buffer.lines)
        if line.lstrip().startswith(_DEFINITIONS)
    )
    same = before is not None and [text for _, text in definitions] == [
        text for _, text in before.definitions
    ]
    if before is not None and same:
        moved = {
            old: new for (old, _), (new, _) in zip(before.definitions, definitions, strict=True)
        }
        tests = tuple(
            dataclasses.replace(test, line=moved.get(test.line, test.line)) for test in before.tests
        )
    else:
        text = document.buffer.text
        tests = tuple(find_tests(text)) if len(text) <= _MAX_CHARS else ()
    return _Known(revision=document.revision, definitions=definitions, tests=tests)


def _answer(
    passed: bool, summary: str, *, locations: list[dict[str, Any]] | None = None, reason: str = ""
) -> dict[str, Any]:
    answer = {"passed": passed, "summary": summary, "locations": locations or []}
    return {**answer, "reason": reason} if reason else answer


async def _test(server: WhetstoneServer, uri: str, test: str) -> dict[str, Any]:
    from whetstone.errors import Cancelled, WhetstoneError
    from whetstone.testing.repair import FailingTest

    session, path = server.session, path_of(uri)
    root = session.folders.root(path)
    if root is None or not test:
        return _answer(False, "not run", reason="name a test of a file in an open folder")
    root = root.resolve()
    settings = session.folders.settings(path)
    word = await consent.ask(server, root, settings)
    if word == "no":
        return _answer(False, "not run", reason=consent.REFUSED)
    cancel = Cancel()
    failing = FailingTest(
        root=root, test=test, settings=settings, texts=leads.texts(server, root), cancel=cancel
    )
    name = test.rpartition("::")[2]
    try:
        async with Progress(server, f"running {name}") as progress:
            search = _Search(server, failing, cancel, progress, lasting=word == "always")
            return await search.run()
    except (Cancelled, asyncio.CancelledError):
        return _answer(False, "cancelled", reason=f"{name}: cancelled")
    except WhetstoneError as error:
        return _answer(False, "not run", reason=str(error))


class _Search:
    """The lines that may be at fault, in order, until one has a fix or the time is up."""

    def __init__(
        self,
        server: WhetstoneServer,
        failing: FailingTest,
        cancel: Cancel,
        progress: Progress,
        *,
        lasting: bool,
    ) -> None:
        self._server, self._failing, self._cancel = server, failing, cancel
        self._progress, self._lasting = progress, lasting
        self._name = failing.test.rpartition("::")[2]
        self._lines = self._answers = 0

    async def run(self) -> dict[str, Any]:
        try:
            await leads.cancellable(self._failing.__enter__, self._cancel)
            baseline = await leads.cancellable(self._failing.baseline, self._cancel)
            if baseline.passed:
                return _answer(True, f"{self._name} passes")
            found = await self._look(baseline)
        finally:
            self._cancel.set()
            await asyncio.to_thread(self._failing.__exit__, None, None, None)
        if found is None:
            suspects = await leads.lead(self._server, baseline.places[:_SUSPECTS], prepare=0)
            return _answer(False, self._nothing(baseline), locations=suspects)
        return await self._offer(*found)

    async def _look(self, baseline: Baseline) -> tuple[Place, OpenDocument, Proposal] | None:
        from whetstone.testing.repair import BUDGET_S, MAX_LINES

        loop = asyncio.get_running_loop()
        deadline = loop.time() + BUDGET_S
        places = baseline.places[:MAX_LINES]
        for number, place in enumerate(places):
            if loop.time() > deadline:
                break
            where = f"{place.path.name}:{place.line + 1}"
            self._progress.report(
                f"line {number + 1} of {len(places)}: {where}", 100 * number // len(places)
            )
            document = await asyncio.to_thread(leads.document_at, self._server, place.path)
            fitting = leads.fitted(place, document) if document is not None else None
            if document is None or fitting is None:
                continue
            proposal = await self._propose(document, fitting)
            if proposal is None:
                continue
            self._lines += 1
            if not proposal.candidates:
                slips = await self._slips(document, fitting)
                small = await self._propose(document, fitting, slips)
                proposal = proposal if small is None else proposal.or_else(small)
            self._answers += proposal.tried
            if proposal.candidates:
                return fitting, document, proposal
        return None

    async def _propose(
        self, document: OpenDocument, place: Place, slips: Passing | None = None
    ) -> Proposal | None:
        """None when it could not be asked: the document was typed in meanwhile, twice."""
        for _ in range(2):
            job = self._server.session.worker.submit(
                Job(
                    uri=document.uri,
                    document=document.snapshot(),
                    diagnostic=place.diagnostic,
                    settings=self._failing.settings,
                    root=self._failing.root,
                    failure=place.failure,
                    test=self._failing.judge(place.path),
                    slips=slips,
                )
            )
            try:
                proposal = await asyncio.shield(asyncio.wrap_future(job.future))
            finally:
                job.leave()
            if proposal is not None:
                return proposal
        return None

    async def _slips(self, document: OpenDocument, place: Place) -> Passing:
        """In a thread of its own: the model's stays free for whoever asks meanwhile."""
        from whetstone.slips.passing import passing

        look = functools.partial(
            passing,
            document.snapshot(),
            place.diagnostic,
            test=self._failing.judge(place.path),
            failure=place.failure,
            cancel=self._cancel,
        )
        return await leads.cancellable(look, self._cancel)

    async def _offer(
        self, place: Place, document: OpenDocument, proposal: Proposal
    ) -> dict[str, Any]:
        """The fix is ready where it belongs, and stays so through edits elsewhere."""
        session = self._server.session
        judge = self._judge()
        problem = ProblemAt(
            uri=document.uri,
            revision=document.revision,
            diagnostic=place.diagnostic,
            failure=place.failure,
            test=judge(place),
            checkable=False,
        )
        await session.judge.refresh()
        # The user asked, and the test has spoken: no threshold hides what it proved.
        shown = dataclasses.replace(self._failing.settings, threshold=0.0)
        # Known before the place is: nothing is prepared for what has its fix already.
        session.suggestions.add(problem, session.judge.judge(proposal, shown))
        locations = await leads.lead(self._server, [place], judge=judge)
        count = len(proposal.candidates)
        fixes = "1 fix makes" if count == 1 else f"{count} fixes make"
        where = f"{place.path.name}:{place.line + 1}"
        said = f"{self._name} fails; at {where} {fixes} it pass and break no other test of the file"
        if await asyncio.to_thread(self._failing.says_little):
            said += "; one assertion is all that it asks for, and wrong changes satisfy that, too"
        elif count > 1:
            said += ", so it does not tell which is right"
        return _answer(False, said, locations=locations)

    def _judge(self) -> Callable[[Place], TestRunner]:
        """For later, when the text around has changed: a word given once has been used up."""
        from whetstone.testing.repair import one_judge

        def judge(place: Place) -> TestRunner:
            return one_judge(self._failing, place.path) if self._lasting else _used_up

        return judge

    def _nothing(self, baseline: Baseline) -> str:
        if not baseline.places:
            return f"{self._name} fails, and no line of this folder's own code was run by it"
        lines = "1 line" if self._lines == 1 else f"{self._lines} lines"
        answers = "1 answer" if self._answers == 1 else f"{self._answers} answers"
        return f"{self._name} fails; {lines} tried, {answers}, none makes the test pass"


def _used_up(_: str) -> RunResult:
    from whetstone.sandbox import RunResult

    return RunResult(
        status=1, stdout="", stderr="running the test was allowed once; run it again",
        timed_out=False, killed_for=None, duration_s=0.0, isolation="full",
    )  # fmt: skip
