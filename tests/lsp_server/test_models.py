"""The served model: missing, failing, changed under way."""

import sys

import pytest
from lsp_editor import FIX, OTHER, VSCODE, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BY_RULE = "Whetstone: replace `lenght` with `length` (F821)"


async def resolved(editor, name):
    return await editor.resolved(editor.open(name=name))


async def test_without_a_model_the_rules_answer_and_one_message_says_why(start):
    problem = "starter.gguf: truncated. Run `whetstone models pull`."
    editor = await start(VSCODE, fresh=True, rules=True, load_fails=problem)
    for name in ("a.py", "b.py"):
        assert (await resolved(editor, name)).title == BY_RULE
    await until(lambda: editor.messages())
    [message] = editor.messages()
    assert message.startswith(f"Whetstone: {problem}") and "rules" in message


async def test_a_promoted_model_answers_the_next_request_of_the_same_process(start):
    editor = await start(VSCODE, fresh=True, model_id="old@1")
    assert "`length`" in (await resolved(editor, "a.py")).title
    editor.configure(answers=[["lenght", [OTHER, FIX]]], model_id="new@2")
    assert "`width`" in (await resolved(editor, "b.py")).title
    assert editor.messages() == []
    editor.close_all()
    await editor.outcomes(2)
    with editor.store() as store:
        assert {s.model_id for s in store.suggestions()} == {"old@1", "new@2"}


async def test_when_the_new_model_fails_the_old_one_stays(start):
    editor = await start(VSCODE, fresh=True, model_id="old@1")
    await resolved(editor, "a.py")
    editor.configure(answers=[], load_fails="new.gguf: truncated.")
    assert "`length`" in (await resolved(editor, "b.py")).title
    await until(lambda: editor.messages())
    assert editor.messages() == ["Whetstone: new.gguf: truncated. old@1 keeps serving."]
    editor.configure(answers=[["lenght", [OTHER]]])
    assert "`width`" in (await resolved(editor, "c.py")).title


async def test_an_engine_that_fails_while_answering(start):
    editor = await start(VSCODE, fresh=True, rules=True, answer_fails="server: not reachable.")
    assert (await resolved(editor, "a.py")).title == BY_RULE
    await until(lambda: editor.messages() == ["Whetstone: server: not reachable."])


async def test_an_engine_that_crashes_is_logged_and_the_next_request_works(start):
    editor = await start(VSCODE, fresh=True, answer_crashes=True)
    assert (await resolved(editor, "a.py")).edit is None
    editor.configure(answers=[["lenght", [FIX]]])
    assert (await resolved(editor, "b.py")).edit


async def test_without_a_store_fixes_are_offered_and_one_message_says_so(start):
    editor = await start(VSCODE, fresh=True, store_fails="preferences.db: read-only folder.")
    for name in ("a.py", "b.py"):
        uri = editor.open(name=name)
        action = await editor.resolved(uri)
        assert await editor.take(action) == {"recorded": False}
        editor.save(uri)
    await until(lambda: editor.messages())
    assert len(editor.messages()) == 1
    assert editor.messages()[0].startswith("Whetstone: preferences.db: read-only folder.")


async def test_a_damaged_store_is_set_aside_and_told(start, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "preferences.db").write_bytes(b"not a database, " * 100)
    editor = await start(VSCODE, data=data)
    uri = editor.open()
    await editor.take(await editor.resolved(uri))
    editor.save(uri)
    assert await editor.outcomes() == ["accepted"]
    assert list(data.glob("preferences.db.corrupt-*"))
    await until(lambda: editor.messages())
    assert "corrupt" in editor.messages()[0]


@pytest.mark.parametrize("content", [None, b"", b"GGUF\x03\x00\x00\x00 cut off"])
async def test_the_real_server_with_a_model_file_that_is_no_good(start, tmp_path, content):
    path = tmp_path / "broken.gguf"
    if content is not None:
        path.write_bytes(content)
    command = [sys.executable, "-m", "lsp_server"]
    editor = await start(VSCODE, command=command, env={"WHETSTONE_MODEL": str(path)})
    uri = editor.open()
    assert (await editor.resolved(uri)).title == BY_RULE
    await until(lambda: editor.messages())
    [message] = editor.messages()
    assert "broken.gguf" in message and "Traceback" not in message


async def test_the_real_server_in_a_folder_that_cannot_be_written(start, tmp_path):
    place = tmp_path / "file"
    place.write_text("not a folder")
    env = {"WHETSTONE_DATA": str(place / "data"), "WHETSTONE_MODEL": str(tmp_path / "none.gguf")}
    editor = await start(VSCODE, command=[sys.executable, "-m", "lsp_server"], env=env)
    uri = editor.open()
    action = await editor.resolved(uri)
    assert action.title == BY_RULE
    assert await editor.take(action) == {"recorded": False}
    await until(lambda: any("WHETSTONE_DATA" in message for message in editor.messages()))
