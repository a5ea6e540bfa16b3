"""Nothing is shown that this user is not likely to keep, and the status says so."""

import pytest
from lsp_editor import BUG, VSCODE, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = {"line": 1, "character": 11}


async def candidates(editor, uri):
    return await editor.ask("whetstone.candidates", {"uri": uri, "position": HERE})


async def test_a_threshold_of_the_users_own(start):
    editor = await start(VSCODE, options={"threshold": 0.9})
    uri = editor.open()
    answer = await candidates(editor, uri)
    assert answer["candidates"] == []
    why = "2 fixes were proved, but confidence 0.75 (the threshold is 0.90)"
    assert answer["reason"] == f"F821 line 2: {why}"
    assert not await editor.actions(uri)
    status = await editor.ask("whetstone.status", {"uri": uri})
    assert status["detail"].splitlines()[0] == f"F821 line 2: {why}"
    again = editor.open(name="b.py")
    assert (await editor.resolved(again)).edit is None
    await until(lambda: editor.messages())
    assert editor.messages() == [f"Whetstone: {why}."]
    editor.close_all()
    assert editor.settled() == []  # what was not shown is no suggestion


async def test_what_the_user_always_turns_down_is_not_offered_any_more(start, tmp_path):
    editor = await start(VSCODE, data=tmp_path / "data")
    for number in range(20):
        uri = editor.open(name=f"{number}.py")
        answer = await candidates(editor, uri)
        assert len(answer["candidates"]) == 2
        for candidate in answer["candidates"]:
            await editor.command("whetstone.reject", answer["suggestion"], candidate["id"])
    answer = await candidates(editor, editor.open(name="last.py"))
    assert answer["candidates"] == []
    assert "you kept 0 of 20 such fixes (the threshold is 0.33)" in answer["reason"]


async def test_a_candidate_tells_how_likely_it_is_to_be_kept(shared):
    answer = await candidates(shared, shared.open(BUG))
    assert all(0 < each["confidence"] < 1 for each in answer["candidates"])
