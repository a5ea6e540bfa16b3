"""Fixes that are ready before anybody asks, and what the client is told about them."""

import asyncio

import pytest
from lsp_editor import BUG, FIX, VSCODE, replace, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")

ON = {"prepare": {"enabled": True, "delay_s": 0.05}}
TWO = "print(lenght)\n\n\nprint(widht)\n"
ANSWERS = [("lenght", [replace("print(1)")]), ("widht", [replace("print(2)")])]


def listening(capabilities):
    capabilities.experimental = {"whetstone": {"status": True, "fixes": True, "preview": True}}


async def prepared(start, *, options=None, **kwargs):
    return await start(VSCODE, options={**ON, **(options or {})}, change=listening, **kwargs)


async def test_the_menu_has_the_title_and_the_edit_before_anybody_asked(start):
    editor = await prepared(start)
    uri = editor.open()
    [fix] = await editor.ready(uri)
    assert fix["title"] == "replace `lenght` with `length` (F821)"
    assert fix["proved"] == "parses, diagnostic gone, nothing new"
    assert (fix["code"], fix["candidates"], fix["range"]["start"]["line"]) == ("F821", 2, 1)
    action, *_ = await editor.actions(uri)
    assert action.title == "Whetstone: replace `lenght` with `length` (F821)"
    editor.apply(action.edit)
    assert editor.texts[uri] == BUG.replace("lenght", "length")


async def test_only_what_a_person_is_shown_is_a_suggestion(start):
    editor = await prepared(start)
    seen, unseen, polled = editor.open(), editor.open(name="b.py"), editor.open(name="c.py")
    for uri in (seen, unseen, polled):
        await editor.ready(uri)
    assert await editor.actions(seen)
    assert await editor.actions(polled, trigger=T.CodeActionTriggerKind.Automatic)
    editor.close_all()
    assert await editor.outcomes() == ["ignored"]
    await asyncio.sleep(0.2)
    with editor.store() as store:
        assert [s.file for s in store.suggestions()] == [editor.path().name]


async def test_what_was_taken_from_a_light_bulb_is_recorded_first(start):
    editor = await prepared(start)
    uri = editor.open()
    await editor.ready(uri)
    action, *_ = await editor.actions(uri, trigger=T.CodeActionTriggerKind.Automatic)
    assert await editor.take(action) == {"recorded": True}
    editor.save(uri)
    assert await editor.outcomes() == ["accepted"]


async def test_the_problem_nearest_to_the_user_comes_first(start):
    editor = await prepared(start, answers=ANSWERS, delay_s=0.3)
    uri = editor.open(TWO)
    editor.edit(uri, (2, 0), (2, 0), " ")
    await editor.ready(uri)
    [first] = await editor.ready(uri)
    assert first["range"]["start"]["line"] == 3
    assert len(await editor.ready(uri, 2)) == 2


async def test_the_documents_used_last_are_prepared_and_then_it_rests(start):
    editor = await prepared(start, options={"prepare": {"enabled": True, "delay_s": 1.0}})
    uris = [editor.open(name=f"{number}.py") for number in range(4)]
    for uri in uris[1:]:
        await editor.ready(uri)
    assert not editor.fixes_of(uris[0])["fixes"]
    await until(lambda: editor.sent["whetstone/status"][-1]["state"] == "idle")


async def test_a_request_stops_what_is_prepared_and_it_goes_on_afterwards(start):
    editor = await prepared(start, answers=ANSWERS, delay_s=1.0)
    uri = editor.open(TWO)
    await until(lambda: editor.fixes_of(uri) and len(editor.fixes_of(uri)["fixes"]) == 2)
    editor.configure(answers=ANSWERS, delay_s=0.0)
    answer = await editor.ask("whetstone.candidates", {
        "uri": uri, "position": {"line": 3, "character": 7},
    })  # fmt: skip
    assert [c["after"] for c in answer["candidates"]] == [["print(2)"]]
    assert len(await editor.ready(uri, 2)) == 2


