"""`whetstone.candidates`: everything about one problem's fixes, for clients that preview them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsp_server import actions, explain
from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.problems import ProblemAt, problems_at, range_of
from lsp_server.server import WhetstoneServer
from lsp_server.text import bare
from whetstone.problem import split_lines

if TYPE_CHECKING:
    from whetstone.candidate import Candidate, Proposal

CANDIDATES = "whetstone.candidates"


def register(server: WhetstoneServer) -> None:
    @server.command(CANDIDATES)
    @guarded(lambda *_: _none("the server failed; see its log"))
    async def candidates(*arguments: Any) -> dict[str, Any]:
        """Computes what is not prepared yet, with progress; can be cancelled."""
        asked = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        document = server.session.documents.python(str(asked.get("uri", "")))
        if document is None:
            return _none("this document is not open, or not Python")
        if (silence := server.session.silence(document)) is not None:
            return _none(silence)
        await server.session.findings.current(document.uri)
        problem = _problem(server, document, asked)
        if problem is None:
            return _none("no problem is known here")
        server.session.preparer.looked(document.uri, problem.diagnostic.span.start_line)
        return await _answer(server, document, problem)


def _problem(
    server: WhetstoneServer, document: OpenDocument, asked: dict[str, Any]
) -> ProblemAt | None:
    """The problem with the key, or the nearest one on the line of the position."""
    problems = server.session.problems(document)
    if isinstance(asked.get("key"), str):
        return next((each for each in problems if each.key == asked["key"]), None)
    position = asked.get("position")
    if not isinstance(position, dict):
        return None
    line, character = position.get("line"), position.get("character")
    if not isinstance(line, int) or not isinstance(character, int):
        return None
    span = document.buffer.span((line, character), (line, character))
    return next(iter(problems_at(document, span, problems)), None)


async def _answer(
    server: WhetstoneServer, document: OpenDocument, problem: ProblemAt
) -> dict[str, Any]:
    session = server.session
    proposal = session.known_proposal(document, problem)
    if proposal is None:
        code = problem.diagnostic.code or "this problem"
        async with Progress(server, f"fixing {code}"):
            proposal = await session.propose(document, problem)
    current = session.documents.get(document.uri)
    if proposal is None or current is None or current.revision != problem.revision:
        return _none("the document changed meanwhile; ask again")
    session.show(proposal.id)
    shown = session.suggestions.open_candidates(document.uri, proposal)
    answer = {
        "suggestion": proposal.id,
        "uri": document.uri,
        "version": document.version,
        "range": range_of(document, problem.diagnostic.span),
        "problem": problem.diagnostic.headline,
        "model": proposal.model_id,
        "candidates": [_candidate(server, document, proposal, each) for each in shown],
    }
    if not shown:
        why = session.suggestions.why_none(document.uri, proposal)
        answer["reason"] = f"{explain.place(problem.diagnostic)}: {why}"
    return answer


def _candidate(
    server: WhetstoneServer, document: OpenDocument, proposal: Proposal, candidate: Candidate
) -> dict[str, Any]:
    before, after = _changed_lines(document, candidate)
    known = server.session.suggestions.get(proposal.id)
    confidence = known.judged.confidence.get(candidate.id) if known else None
    return {
        "id": candidate.id,
        "title": candidate.title,
        "summary": candidate.evidence.summary,
        "evidence": candidate.evidence.to_json(),
        "diff": candidate.diff,
        "before": before,
        "after": after,
        "newText": candidate.new_text,
        "edit": actions.workspace_edit(document, server.session.client, candidate.edits),
        "origin": candidate.origin,
        "confidence": confidence.probability if confidence else None,
    }


def _changed_lines(document: OpenDocument, candidate: Candidate) -> tuple[list[str], list[str]]:
    """The lines that differ, without endings, as they are and as they would be."""
    old, new = bare(document.buffer.lines), bare(split_lines(candidate.new_text))
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return list(old[start : len(old) - end]), list(new[start : len(new) - end])


def _none(reason: str) -> dict[str, Any]:
    return {"candidates": [], "reason": reason}
