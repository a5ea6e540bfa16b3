"""textDocument/codeAction: answered at once. The model is asked here only by clients that cannot
resolve, when the user asked for actions, and never longer than `deadline_s`."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server import actions
from lsp_server.documents import OpenDocument
from lsp_server.features import fix_all
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.problems import ProblemAt, covered_codes, problems_at, span_of
from lsp_server.server import WhetstoneServer
from whetstone.problem import Diagnostic

if TYPE_CHECKING:
    from whetstone.candidate import Proposal

# Findings are there already, or take some milliseconds; these are the most that a large file or a
# busy machine may cost. A person who asked would rather wait than see an empty menu; an editor that
# polls for its light bulb asks again when diagnostics come.
WAIT_S = {True: 1.0, False: 0.02}


def register(server: WhetstoneServer) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, fix_all.KIND],
            resolve_provider=True,
            work_done_progress=True,
        ),
    )
    @guarded(lambda _: [])
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = server.session.documents.python(params.text_document.uri)
        if document is None or server.session.silence(document) is not None:
            return []
        listed = _source(server, document, params)
        if actions.wanted(params.context.only):
            listed = await _quick_fixes(server, document, params) + listed
        return listed


async def _quick_fixes(
    server: WhetstoneServer, document: OpenDocument, params: types.CodeActionParams
) -> list[types.CodeAction]:
    problems, everywhere = await _problems(server, document, params)
    if not server.session.client.resolves:
        listed = await _eager(server, document, problems, params)
    else:
        asked = _invoked(params)
        listed = [action for each in problems for action in _listed(server, document, each, asked)]
        client = server.session.client
        listed += fix_all.same_code_actions(client, document, problems, everywhere)
    return listed + _applied(server, document, params)


def _source(
    server: WhetstoneServer, document: OpenDocument, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """Source actions, which editors show and run only when asked for by their kind."""
    asked = actions.asks_for(params.context.only, fix_all.KIND)
    client = server.session.client
    return [fix_all.source_action(client, document)] if asked and client.resolves else []


async def _problems(
    server: WhetstoneServer, document: OpenDocument, params: types.CodeActionParams
) -> tuple[list[ProblemAt], list[ProblemAt]]:
    """Those on the requested lines, and those of the whole document."""
    session, reported = server.session, params.context.diagnostics
    revision = document.revision
    own = await _own_findings(server, document, params)
    if document.revision != revision:
        return [], []  # typed on while we looked: the client asks again
    covered = session.covered.setdefault(document.uri, set())
    new = covered_codes(document, own, reported) - covered
    if new and session.settings_of(document).diagnostics == "auto":
        covered |= new
        server.publisher.refresh_all()
    session.heard(document, params.range, reported)
    session.preparer.looked(document.uri, params.range.start.line)
    problems = session.problems(document, own)
    return problems_at(document, span_of(document, params.range), problems), problems


def _invoked(params: types.CodeActionParams) -> bool:
    """Did the user ask? Editors that poll for a light bulb say so."""
    return params.context.trigger_kind is not types.CodeActionTriggerKind.Automatic


async def _own_findings(
    server: WhetstoneServer, document: OpenDocument, params: types.CodeActionParams
) -> tuple[Diagnostic, ...]:
    """Our findings: those of this text, or else, away from where was typed, those of before."""
    findings, lines = server.session.findings, span_of(document, params.range)
    known = findings.known(document.uri)
    if known is None:
        known = findings.followed(document.uri, lines)
    if known is not None:
        return known
    try:
        return (
            await asyncio.wait_for(findings.current(document.uri), WAIT_S[_invoked(params)]) or ()
        )
    except TimeoutError:
        return ()  # a large file: what the client itself reports has to do


def _listed(
    server: WhetstoneServer, document: OpenDocument, problem: ProblemAt, asked: bool
) -> list[types.CodeAction]:
    """What a problem's menu entries are: its known candidates, or one that is still to resolve."""
    known = server.session.known_proposal(document, problem)
    if known is not None:
        return _candidates(server, document, problem, known, asked=asked)
    server.session.suggestions.list_problem(problem)
    return [actions.unresolved(server.session.client, problem)]


def _candidates(
    server: WhetstoneServer,
    document: OpenDocument,
    problem: ProblemAt,
    proposal: Proposal,
    *,
    asked: bool,
) -> list[types.CodeAction]:
    session, reported = server.session, problem.reported
    if asked:
        session.show(proposal.id)
    candidates = session.suggestions.open_candidates(document.uri, proposal)
    listed = [
        actions.resolved(document, session.client, proposal, candidate, reported)
        for candidate in candidates
    ]
    if candidates:
        listed.append(actions.rejection(proposal.id, candidates[0].id, reported))
    return listed


async def _eager(
    server: WhetstoneServer,
    document: OpenDocument,
    problems: list[ProblemAt],
    params: types.CodeActionParams,
) -> list[types.CodeAction]:
    """Complete actions for clients without resolve: what is known, and what can be had in time."""
    session = server.session
    asked = _invoked(params)
    end = time.monotonic() + session.settings_of(document).deadline_s
    listed: list[types.CodeAction] = []
    async with Progress(server, "looking for fixes", token=params.work_done_token):
        for problem in problems:
            known = session.known_proposal(document, problem)
            left = end - time.monotonic()
            if known is None and asked and left > 0 and document.revision == problem.revision:
                known = await session.propose(document, problem, deadline_s=left)
            if known is not None and document.revision == problem.revision:
                listed += _candidates(server, document, problem, known, asked=asked)
    return listed


def _applied(
    server: WhetstoneServer, document: OpenDocument, params: types.CodeActionParams
) -> list[types.CodeAction]:
    """On lines that a fix has just changed: the way to say no to it."""
    wanted = span_of(document, params.range)
    return [
        actions.rejection(suggestion_id, candidate_id, ())
        for suggestion_id, candidate_id, (start, stop) in server.session.capture.standing(
            document.uri
        )
        if start <= wanted.end_line and wanted.start_line < max(stop, start + 1)
    ]
