"""Settings from every place, and a message that names the key when one cannot be used."""

import asyncio

import pytest
from lsp_editor import BUG, VSCODE, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")


def no_pull(capabilities):
    capabilities.workspace.configuration = False


def push(editor, settings):
    editor.client.workspace_did_change_configuration(
        T.DidChangeConfigurationParams(settings=settings)
    )


async def listed(editor, name):
    return len(await editor.fixes(editor.open(BUG, name)))


async def test_initialization_options(start):
    editor = await start(VSCODE, options={"whetstone": {"ignore_codes": ["F821"]}})
    assert await listed(editor, "a.py") == 0


async def test_pulled_and_pulled_again_when_something_changed(start):
    editor = await start(VSCODE, configuration={"ignore_codes": ["F821"]}, fresh=True)
    uri = editor.open()

    async def comes_to(count):
        for _ in range(300):
            if len(await editor.fixes(uri)) == count:
                return True
            await asyncio.sleep(0.02)
        return False

    assert await comes_to(0)
    editor.client.set_configuration({"whetstone": {"ignore_codes": []}})
    push(editor, None)
    assert await comes_to(1)


@pytest.mark.parametrize("nested", [True, False])
async def test_pushed(start, nested):
    editor = await start(VSCODE, change=no_pull)
    assert await listed(editor, "a.py") == 1
    settings = {"ignore_codes": ["F821"]}
    push(editor, {"whetstone": settings} if nested else settings)
    assert await listed(editor, "b.py") == 0


async def test_pushed_settings_lie_over_the_initial_ones(start):
    options = {"ignore_codes": ["F821"], "diagnostics": "off"}
    editor = await start(VSCODE, options=options, change=no_pull)
    push(editor, {"whetstone": {"diagnostics": "on", "ignore_codes": None}})
    uri = editor.open("import os\n" + BUG)
    await until(lambda: [d.code for d in editor.client.diagnostics.get(uri, ())] == ["F401"])


async def test_a_wrong_value_names_its_key_and_falls_back(start):
    editor = await start(VSCODE, options={"candidates": "many", "nope": 1}, fresh=True)
    await until(lambda: len(editor.messages()) == 2)
    assert any(m.startswith("Whetstone: candidates = ") for m in editor.messages())
    assert any("nope (from the editor): no such setting" in m for m in editor.messages())
    assert (await editor.resolved(editor.open())).edit


async def test_a_file_in_the_workspace_is_read_and_cannot_take_over(start):
    editor = await start(VSCODE, change=no_pull)
    (editor.root / "whetstone.toml").write_text(
        'ignore_codes = ["F821"]\nmodel = "/tmp/evil.gguf"\n', encoding="utf-8"
    )
    push(editor, {})
    assert await listed(editor, "a.py") == 0
    await until(lambda: any(m.startswith("Whetstone: model (from") for m in editor.messages()))


async def test_nonsense_is_no_reason_to_fail(start):
    editor = await start(VSCODE, change=no_pull)
    for settings in ([], 5, "x", {"whetstone": [1]}):
        push(editor, settings)
    assert await listed(editor, "a.py") == 1
