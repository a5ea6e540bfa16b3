"""codeAction/resolve: the model is asked here, while the client can show progress and cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server import actions
from lsp_server.features import fix_all
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.problems import ProblemAt
from lsp_server.server import WhetstoneServer

if TYPE_CHECKING:
    from whetstone.candidate import Proposal


def register(server: WhetstoneServer) -> None:
    @server.feature(types.CODE_ACTION_RESOLVE)
    @guarded(lambda action: action)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        """The action with its edit; unchanged when it is not ours or the document moved on."""
        if (asked := fix_all.asked_for(action)) is not None:
            return await fix_all.resolve(server, action, asked)
        key = actions.problem_key(action)
        problem = server.session.suggestions.problem(key) if key else None
        if key is None or problem is None:
            return action
        proposal = await _proposal(server, problem)
        if proposal is not None:
            _fill(server, action, key, problem, proposal)
        return action


async def _proposal(server: WhetstoneServer, problem: ProblemAt) -> Proposal | None:
    session = server.session
    document = session.documents.get(problem.uri)
    if document is None or document.revision != problem.revision:
        return None
    known = session.known_proposal(document, problem)
    if known is not None:
        return known
    code = problem.diagnostic.code or "this problem"
    title = f"fixing {code}" if session.worker.loaded else f"loading the model to fix {code}"
    async with Progress(server, title):
        return await session.propose(document, problem)


def _fill(
    server: WhetstoneServer,
    action: types.CodeAction,
    key: str,
    problem: ProblemAt,
    proposal: Proposal,
) -> None:
    session = server.session
    document = session.documents.get(problem.uri)
    if document is None or document.revision != problem.revision:
        return
    candidates = session.suggestions.open_candidates(problem.uri, proposal)
    if not candidates:
        code = problem.diagnostic.code or "this problem"
        known = session.suggestions.get(proposal.id)
        held_back = known.judged.reason if known else ""
        why = held_back or f"no fix for {code} could be proved, so none is offered"
        server.inform(f"{why}.")
        return
    best = candidates[0]
    session.show(proposal.id)
    session.suggestions.link(key, proposal.id, best.id)
    action.title = f"Whetstone: {best.title}"
    action.edit = actions.workspace_edit(document, session.client, best.edits)
    action.command = actions.follow(key)
