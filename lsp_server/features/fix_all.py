"""`source.fixAll.whetstone`, and "fix all F821 in this file": what can be proved, as one edit.

Listed at once; found when the action is resolved, with progress and a cancel button. Clients that
cannot resolve are not offered it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from lsp_server import actions
from lsp_server.client import Client
from lsp_server.documents import OpenDocument
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.fixing_all import FixAll
from lsp_server.problems import ProblemAt
from lsp_server.server import WhetstoneServer

KIND = "source.fixAll.whetstone"
FIXED_ALL = "whetstone.fixedAll"


def register(server: WhetstoneServer) -> None:
    @server.command(FIXED_ALL)
    @guarded(lambda *_: {"recorded": False})
    async def fixed_all(*arguments: Any) -> dict[str, bool]:
        """Run by the client after it applied the edit."""
        found = server.session.fix_all_runs.pop(str(arguments[0])) if arguments else None
        document = server.session.documents.get(found[0]) if found else None
        if found is None or document is None:
            return {"recorded": False}
        return {"recorded": await server.session.record_unseen(document, found[1])}


def source_action(client: Client, document: OpenDocument) -> types.CodeAction:
    """For the menu of source actions, and for editors that run it when a file is saved."""
    return _action(client, document, "Whetstone: fix all that can be proved", KIND, None)


def same_code_actions(
    client: Client,
    document: OpenDocument,
    here: Sequence[ProblemAt],
    everywhere: Sequence[ProblemAt],
) -> list[types.CodeAction]:
    """One for each code on these lines that the file has several of."""
    counts = Counter(each.diagnostic.code for each in everywhere if each.checkable)
    codes = dict.fromkeys(each.diagnostic.code for each in here if each.checkable)
    return [
        _action(
            client,
            document,
            f"Whetstone: fix all {code} in this file",
            types.CodeActionKind.QuickFix.value,
            code,
        )
        for code in codes
        if code and counts[code] > 1
    ]


def asked_for(action: types.CodeAction) -> dict[str, Any] | None:
    """What stands in `data`, when it is one of these actions."""
    data: Any = action.data
    return data if isinstance(data, dict) and "whetstoneAll" in data else None


def _follow(key: str) -> types.Command:
    return actions.command(FIXED_ALL, "Whetstone: follow these fixes", key)


def _action(
    client: Client, document: OpenDocument, title: str, kind: str, code: str | None
) -> types.CodeAction:
    key = f"{document.uri}#{document.revision}#{code or ''}"
    return types.CodeAction(
        title=title,
        kind=kind,
        command=None if client.resolves_bare else _follow(key),
        data={
            "whetstoneAll": key,
            "uri": document.uri,
            "revision": document.revision,
            "code": code,
        },
    )


async def resolve(
    server: WhetstoneServer, action: types.CodeAction, asked: dict[str, Any]
) -> types.CodeAction:
    """The action with its edit; unchanged when nothing is certain or the document moved on."""
    session = server.session
    document = session.documents.python(str(asked.get("uri")))
    if document is None or document.revision != asked.get("revision"):
        return action
    if session.silence(document) is not None:
        return action
    code = asked.get("code")
    run = FixAll(session=session, document=document, code=code if isinstance(code, str) else None)
    from whetstone.edit import edits_between

    before = document.buffer.text
    async with Progress(server, "fixing all that can be proved"):
        after = await run.run()
    if after is None:
        return action
    if after == before:
        server.inform("nothing here could be fixed with certainty, so nothing was changed.")
        return action
    key = str(asked["whetstoneAll"])
    session.fix_all_runs.put(key, document.uri, run.taken)
    action.command = _follow(key)
    action.edit = actions.workspace_edit(document, session.client, edits_between(before, after))
    return action
