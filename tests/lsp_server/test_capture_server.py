"""From the editor to the database: what each story leaves there, without any client code."""

import asyncio

import pytest
from lsp_editor import BUG, EMACS, NEOVIM, VSCODE, replace, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLAGGED = ("    return lenght * width",)
BEST = ("    return length * width",)
SECOND = ("    return width * width",)


async def applied(editor, **kwargs):
    uri = editor.open(**kwargs)
    action, *_ = await editor.fixes(uri)
    action = action if action.edit else await editor.resolve(action)
    assert await editor.take(action) == {"recorded": True}
    return uri


@pytest.mark.parametrize("profile", [VSCODE, NEOVIM, EMACS])
async def test_applied_and_saved_is_accepted(start, profile):
    editor = await start(profile)
    editor.save(await applied(editor))
    assert await editor.outcomes() == ["accepted"]
    assert editor.pairs()[0] == ("accepted", BEST, FLAGGED)


async def test_undone_is_reverted(shared):
    uri = await applied(shared)
    shared.change(uri, BUG)
    shared.save(uri)
    assert await shared.outcomes() == ["reverted"]
    assert shared.pairs() == [("reverted", None, BEST)]


async def test_amended_keeps_the_users_lines_over_ours(shared):
    uri = await applied(shared)
    shared.edit(uri, (1, 11), (1, 25), "abs(length * width)")
    shared.save(uri)
    assert await shared.outcomes() == ["amended"]
    assert shared.pairs() == [("amended", ("    return abs(length * width)",), BEST)]


async def test_edits_above_and_a_formatter_change_nothing(shared):
    uri = await applied(shared)
    shared.edit(uri, (0, 0), (0, 0), "# about areas\n\n")
    shared.change(
        uri, shared.texts[uri].replace("length * width", "(\n        length * width\n    )")
    )
    shared.save(uri)
    assert await shared.outcomes() == ["accepted"]


async def test_an_own_fix_supersedes(shared):
    uri = shared.open()
    await shared.resolved(uri)
    for n, char in enumerate("width * l"):
        shared.edit(uri, (1, 11 + n), (1, 12 + n), char)
    shared.change(uri, BUG.replace("lenght * width", "width * length"))
    shared.save(uri)
    assert await shared.outcomes() == ["superseded"]
    assert shared.pairs() == [("superseded", ("    return width * length",), BEST)]


async def test_one_rejected_one_accepted(shared):
    uri = shared.open()
    await shared.resolved(uri)
    *_, rejection = await shared.actions(uri)
    assert await shared.command(rejection.command.command, *rejection.command.arguments) == {
        "recorded": True
    }
    [second] = await shared.fixes(uri)
    await shared.take(second)
    shared.save(uri)
    assert await shared.outcomes() == ["accepted"]
    assert ("accepted", SECOND, FLAGGED) in shared.pairs()
    assert ("turned-down", SECOND, BEST) in shared.pairs()


async def test_all_rejected(shared):
    uri = shared.open()
    await shared.resolved(uri)
    for _ in range(2):
        *_, rejection = await shared.actions(uri)
        await shared.command("whetstone.reject", *rejection.command.arguments)
    assert await shared.outcomes() == ["rejected"]
    assert [pair[1] for pair in shared.pairs()] == [None, None]
    assert not await shared.actions(uri)


async def test_rejecting_a_fix_that_stands_takes_it_out_again(shared):
    uri = await applied(shared)
    [rejection] = await shared.actions(uri)
    assert rejection.title == "Whetstone: reject this fix"
    await shared.command("whetstone.reject", *rejection.command.arguments)
    assert shared.texts[uri] == BUG
    shared.save(uri)
    shared.close(uri)
    assert await shared.outcomes() == ["rejected"]
    assert shared.pairs() == [("rejected", None, BEST)]


async def test_after_an_undo_was_saved_another_candidate_can_still_be_taken(shared):
    uri = await applied(shared)
    shared.change(uri, BUG)
    shared.save(uri)
    await shared.outcomes()
    await shared.resolved(uri)
    _, second = await shared.fixes(uri)
    await shared.take(second)
    shared.save(uri)
    assert await shared.outcomes(2) == ["reverted", "accepted"]


async def test_accepted_by_command_needs_no_save(shared):
    uri = shared.open()
    action = await shared.resolved(uri)
    shared.apply(action.edit)
    await shared.command("whetstone.accept", *action.command.arguments)
    assert shared.settled()[0][0] == "accepted"  # the answer came after it was stored


