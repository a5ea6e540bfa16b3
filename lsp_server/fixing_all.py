"""Fix everything in a document that can be proved, one problem after the other.

Fixes interact, so after each one the text is looked at again and the next is proved on it. What
comes out is one edit; its parts are suggestions that nobody looked at.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lsp_server.documents import OpenDocument
from lsp_server.problems import ProblemAt
from whetstone.automatic import MAX_ROUNDS, Key, is_certain, next_problem, problem_key
from whetstone.problem import Diagnostic, Document

if TYPE_CHECKING:
    from lsp_server.session import Session
    from whetstone.candidate import Candidate, Proposal


_MOST_OPEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A candidate that became part of the edit."""

    proposal: Proposal
    candidate: Candidate


class Runs:
    """What finished runs took, until the client says that it applied the edit."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, tuple[str, list[Taken]]] = OrderedDict()

    def put(self, key: str, uri: str, taken: list[Taken]) -> None:
        self._runs[key] = (uri, taken)
        while len(self._runs) > _MOST_OPEN:
            self._runs.popitem(last=False)

    def pop(self, key: str) -> tuple[str, list[Taken]] | None:
        """(document, what was taken), once."""
        return self._runs.pop(key, None)


@dataclass(slots=True, kw_only=True)
class FixAll:
    """One run over a document; `code` alone, or everything."""

    session: Session
    document: OpenDocument
    code: str | None = None
    taken: list[Taken] = field(default_factory=list)
    _done: set[Key] = field(default_factory=set)

    async def run(self) -> str | None:
        """The text with everything fixed that can be proved; None when the document has changed.

        Being cancelled stops it, the model too.
        """
        start = self.document.snapshot()
        ignored = self.session.switches.ignored_codes(self.session.settings_of(self.document))
        now = start
        for _ in range(MAX_ROUNDS):
            found = await self.session.findings.look(now)
            if self.document.revision != start.version or found is None:
                return None
            problem = next_problem(
                now,
                found,
                self._done,
                unread=self.code is None,
                wanted=lambda each: self._wanted(each, ignored),
            )
            if problem is None:
                break
            now = await self._one(now, problem)
        return now.text if self.document.revision == start.version else None

    def _wanted(self, diagnostic: Diagnostic, ignored: set[str]) -> bool:
        return diagnostic.code not in ignored and self.code in (None, diagnostic.code)

    async def _one(self, now: Document, diagnostic: Diagnostic) -> Document:
        """The text after this problem was looked at; the same when nothing was certain."""
        self._done.add(problem_key(now, diagnostic))
        proposal = await self._proposal(now, diagnostic)
        candidate = next(filter(is_certain, proposal.candidates), None) if proposal else None
        if proposal is None or candidate is None:
            return now
        self.taken.append(Taken(proposal=proposal, candidate=candidate))
        return now.with_text(candidate.new_text)

    async def _proposal(self, now: Document, diagnostic: Diagnostic) -> Proposal | None:
        """What is prepared for this very text, or else is asked for now."""
        uri = self.document.uri
        known = self.session.suggestions.for_problem(uri, now.text, diagnostic)
        if known is not None:
            return known
        problem = ProblemAt(uri=uri, revision=now.version or 0, diagnostic=diagnostic)
        judged = await self.session.ask(self.document, problem, now)
        return judged.proposal if judged else None
