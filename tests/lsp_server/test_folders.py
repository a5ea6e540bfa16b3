"""Several folders in one workspace, each with settings of its own."""

import pytest
from lsp_editor import BUG, VSCODE, until
from lsprotocol import types as T

from lsp_server.folders import Folders
from whetstone.settings import load_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")


def folders(tmp_path, **files):
    """Folders with these whetstone.toml files, read as the server reads them."""
    roots = []
    for name, text in files.items():
        root = tmp_path / name
        root.mkdir()
        (root / "whetstone.toml").write_text(text, encoding="utf-8")
        roots.append(root)
    read = Folders(lambda root, sent: load_settings(root, overrides=sent, env={}))
    return read, roots, read.start(roots, {"whetstone": {"seed": 3, "threads": 2}})


async def test_a_document_has_the_settings_of_the_innermost_folder(tmp_path):
    read, [one, two], problems = folders(
        tmp_path, one='ignore_codes = ["E711"]', two="candidates = 2\nmax_tokens = 50"
    )
    inner = one / "inner"
    inner.mkdir()
    (inner / "whetstone.toml").write_text("candidates = 7", encoding="utf-8")
    assert read.change([inner], []) == problems == []
    assert read.settings(one / "a.py").ignore_codes == ("E711",)
    assert read.settings(two / "a.py").candidates == 2
    assert read.settings(inner / "a.py").candidates == 7
    assert read.settings(inner / "a.py").seed == 3
    assert (read.root(inner / "a.py"), read.root(one / "a.py")) == (inner, one)
    assert read.settings(None) == read.settings(tmp_path / "elsewhere.py") == read.common
    read.change([], [inner])
    assert read.root(inner / "a.py") == one


async def test_the_model_is_one_for_all(tmp_path):
    read, [_, two], _ = folders(tmp_path, one="", two="")
    read.configure({"model": "a"}, {two: {"model": "b", "candidates": 9}})
    settings = read.settings(two / "a.py")
    assert (settings.model, settings.threads, settings.candidates) == ("a", 2, 9)


async def test_what_was_sent_for_one_folder_lies_over_what_was_sent_for_all(tmp_path):
    read, [one, two], _ = folders(tmp_path, one="", two="")
    read.configure({"candidates": 3, "seed": 1}, {one: {"candidates": 5}, two: None})
    assert (read.settings(one / "a.py").candidates, read.settings(one / "a.py").seed) == (5, 1)
    assert read.settings(two / "a.py").candidates == 3


async def test_one_message_for_one_mistake(tmp_path):
    _, _, problems = folders(tmp_path, one="nope = 1", two="nope = 1")
    assert len(problems) == 1 and problems[0].startswith("nope (from whetstone.toml)")


async def test_a_folder_that_is_added_and_removed(start):
    def no_pull(capabilities):
        capabilities.workspace.configuration = False

    editor = await start(VSCODE, change=no_pull)
    quiet = editor.root / "quiet"
    quiet.mkdir()
    (quiet / "whetstone.toml").write_text('ignore_codes = ["F821"]', encoding="utf-8")
    folder = T.WorkspaceFolder(uri=quiet.as_uri(), name="quiet")
    uri = editor.open(name="a.py")
    inside = (quiet / f"{editor.case}_b.py").as_uri()
    item = T.TextDocumentItem(uri=inside, language_id="python", version=1, text=BUG)
    editor.client.text_document_did_open(T.DidOpenTextDocumentParams(text_document=item))
    assert len(await editor.actions(inside)) == 1

    def tell(added, removed):
        event = T.WorkspaceFoldersChangeEvent(added=added, removed=removed)
        editor.client.workspace_did_change_workspace_folders(
            T.DidChangeWorkspaceFoldersParams(event=event)
        )

    tell([folder], [])
    assert not await editor.actions(inside)
    assert len(await editor.actions(uri)) == 1
    tell([], [folder])
    assert len(await editor.actions(inside)) == 1
    await until(lambda: editor.client.diagnostics.get(inside))
