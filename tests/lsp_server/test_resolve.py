"""codeAction and resolve, end to end through a real process."""

import pytest
from lsp_editor import BUG, VSCODE

pytestmark = pytest.mark.asyncio


async def test_a_fix_is_listed_at_once_and_found_on_resolve(start):
    editor = await start(VSCODE)
    uri = editor.open()
    [action] = await editor.actions(uri)
    assert action.title.startswith("Whetstone: fix F821")
    assert action.edit is None and action.is_preferred is None
    resolved = await editor.resolve(action)
    assert resolved.title == "Whetstone: replace `lenght` with `length` (F821)"
    editor.apply(resolved.edit)
    assert editor.texts[uri] == BUG.replace("lenght", "length")
