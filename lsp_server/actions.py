"""Problems and candidates as code actions. Nothing here is marked preferred: proof is not taste."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server.client import Client
from lsp_server.documents import OpenDocument
from lsp_server.problems import ProblemAt, range_of
from whetstone.problem import Span

if TYPE_CHECKING:
    from whetstone.candidate import Candidate, Proposal
    from whetstone.edit import TextEdit

APPLIED, APPLY = "whetstone.applied", "whetstone.apply"
ACCEPT, REJECT, REVERT = "whetstone.accept", "whetstone.reject", "whetstone.revert"
QUICK_FIX = types.CodeActionKind.QuickFix
_MAX_HEADLINE = 70


def wanted(only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Does the request want quick fixes? Without kinds it wants those."""
    return not only or asks_for(only, QUICK_FIX.value)


def asks_for(only: Sequence[types.CodeActionKind | str] | None, wanted: str) -> bool:
    """Is one of the kinds the wanted one, or above it? `source` asks for `source.fixAll` too."""
    kinds = [kind.value if isinstance(kind, types.CodeActionKind) else kind for kind in only or ()]
    return any(kind in ("", wanted) or wanted.startswith(f"{kind}.") for kind in kinds)


def follow(key: str) -> types.Command:
    """Run after the edit of an action that was resolved: its key says which candidate that was."""
    return command(APPLIED, "Whetstone: follow this fix", key)


def unresolved(client: Client, problem: ProblemAt) -> types.CodeAction:
    """A fix that is still to be found; `data` finds its way back through resolve."""
    headline = " ".join(problem.diagnostic.headline.split())
    if len(headline) > _MAX_HEADLINE:
        headline = headline[: _MAX_HEADLINE - 1] + "…"
    return types.CodeAction(
        title=f"Whetstone: fix {headline}",
        kind=QUICK_FIX,
        diagnostics=list(problem.reported) or None,
        # Clients may resolve the edit alone, so the command stands here from the start. It names
        # the problem; which candidate was applied is looked up when it comes back.
        command=None if client.resolves_bare else follow(problem.key),
        data={"whetstone": problem.key, "uri": problem.uri},
    )


def resolved(
    document: OpenDocument,
    client: Client,
    proposal: Proposal,
    candidate: Candidate,
    reported: Sequence[types.Diagnostic],
) -> types.CodeAction:
    """One candidate, ready to apply."""
    return types.CodeAction(
        title=f"Whetstone: {candidate.title}",
        kind=QUICK_FIX,
        diagnostics=list(reported) or None,
        edit=workspace_edit(document, client, candidate.edits),
        command=command(APPLIED, "Whetstone: follow this fix", proposal.id, candidate.id),
    )


def rejection(
    proposal_id: str, candidate_id: str, reported: Sequence[types.Diagnostic]
) -> types.CodeAction:
    return types.CodeAction(
        title="Whetstone: reject this fix",
        kind=QUICK_FIX,
        diagnostics=list(reported) or None,
        command=command(REJECT, "Whetstone: reject this fix", proposal_id, candidate_id),
    )


def workspace_edit(
    document: OpenDocument, client: Client, edits: Sequence[TextEdit]
) -> types.WorkspaceEdit:
    """For the very version of the document that `edits` were made for."""
    changes = [
        types.TextEdit(range=range_of(document, edit.span), new_text=edit.new_text)
        for edit in edits
    ]
    if not client.document_changes:
        return types.WorkspaceEdit(changes={document.uri: changes})
    identifier = types.OptionalVersionedTextDocumentIdentifier(
        uri=document.uri, version=document.version
    )
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(text_document=identifier, edits=list(changes))]
    )


def restoring_edit(
    document: OpenDocument, client: Client, lines: Sequence[str], span: tuple[int, int]
) -> types.WorkspaceEdit:
    """Whole lines in place of the lines `span`."""
    from whetstone.edit import TextEdit  # at the start of the server it would cost 5 ms

    newline = document.snapshot().newline
    text = "".join(line + newline for line in lines)
    start, stop = span
    whole = Span(start_line=start, end_line=stop)
    if stop >= len(document.buffer.lines) and not document.buffer.text.endswith(("\n", "\r")):
        text = text.removesuffix(newline)
    return workspace_edit(document, client, [TextEdit(span=whole, new_text=text)])


def problem_key(action: types.CodeAction) -> str | None:
    """The key in `data`, when this server put it there. Anything may stand in `data`."""
    data: Any = action.data
    if isinstance(data, dict) and isinstance(data.get("whetstone"), str):
        return str(data["whetstone"])
    return None


def command(name: str, title: str, *arguments: str) -> types.Command:
    # By keyword: since LSP 3.18 the third field is the tooltip.
    return types.Command(title=title, command=name, arguments=list(arguments))
