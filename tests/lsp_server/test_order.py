"""Changes that come in the wrong order: nothing is offered for a text that nobody knows."""

import pytest
from lsp_editor import BUG
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")


def insert(editor, uri, version, where, text):
    start = T.Position(*where)
    change = T.TextDocumentContentChangePartial(range=T.Range(start, start), text=text)
    editor.client.text_document_did_change(
        T.DidChangeTextDocumentParams(
            text_document=T.VersionedTextDocumentIdentifier(uri=uri, version=version),
            content_changes=[change],
        )
    )


async def why(editor, uri):
    status = await editor.command("whetstone.status", {"uri": uri})
    return status["detail"] if isinstance(status, dict) else status.detail


async def test_silent_until_the_text_is_known_again(shared):
    uri = shared.open()
    assert await shared.fixes(uri)
    insert(shared, uri, 3, (0, 0), "# b\n")
    insert(shared, uri, 2, (0, 0), "# a\n")
    assert not await shared.fixes(uri, line=3)
    assert "wrong order; save the file" in await why(shared, uri)

    shared.texts[uri] = "# b\n# a\n" + BUG
    shared.versions[uri] = 3
    shared.save(uri)
    fix = await shared.resolved(uri, line=3)
    assert fix.edit.document_changes[0].text_document.version == 3


async def test_a_whole_text_that_comes_late_is_the_older_one(shared):
    uri = shared.open()
    shared.versions[uri] = 5
    shared.change(uri, "# newest\n" + BUG)
    shared.versions[uri] = 2
    shared.change(uri, "# older\n" + BUG)
    fix = await shared.resolved(uri, line=2)
    assert fix.edit.document_changes[0].text_document.version == 6


async def test_what_is_saved_counts_when_ours_differs(shared):
    uri = shared.open("x = 1\n")
    shared.texts[uri] = BUG  # the change was never sent
    shared.save(uri)
    assert await shared.fixes(uri)
