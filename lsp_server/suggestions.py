"""What was proposed, so that the next menu can show it, and what each key or id stands for."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from lsp_server.captured import Change, Suggestion
from lsp_server.explain import why_none
from lsp_server.judge import Judged
from lsp_server.problems import ProblemAt
from lsp_server.text import bare
from whetstone.problem import Diagnostic, Replacement, split_lines

if TYPE_CHECKING:
    from whetstone.candidate import Candidate, Proposal

_MAX_REMEMBERED = 256
_MAX_PROPOSALS = 24  # of those shown and of those prepared; each holds the file several times
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A proposal as it is shown, and the problem it is for."""

    problem: ProblemAt
    judged: Judged

    @property
    def proposal(self) -> Proposal:
        return self.judged.proposal

    @property
    def uri(self) -> str:
        return self.problem.uri

    def candidate(self, candidate_id: str) -> Candidate | None:
        return next((c for c in self.proposal.candidates if c.id == candidate_id), None)


class Suggestions:
    """Proposals by id, by problem, and by the key of the action that was resolved with them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._shown: OrderedDict[str, Known] = OrderedDict()  # a person has seen these
        self._problems: OrderedDict[str, ProblemAt] = OrderedDict()
        self._resolved: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._turned_down: set[tuple[str, tuple[str, ...], Replacement]] = set()

    # -- problems that stood in a menu, not resolved yet --------------------------------------

    def list_problem(self, problem: ProblemAt) -> None:
        _remember(self._problems, problem.key, problem)

    def problem(self, key: str) -> ProblemAt | None:
        return self._problems.get(key)

    # -- proposals ----------------------------------------------------------------------------

    def add(self, problem: ProblemAt, judged: Judged) -> None:
        """Keep a proposal that nobody has seen yet."""
        known = Known(problem=problem, judged=judged)
        _remember(self._known, judged.proposal.id, known, most=_MAX_PROPOSALS)

    def get(self, proposal_id: str) -> Known | None:
        return self._shown.get(proposal_id) or self._known.get(proposal_id)

    def was_shown(self, proposal_id: str) -> bool:
        return proposal_id in self._shown

    def show(self, proposal_id: str) -> Known | None:
        """A person sees it now; None when it is not known, or was shown before."""
        known = self._known.pop(proposal_id, None)
        if known is not None:
            _remember(self._shown, proposal_id, known, most=_MAX_PROPOSALS)
        return known

    def why_none(self, uri: str, proposal: Proposal) -> str:
        """Why no candidate of a proposal is offered; empty when there is one."""
        if self.open_candidates(uri, proposal):
            return ""
        if proposal.candidates:
            return "you turned down what was offered"
        known = self.get(proposal.id)
        return (known.judged.reason if known else "") or why_none(proposal)

    def for_problem(self, uri: str, text: str, diagnostic: Diagnostic) -> Proposal | None:
        """The newest proposal for this very text, if there was one: undo brings it back too."""
        for known in itertools.chain(
            reversed(self._known.values()), reversed(self._shown.values())
        ):
            proposal = known.proposal
            same = known.uri == uri and known.problem.diagnostic == diagnostic
            if same and proposal.document.text == text:
                return proposal
        return None

    def shown_alike(
        self, uri: str, proposal: Proposal, candidate: Candidate
    ) -> tuple[str, str] | None:
        """(suggestion, candidate) of the same change to the same lines that a person has seen."""
        for known in reversed(self._shown.values()):
            same = known.uri == uri and known.proposal.problem.flagged == proposal.problem.flagged
            if same and known.proposal.diagnostic.message == proposal.diagnostic.message:
                for seen in known.proposal.candidates:
                    if seen.replacement == candidate.replacement:
                        return known.proposal.id, seen.id
        return None

    def open_candidates(self, uri: str, proposal: Proposal) -> list[Candidate]:
        """Candidates that were not turned down, best first; a rejected text stays rejected."""
        return [
            candidate
            for candidate in proposal.candidates
            if (uri, proposal.problem.flagged, candidate.replacement) not in self._turned_down
        ]

    def turn_down(self, proposal_id: str, candidate_id: str) -> None:
        known = self.get(proposal_id)
        candidate = known.candidate(candidate_id) if known else None
        if known and candidate:
            flagged = known.proposal.problem.flagged
            self._turned_down.add((known.uri, flagged, candidate.replacement))

    def take_up(self, proposal_id: str, candidate_id: str) -> None:
        """Accepted after all."""
        known = self.get(proposal_id)
        candidate = known.candidate(candidate_id) if known else None
        if known and candidate:
            flagged = known.proposal.problem.flagged
            self._turned_down.discard((known.uri, flagged, candidate.replacement))

    # -- what a command's arguments mean ------------------------------------------------------

    def link(self, key: str, proposal_id: str, candidate_id: str) -> None:
        _remember(self._resolved, key, (proposal_id, candidate_id))

    def meant(self, arguments: tuple[object, ...]) -> tuple[str, str] | None:
        """(suggestion, candidate) for a key, for both ids, or for a suggestion's best candidate."""
        first = str(arguments[0]) if arguments else ""
        if len(arguments) > 1 and arguments[1] is not None:
            return first, str(arguments[1])
        if first in self._resolved:
            return self._resolved[first]
        known = self.get(first)
        if known is None or not known.proposal.candidates:
            return None
        return first, known.proposal.candidates[0].id

    def closed(self, uri: str) -> None:
        """The document was closed: opened again, its versions count from the start."""
        for key in [key for key, problem in self._problems.items() if problem.uri == uri]:
            del self._problems[key]

    def move(self, old: str, new: str) -> None:
        """The document has another name."""
        for kept in (self._known, self._shown):
            for key, known in kept.items():
                if known.uri == old:
                    moved = replace(known.problem, uri=new)
                    kept[key] = replace(known, problem=moved)
        self._turned_down = {
            (new if uri == old else uri, flagged, answer)
            for uri, flagged, answer in self._turned_down
        }

    def forget(self, uri: str) -> None:
        """The document is gone."""
        self.closed(uri)
        for kept in (self._known, self._shown):
            for key in [key for key, known in kept.items() if known.uri == uri]:
                del kept[key]
        self._turned_down = {entry for entry in self._turned_down if entry[0] != uri}


