"""Commands of the clients: candidates, apply, revert, switches; and the lenses above a change."""

import pytest
from lsp_editor import BUG, VSCODE, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = {"line": 1, "character": 11}
FIXED = BUG.replace("lenght", "length")


async def candidates(editor, uri, **place):
    return await editor.ask("whetstone.candidates", {"uri": uri, **(place or {"position": HERE})})


async def applied(editor):
    uri = editor.open()
    answer = await candidates(editor, uri)
    ids = (answer["suggestion"], answer["candidates"][0]["id"])
    assert await editor.ask("whetstone.apply", *ids) == {"applied": True}
    return uri, ids


async def test_candidates_tell_everything(shared):
    uri = shared.open()
    answer = await candidates(shared, uri)
    assert answer["problem"] == "F821 Undefined name 'lenght'"
    assert (answer["uri"], answer["version"], answer["model"]) == (uri, 1, "scripted@1")
    first, second = answer["candidates"]
    assert first["title"] == "replace `lenght` with `length` (F821)"
    assert first["before"] == ["    return lenght * width"]
    assert first["after"] == ["    return length * width"]
    assert first["newText"] == FIXED and first["diff"].startswith("---")
    assert first["summary"] == "parses, diagnostic gone, nothing new"
    assert [check["name"] for check in first["evidence"]][1:] == [
        "parses", "diagnostic gone", "nothing new",
    ]  # fmt: skip
    assert first["origin"] == "model" and second["after"] == ["    return width * width"]
    [change] = first["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    shared.close(uri)
    assert await shared.outcomes() == ["ignored"]  # they were shown


@pytest.mark.parametrize(
    "arguments",
    [[], ["x"], [{}], [{"uri": 5}], [{"uri": "file:///nowhere.py", "position": HERE}]],
)
async def test_candidates_of_nothing(shared, arguments):
    answer = await shared.ask("whetstone.candidates", *arguments)
    assert answer["candidates"] == [] and answer["reason"]


@pytest.mark.parametrize("place", [
    {"position": {"line": 0, "character": 0}}, {"position": "x"}, {"key": "gone"}, {},
    {"position": {"line": "1", "character": None}},
])  # fmt: skip
async def test_candidates_where_no_problem_is(shared, place):
    answer = await shared.ask("whetstone.candidates", {"uri": shared.open(), **place})
    assert answer == {"candidates": [], "reason": "no problem is known here"}


async def test_applied_by_the_server_then_kept_with_the_lens(shared):
    uri, _ = await applied(shared)
    assert shared.texts[uri] == FIXED
    lenses = await shared.lenses(uri)
    assert {title: line for title, (line, _) in lenses.items()} == {
        "Whetstone: keep": 1, "Whetstone: revert": 1,
    }  # fmt: skip
    _, keep = lenses["Whetstone: keep"]
    assert await shared.ask(keep.command, *keep.arguments) == {"recorded": True}
    assert await shared.outcomes() == ["accepted"]
    assert await shared.lenses(uri) == {}


async def test_reverted_with_the_lens(shared):
    uri, _ = await applied(shared)
    shared.edit(uri, (0, 0), (0, 0), "# a note\n")
    line, revert = (await shared.lenses(uri))["Whetstone: revert"]
    assert line == 2
    assert await shared.ask(revert.command, *revert.arguments) == {"reverted": True}
    assert shared.texts[uri] == "# a note\n" + BUG
    assert await shared.outcomes() == ["reverted"]
    assert await shared.ask(revert.command, *revert.arguments) == {"reverted": False}


async def test_the_lenses_go_when_the_change_is_saved_and_can_be_switched_off(start):
    editor = await start(VSCODE, options={"codelens": False})
    assert await editor.lenses((await applied(editor))[0]) == {}
    editor = await start(VSCODE)
    uri, _ = await applied(editor)
    before = editor.lens_refreshes
    editor.save(uri)
    assert await editor.outcomes() == ["accepted"]
    await until(lambda: editor.lens_refreshes > before)
    assert await editor.lenses(uri) == {}


async def test_apply_says_why_it_did_not(shared):
    uri = shared.open()
    answer = await candidates(shared, uri)
    ids = (answer["suggestion"], answer["candidates"][0]["id"])
    shared.refuses = "read-only"
    assert await shared.ask("whetstone.apply", *ids) == {"applied": False, "reason": "read-only"}
    shared.refuses = ""
    shared.edit(uri, (0, 0), (0, 0), "\n")
    refused = await shared.ask("whetstone.apply", *ids)
    assert not refused["applied"] and "has changed" in refused["reason"]
    assert not (await shared.ask("whetstone.apply", "nobody", "nothing"))["applied"]


async def test_an_editor_that_cannot_be_asked_to_apply(start):
    def without(capabilities):
        capabilities.workspace.apply_edit = False

    editor = await start(VSCODE, change=without)
    answer = await candidates(editor, editor.open())
    refused = await editor.ask(
        "whetstone.apply", answer["suggestion"], answer["candidates"][0]["id"]
    )
    assert refused == {
        "applied": False, "reason": "this editor does not apply edits that a server sends",
    }  # fmt: skip


@pytest.mark.parametrize("scope", ["file", "workspace", "code"])
async def test_switched_off_and_on_again(start, scope):
    editor = await start(VSCODE, fresh=True)
    uri = editor.open()
    what = {"scope": scope, "uri": uri, "code": "F821"}
    await until(lambda: editor.client.diagnostics.get(uri))
    assert await editor.ask("whetstone.disable", what) == {"disabled": True}
    assert not await editor.actions(uri)
    await until(lambda: not editor.client.diagnostics[uri])
    assert bool(await editor.actions(editor.open(name="b.py"))) == (scope == "file")
    assert await editor.ask("whetstone.enable", what) == {"disabled": False}
    assert len(await editor.actions(uri)) == 1


async def test_a_comment_switches_the_file_off(shared):
    assert not await shared.actions(shared.open("# whetstone: off\n" + BUG), 2)
    text = "#!/usr/bin/env python\n# Whetstone: OFF\n" + BUG
    uri = shared.open(text, name="b.py")
    assert not await shared.actions(uri, 3)
    assert (await shared.ask("whetstone.status", {"uri": uri}))["state"] == "off"
    assert await shared.actions(shared.open("\n" * 6 + "# whetstone: off\n" + BUG, "c.py"), 8)
    assert await shared.ask("whetstone.disable", {"scope": "nothing"}) == {"disabled": False}
