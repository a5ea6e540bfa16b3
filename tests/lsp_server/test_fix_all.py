"""source.fixAll.whetstone and "fix all of one code": only what is certain, as one edit."""

import asyncio

import pytest
from lsp_editor import EMACS, VSCODE, replace, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "import os\n\n\ndef area(length, width):\n    print(lenght)\n    return widht\n"
ANSWERS = [
    ("lenght", [replace("    print(length)")]),
    ("widht", [replace("    return width")]),
    ("import os", [replace()]),
]
FIXED = "def area(length, width):\n    print(length)\n    return width\n"


async def source(editor, uri):
    [action] = await editor.actions(uri, 0, 0, only=["source.fixAll"])
    assert action.kind == "source.fixAll.whetstone"
    return await editor.resolve(action)


def stored(editor):
    with editor.store() as store:
        mine = [s for s in store.suggestions() if s.file.startswith(editor.case + "_")]
        return sorted((s.code, str(s.outcome), s.client) for s in mine)


async def test_everything_that_is_certain_becomes_one_edit(start):
    editor = await start(VSCODE, answers=ANSWERS)
    uri = editor.open(TEXT)
    action = await source(editor, uri)
    assert [len(change.edits) for change in action.edit.document_changes] == [2]
    assert await editor.take(action) == {"recorded": True}
    assert editor.texts[uri] == "\n\n" + FIXED
    editor.save(uri)
    assert await editor.outcomes(3) == ["accepted"] * 3
    unseen = "Visual Studio Code (unseen)"
    assert stored(editor) == [
        ("F401", "accepted", unseen), ("F821", "accepted", unseen), ("F821", "accepted", unseen),
    ]  # fmt: skip
    weights = {pair.weight for _, pairs in editor.settled() for pair in pairs}
    assert weights == {0.25}
    assert await editor.command(action.command.command, *action.command.arguments) == {
        "recorded": False
    }


async def test_undone_as_a_whole_it_was_reverted(start):
    editor = await start(VSCODE, answers=ANSWERS)
    uri = editor.open(TEXT)
    await editor.take(await source(editor, uri))
    assert await editor.lenses(uri) == {}  # nobody has looked at one of them
    editor.edit(uri, (0, 0), (99, 0), TEXT)
    editor.save(uri)
    assert await editor.outcomes(3) == ["reverted"] * 3
    pairs = [pair for _, pairs in editor.settled() for pair in pairs]
    assert [(pair.source, pair.chosen, pair.weight) for pair in pairs] == [
        ("reverted", None, 0.25)
    ] * 3


async def test_undone_and_redone_it_was_accepted_but_for_what_was_amended(start):
    editor = await start(VSCODE, answers=ANSWERS)
    uri = editor.open(TEXT)
    await editor.take(await source(editor, uri))
    fixed = editor.texts[uri]
    editor.edit(uri, (0, 0), (99, 0), TEXT)
    editor.edit(uri, (0, 0), (99, 0), fixed)
    editor.edit(uri, (4, 0), (4, 16), "    return (width,)")
    editor.save(uri)
    assert sorted(await editor.outcomes(3)) == ["accepted", "accepted", "amended"]


async def test_errors_first_and_nothing_is_deleted_while_one_is_left(start):
    editor = await start(VSCODE, answers=[*ANSWERS[:1], ANSWERS[2]])  # nothing for `widht`
    uri = editor.open(TEXT)
    editor.apply((await source(editor, uri)).edit)
    assert editor.texts[uri] == TEXT.replace("lenght", "length")


async def test_what_is_not_proved_is_left_alone_and_a_message_says_so(start):
    editor = await start(VSCODE, answers=[("lenght", [replace("    print(nothing)")])])
    uri = editor.open("def area(length, width):\n    print(lenght)\n")
    assert (await source(editor, uri)).edit is None
    await until(lambda: editor.messages())
    assert editor.messages() == [
        "Whetstone: nothing here could be fixed with certainty, so nothing was changed."
    ]


async def test_all_of_one_code(start):
    editor = await start(VSCODE, answers=ANSWERS)
    uri = editor.open(TEXT)
    *_, action = await editor.actions(uri, 4, 10)
    assert action.title == "Whetstone: fix all F821 in this file"
    editor.apply((await editor.resolve(action)).edit)
    assert editor.texts[uri] == "import os\n\n\n" + FIXED
    only = await editor.actions(uri, 0, 7)
    assert [a.title for a in only] == ["Whetstone: fix F401 'os' imported but unused"]


async def test_typing_makes_it_void(start):
    editor = await start(VSCODE, answers=ANSWERS, delay_s=0.5)
    uri = editor.open(TEXT)
    [action] = await editor.actions(uri, 0, 0, only=["source.fixAll"])
    task = asyncio.ensure_future(editor.resolve(action))
    await asyncio.sleep(0.3)
    editor.edit(uri, (0, 0), (0, 0), "# typed\n")
    assert (await asyncio.wait_for(task, 20)).edit is None
    assert (await editor.resolve(action)).edit is None


async def test_one_that_was_shown_before_is_followed_like_any_other(start):
    editor = await start(VSCODE, answers=ANSWERS)
    uri = editor.open(TEXT)
    await editor.resolve((await editor.fixes(uri, 4))[0])
    await editor.take(await source(editor, uri))
    editor.save(uri)
    assert await editor.outcomes(3) == ["accepted"] * 3
    clients = [client for _, _, client in stored(editor)]
    assert sorted(clients) == [
        "Visual Studio Code", "Visual Studio Code (unseen)", "Visual Studio Code (unseen)",
    ]  # fmt: skip


async def test_clients_that_cannot_resolve_are_not_offered_it(start):
    editor = await start(EMACS, answers=ANSWERS)
    uri = editor.open(TEXT)
    assert not await editor.actions(uri, 0, 0, only=[T.CodeActionKind.SourceFixAll])
    assert all("fix all" not in a.title for a in await editor.actions(uri, 4, 10))