def _remember(
    entries: OrderedDict[str, _V], key: str, value: _V, *, most: int = _MAX_REMEMBERED
) -> None:
    entries[key] = value
    entries.move_to_end(key)
    while len(entries) > most:
        entries.popitem(last=False)


def to_capture(known: Known) -> Suggestion:
    """What the capture needs to know of a proposal that was shown, for the text it was made for."""
    return _to_capture(known.proposal, known.uri, checkable=known.problem.checkable, seen=True)


def unread(uri: str, proposal: Proposal) -> Suggestion:
    """The same for one of which "fix all" took a candidate."""
    return _to_capture(proposal, uri, checkable=True, seen=False)


def _to_capture(proposal: Proposal, uri: str, *, checkable: bool, seen: bool) -> Suggestion:
    region, lines = proposal.problem.region, tuple(proposal.document.lines())
    return Suggestion(
        id=proposal.id,
        uri=uri,
        diagnostic=proposal.diagnostic,
        start=region.start,
        flagged=bare(lines[region.start : region.stop]),
        lines=lines,
        changes={c.id: _change(proposal, c, lines) for c in proposal.candidates},
        checkable=checkable,
        seen=seen,
    )


def _change(proposal: Proposal, candidate: Candidate, lines: tuple[str, ...]) -> Change:
    """Whole lines: the region and its replacement, or the lines that an import's edit adds."""
    region = proposal.problem.region
    if candidate.replacement.kind == "replace":
        return Change(
            start=region.start,
            before=bare(lines[region.start : region.stop]),
            after=candidate.replacement.lines,
        )
    start = min(edit.span.start_line for edit in candidate.edits)
    added = "".join(edit.new_text for edit in candidate.edits)
    if not added.endswith(("\n", "\r")):  # at the end of a file without a final newline
        added += "\n"
    return Change(start=start, before=(), after=bare(split_lines(added)), inserts_import=True)