async def test_typing_stops_it_and_the_new_text_is_prepared(start):
    editor = await prepared(start, delay_s=30)
    uri = editor.open()
    await until(lambda: editor.fixes_of(uri) and editor.fixes_of(uri)["fixes"])
    assert editor.fixes_of(uri)["fixes"][0]["state"] == "preparing"
    editor.configure(answers=[["lenght", [FIX]]])
    editor.edit(uri, (0, 0), (0, 0), "# a note\n")
    [fix] = await editor.ready(uri)
    assert editor.fixes_of(uri)["version"] == 2 and fix["range"]["start"]["line"] == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"prepare": {"enabled": False}}, "`prepare.enabled`"),
        ({"ignore_globs": ["*.py"]}, "`ignore_globs`"),
        ({"enabled": False}, "`enabled`"),
        ({"test": {"command": "true", "consent": True}}, "`test.command`"),
    ],
)
async def test_nothing_is_prepared_where_it_is_not_wanted(start, options, why):
    editor = await start(VSCODE, options={**ON, **options}, change=listening)
    uri = editor.open()
    await asyncio.sleep(0.5)
    assert not (editor.fixes_of(uri) or {}).get("fixes")
    assert why in (await editor.ask("whetstone.status", {"uri": uri}))["detail"]


async def test_nothing_is_prepared_on_battery_unless_it_is_allowed(start):
    editor = await prepared(start, on_battery=True)
    uri = editor.open()
    await asyncio.sleep(0.5)
    assert not (editor.fixes_of(uri) or {}).get("fixes")
    why = "the machine runs on its battery (`prepare.on_battery`)"
    assert why in (await editor.ask("whetstone.status", {"uri": uri}))["detail"]
    assert (await editor.resolved(uri)).edit  # what is asked for is answered all the same

    allowed = {"prepare": {**ON["prepare"], "on_battery": True}}
    editor = await prepared(start, options=allowed, on_battery=True)
    await editor.ready(editor.open())


async def test_the_status_says_what_is_ready_and_why_nothing_is(start):
    unproved = [("lenght", [replace("    return nothing")]), ("widht", [replace("print(2)")])]
    editor = await prepared(start, answers=unproved)
    uri = editor.open(BUG + "\n\nprint(widht)\n")
    await editor.ready(uri)
    await until(lambda: editor.sent["whetstone/status"][-1]["state"] == "idle")
    status = await editor.ask("whetstone.status", {"uri": uri})
    assert (status["state"], status["text"], status["ready"]) == ("idle", "1 fix ready", 1)
    assert status["model"] == "scripted@1"
    first, second = status["detail"].splitlines()
    assert first == "F821 line 2: 1 answer: it brought a new finding"
    assert second.startswith("F821 line 5: replace")
    editor.edit(uri, (4, 0), (5, 0), "")
    await until(lambda: editor.sent["whetstone/status"][-1]["text"] == "no fix could be proved")


async def test_clients_that_did_not_ask_are_told_nothing(start):
    editor = await start(VSCODE, options=ON)
    await asyncio.sleep(0.5)
    uri = editor.open()
    assert await editor.resolved(uri) or True
    assert editor.sent == {"whetstone/status": [], "whetstone/fixes": []}


async def test_the_status_that_is_pushed_is_about_the_document_that_was_asked_about(start):
    editor = await prepared(start)
    uri, other = editor.open(), editor.open(name="b.py")
    for each in (uri, other):
        await editor.ready(each)
    await editor.ask("whetstone.status", {"uri": uri})
    await editor.ask("whetstone.disable", {"scope": "file", "uri": uri})
    await until(lambda: editor.sent["whetstone/status"][-1]["state"] == "off")
    assert editor.sent["whetstone/status"][-1]["uri"] == uri