async def test_ignored_is_never_a_rejection(shared):
    uri = shared.open()
    await shared.resolved(uri)
    shared.close(uri)
    assert await shared.outcomes() == ["ignored"]
    assert shared.pairs() == []


async def test_closed_without_saving(shared):
    shared.close(await applied(shared))
    assert await shared.outcomes() == ["expired"]


async def test_an_import_added_and_kept(start):
    answer = "IMPORT\n```python\nimport math\n```"
    editor = await start(VSCODE, answers=[("math", [answer])])
    uri = editor.open("import os\n\n\ndef area(r):\n    return math.pi * r, os\n")
    action = await editor.resolved(uri, 4)
    await editor.take(action)
    assert editor.texts[uri].startswith("import os\nimport math\n")
    editor.change(
        uri, editor.texts[uri].replace("import os\nimport math", "import math\nimport os")
    )
    editor.save(uri)
    assert await editor.outcomes() == ["accepted"]
    assert editor.pairs()[0][1] == ("import math",)


async def test_a_deletion_undone_in_crlf(start):
    editor = await start(VSCODE, answers=[("import os", [replace()])])
    uri = editor.open("import os\r\nprint(1)\r\n")
    await editor.take(await editor.resolved(uri, 0))
    assert editor.texts[uri] == "print(1)\r\n"
    editor.edit(uri, (0, 0), (0, 0), "import os\r\n")
    editor.save(uri)
    assert await editor.outcomes() == ["reverted"]


async def test_two_suggestions_in_one_file_are_told_apart(start):
    answers = [("lenght", [replace("print(1)")]), ("widht", [replace("print(2)")])]
    editor = await start(VSCODE, answers=answers)
    uri = editor.open("print(lenght)\nprint(widht)\n")
    await editor.take(await editor.resolved(uri, 0))
    await editor.take(await editor.resolved(uri, 1))
    editor.edit(uri, (0, 6), (0, 7), "lenght")  # the first one undone by hand
    editor.save(uri)
    assert sorted(await editor.outcomes(2)) == ["accepted", "reverted"]


async def test_commands_with_wrong_arguments_do_nothing(shared):
    shared.open()
    for arguments in ([], ["nobody"], ["nobody", "nothing"], [None, 5], [{"a": 1}]):
        for name in ("applied", "accept", "reject"):
            answer = await shared.command(f"whetstone.{name}", *arguments)
            assert answer == {"recorded": False}


async def test_two_servers_on_one_database(start, tmp_path):
    one, two = await asyncio.gather(
        start(VSCODE, data=tmp_path / "data"), start(NEOVIM, data=tmp_path / "data")
    )

    async def story(editor, number):
        uri = await applied(editor, name=f"{number}.py")
        editor.save(uri)

    for number in range(4):
        await asyncio.gather(story(one, number), story(two, number))
    assert await one.outcomes(4) == ["accepted"] * 4
    assert await two.outcomes(4) == ["accepted"] * 4


async def test_what_was_answered_survives_kill_9(start, tmp_path):
    editor = await start(VSCODE, data=tmp_path / "data")
    uri = editor.open()
    action = await editor.resolved(uri)
    editor.apply(action.edit)
    await editor.command("whetstone.accept", *action.command.arguments)
    editor.client._server.kill()
    await until(lambda: editor.client._server.returncode is not None)
    assert [outcome for outcome, _ in editor.settled()] == ["accepted"]


async def test_a_save_before_kill_9_is_settled_by_the_next_server(start, tmp_path):
    first = await start(VSCODE, data=tmp_path / "data", options={"settle_s": 600})
    uri = await applied(first)
    first.save(uri)
    await until(lambda: any(e.kind == "saved" for e in first.events()))
    assert first.settled() == []
    first.client._server.kill()
    await until(lambda: first.client._server.returncode is not None)
    second = await start(NEOVIM, data=tmp_path / "data")
    await second.resolved(second.open())
    assert await first.outcomes() == ["accepted"]
    assert second.settled() == []


@pytest.mark.parametrize("how", ["shutdown", "terminate", "eof"])
async def test_the_end_of_the_server_settles_what_is_open(start, tmp_path, how):
    editor = await start(VSCODE, data=tmp_path / "data")
    uri = await applied(editor)
    editor.change(uri, BUG)
    await editor.actions(uri)
    if how == "shutdown":
        await editor.client.shutdown_session()
    elif how == "terminate":
        editor.client._server.terminate()
    else:
        editor.client._server.stdin.close()
    await asyncio.wait_for(editor.client._server.wait(), 10)
    assert [outcome for outcome, _ in editor.settled()] == ["reverted"]
