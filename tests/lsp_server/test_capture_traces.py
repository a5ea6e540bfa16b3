"""What people do in editors, as event traces through the real server: each row of the table of
traces in docs/preferences.md, sent as single changes and as whole documents."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from lsp_editor import BUG, VSCODE, replace, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCS = Path(__file__).parents[2] / "docs" / "preferences.md"
FLAGGED, BEST, SECOND = (
    "    return lenght * width",
    "    return length * width",
    "    return width * width",
)
MINE = "    return abs(length * width)"
CODE = BUG + "\n\ndef other(x):\n    return [x,\n            1]\n"
TRACES = {}


def trace(name, outcome, *pairs):
    """`pairs` are (chosen > rejected) in the words of the table."""

    def keep(story):
        TRACES[name] = story, outcome, pairs
        return story

    return keep


async def suggest(editor, text=CODE, **kwargs):
    """A buggy file with its suggestion shown; returns the uri and the actions."""
    uri = editor.open(text, **kwargs)
    await editor.resolved(uri)
    return uri, await editor.fixes(uri)


async def applied(editor, **kwargs):
    uri, actions = await suggest(editor, **kwargs)
    assert await editor.take(actions[0]) == {"recorded": True}
    return uri


def line(editor, uri, number, new):
    """Retype one line."""
    old = editor.texts[uri].splitlines()[number]
    editor.edit(uri, (number, 0), (number, len(old)), new)


def at(number, column, new):
    return (number, column), (number, column), new


def undo(editor, uri):
    line(editor, uri, 1, FLAGGED)


def formatted(text):
    return subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", "a.py", "-"],
        input=text, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


# -- accepted ----------------------------------------------------------------------------------


@trace("apply, save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    return uri


@trace("apply, undo, redo, save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    line(editor, uri, 1, BEST)
    editor.save(uri)
    return uri


@trace("apply, save, undo and save, redo and save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    for text in (BEST, FLAGGED, BEST):
        line(editor, uri, 1, text)
        editor.save(uri)
    return uri


@trace("apply, save with ruff format", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor, text=CODE.replace("area(length, width)", "area( length,width )"))
    new = formatted(editor.texts[uri])
    assert new != editor.texts[uri]
    editor.change(uri, new)
    editor.save(uri)
    return uri


@trace("apply, save with a formatter that wraps our line", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.edit(uri, (1, 11), (1, 25), "(\n        length\n        * width\n    )")
    editor.save(uri)
    return uri


@trace("apply, save, the formatter rewrites the file on the disk", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    editor.change(uri, editor.texts[uri].replace("[x,\n            1]", "[x, 1]"))
    editor.write(uri)
    return uri


@trace("apply, edit above and below, save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.edit(uri, (0, 0), (0, 0), "import os\n\n\n")
    editor.edit(uri, (7, 0), (7, 0), "# below\n")
    editor.edit(uri, (0, 0), (1, 0), "")
    editor.save(uri)
    return uri


@trace("apply, type with several cursors elsewhere, save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.edits(
        uri, [((5, 0), (5, 0), "# c\n"), ((3, 0), (3, 0), "# b\n"), ((0, 0), (0, 0), "# a\n")]
    )
    editor.save(uri)
    return uri


@trace("apply, rename the file, save", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    new = editor.uri("b.py")
    editor.client.workspace_did_rename_files(
        T.RenameFilesParams(files=[T.FileRename(old_uri=uri, new_uri=new)])
    )
    editor.reopen(uri, "# moved\n" + editor.texts[uri], name="b.py")
    editor.save(new)
    return new


@trace("apply, closed and opened under a new name, save", "accepted", "best > unchanged")
async def _(editor):
    uri = editor.reopen(await applied(editor), name="b.py")
    editor.save(uri)
    return uri


@trace("apply, save, change language mode (closed and opened)", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    editor.reopen(uri)
    return uri


@trace("apply, save, edit our line, close without saving", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    line(editor, uri, 1, MINE)
    return uri


@trace(
    "try the best, undo, try the second, save", "accepted", "second > unchanged", "second > best"
)
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    await editor.take((await editor.fixes(uri))[1])
    editor.save(uri)
    return uri


@trace(
    "try the best, undo, save, try the second, save",
    "accepted",
    "second > unchanged",
    "second > best",
)
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    editor.save(uri)
    await editor.take((await editor.fixes(uri))[1])
    editor.save(uri)
    return uri


@trace(
    "try the best, put the second in its place, save",
    "accepted",
    "second > unchanged",
    "second > best",
)
async def _(editor):
    uri, (best, second) = await suggest(editor)
    await editor.take(best)
    line(editor, uri, 1, SECOND)
    await editor.command(second.command.command, *second.command.arguments)
    editor.save(uri)
    return uri


@trace("apply the second, save", "accepted", "second > unchanged", "second > best (0.5)")
async def _(editor):
    uri, (_, second) = await suggest(editor)
    await editor.take(second)
    editor.save(uri)
    return uri


@trace("reject the best, apply the second, save", "accepted", "second > unchanged", "second > best")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    await editor.command("whetstone.reject", *best.command.arguments)
    await editor.take((await editor.fixes(uri))[0])
    editor.save(uri)
    return uri


@trace("apply, Keep", "accepted", "best > unchanged")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    await editor.take(best)
    assert await editor.command("whetstone.accept", *best.command.arguments) == {"recorded": True}
    return uri


@trace("apply by a client that runs no commands, save", "accepted", "best > unchanged")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    editor.apply(best.edit)
    editor.save(uri)
    return uri


@trace("apply, save by a client that does not tell of saves, close", "accepted", "best > unchanged")
async def _(editor):
    uri = await applied(editor)
    editor.write(uri)
    return uri


# -- amended -----------------------------------------------------------------------------------


@trace("apply, change our line, save", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    editor.edit(uri, (1, 11), (1, 25), "abs(length * width)")
    editor.save(uri)
    return uri


@trace("apply, save, change our line, save", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    line(editor, uri, 1, MINE)
    editor.save(uri)
    return uri


@trace("apply, change our line, save with ruff format", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    line(editor, uri, 1, "    return abs( length*width )")
    editor.change(uri, formatted(editor.texts[uri]))
    editor.save(uri)
    return uri


@trace("apply, type with several cursors on our line and elsewhere, save", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    editor.edits(
        uri,
        [
            ((4, 0), (4, 0), "# b\n"),
            ((1, 25), (1, 25), ")"),
            ((1, 11), (1, 11), "abs("),
            ((0, 0), (0, 0), "# a\n"),
        ],
    )
    editor.save(uri)
    return uri


@trace("apply, automatic saving while our line is changed", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    for text in (BEST, "    return abs(length * width", MINE):
        line(editor, uri, 1, text)
        editor.save(uri)
    return uri


@trace("apply, change our line, rename the file, save", "amended", "user > best")
async def _(editor):
    uri = await applied(editor)
    line(editor, uri, 1, MINE)
    uri = editor.reopen(uri, name="b.py")
    editor.save(uri)
    return uri


# -- reverted ----------------------------------------------------------------------------------


@trace("apply, undo, save", "reverted", "- > best")
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    editor.save(uri)
    return uri


@trace("apply, save, undo, save", "reverted", "- > best")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    undo(editor, uri)
    editor.save(uri)
    return uri


@trace("apply, undo, close", "reverted", "- > best")
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    return uri


@trace("apply, save, git checkout, the editor reloads", "reverted", "- > best")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    editor.write(uri, CODE)
    editor.change(uri, CODE)
    return uri


@trace(
    "apply, save, git checkout, the editor reloads by closing and opening", "reverted", "- > best"
)
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    editor.write(uri, CODE)
    editor.reopen(uri, CODE)
    return uri


@trace("apply, save, git checkout, the editor does not reload", "reverted", "- > best")
async def _(editor):
    uri = await applied(editor)
    editor.save(uri)
    editor.write(uri, CODE)
    return uri


# -- rejected ----------------------------------------------------------------------------------


@trace("reject both", "rejected", "- > best", "- > second")
async def _(editor):
    uri, (best, second) = await suggest(editor)
    for action in (best, second):
        await editor.command("whetstone.reject", *action.command.arguments)
    return uri


@trace("reject the best, close", "rejected", "- > best")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    await editor.command("whetstone.reject", *best.command.arguments)
    return uri


@trace("apply, save, reject", "rejected", "- > best")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    await editor.take(best)
    editor.save(uri)
    await editor.command("whetstone.reject", *best.command.arguments)
    assert editor.texts[uri] == CODE
    editor.save(uri)
    return uri


@trace("reject the best, apply the second, close without saving", "rejected", "- > best")
async def _(editor):
    uri, (best, _) = await suggest(editor)
    await editor.command("whetstone.reject", *best.command.arguments)
    await editor.take((await editor.fixes(uri))[0])
    return uri


# -- superseded --------------------------------------------------------------------------------


@trace("write another fix, save", "superseded", "user > best")
async def _(editor):
    uri, _ = await suggest(editor)
    line(editor, uri, 1, "    return width * length")
    editor.save(uri)
    return uri


@trace("apply, undo, write another fix, save", "superseded", "user > best")
async def _(editor):
    uri = await applied(editor)
    undo(editor, uri)
    line(editor, uri, 1, "    return width * length")
    editor.save(uri)
    return uri


@trace("write another fix, save, go on with it, save", "superseded", "user > best")
async def _(editor):
    uri, _ = await suggest(editor)
    for text in ("    return width", "    return width * length"):
        line(editor, uri, 1, text)
        editor.save(uri)
    return uri


# -- ignored, expired --------------------------------------------------------------------------


@trace("look at it, close", "ignored")
async def _(editor):
    return (await suggest(editor))[0]


@trace("look at it, edit elsewhere, save, close", "ignored")
async def _(editor):
    uri, _ = await suggest(editor)
    editor.edit(uri, (0, 0), (0, 0), "# above\n")
    editor.save(uri)
    return uri


@trace("apply, close without saving", "expired")
async def _(editor):
    return await applied(editor)


@trace("apply, change our line, close without saving", "expired")
async def _(editor):
    uri = await applied(editor)
    line(editor, uri, 1, MINE)
    return uri


@trace("apply, delete the whole function, save", "expired")
async def _(editor):
    uri = await applied(editor)
    editor.edit(uri, (0, 0), (4, 0), "")
    editor.save(uri)
    return uri


@trace("look at it, delete the whole function, save", "expired")
async def _(editor):
    uri, _ = await suggest(editor)
    editor.edit(uri, (0, 0), (4, 0), "")
    editor.save(uri)
    return uri


# -- all of them ---------------------------------------------------------------------------------

NAMES = {FLAGGED: "unchanged", BEST: "best", SECOND: "second", None: "-"}


def named(side):
    return NAMES.get(side and "\n".join(side.lines), "user")


def shown(pair):
    weight = "" if pair.weight == 1 else f" ({pair.weight:g})"
    return f"{named(pair.chosen)} > {named(pair.rejected)}{weight}"


@pytest.mark.parametrize("whole", [False, True], ids=["changes", "whole"])
@pytest.mark.parametrize("name", TRACES)
async def test_trace(start, name, whole):
    story, outcome, pairs = TRACES[name]
    editor = await start(VSCODE, options={"settle_s": 60})
    editor.whole = whole
    editor.close(await story(editor))  # at once, as `:wq` does
    assert await editor.outcomes() == [outcome]
    [(_, found)] = editor.settled()
    assert tuple(map(shown, found)) == pairs


async def test_the_documentation_lists_every_trace():
    page = DOCS.read_text(encoding="utf-8")
    for name, (_, outcome, pairs) in TRACES.items():
        assert f"| {name} | {outcome} | {'; '.join(pairs)} |".replace("|  |", "| |") in page
    assert page.count("\n| ") and {outcome for _, outcome, _ in TRACES.values()} == {
        "accepted", "amended", "reverted", "rejected", "superseded", "ignored", "expired"
    }  # fmt: skip


async def test_a_save_settles_once_it_has_held(start):
    editor = await start(VSCODE, options={"settle_s": 0.5})
    uri = await applied(editor)
    editor.save(uri)
    assert await editor.outcomes() == ["accepted"]
    with editor.store() as store:
        [settled_at] = [s.settled_at for s in store.suggestions() if editor.case in s.file]
    [saved_at] = [event.at for event in editor.events() if event.kind == "saved"]
    held = datetime.fromisoformat(settled_at) - datetime.fromisoformat(saved_at)
    assert held.total_seconds() >= 0.4


async def test_a_checkout_that_the_client_tells_of_settles_without_a_save(start):
    editor = await start(VSCODE, options={"settle_s": 0.5})
    uri = await applied(editor)
    editor.write(uri, CODE)
    editor.change(uri, CODE)
    event = T.FileEvent(uri=uri, type=T.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(T.DidChangeWatchedFilesParams(changes=[event]))
    assert await editor.outcomes() == ["reverted"]


async def test_keep_without_the_change_is_not_recorded(shared):
    uri, (best, _) = await suggest(shared)
    assert await shared.command("whetstone.accept", *best.command.arguments) == {"recorded": False}
    shared.close(uri)
    assert await shared.outcomes() == ["ignored"]


async def test_a_server_watches_python_files_when_the_client_can(start):
    editor = await start(VSCODE, fresh=True)
    await until(lambda: "workspace/didChangeWatchedFiles" in editor.client.registered)


@pytest.mark.parametrize("whole", [False, True], ids=["changes", "whole"])
async def test_a_formatter_that_joins_our_line_with_others_amends_nothing(start, whole):
    answers = [("lenght", [replace("        length, width")])]
    editor = await start(VSCODE, options={"settle_s": 60}, answers=answers)
    editor.whole = whole
    uri = editor.open("def area(length, width):\n    return max(\n        lenght, width\n    )\n")
    await editor.take(await editor.resolved(uri, 2))
    new = formatted(editor.texts[uri])
    assert "return max(length, width)" in new
    if whole:
        editor.change(uri, new)
    else:
        editor.edit(uri, (1, 0), (4, 0), new.partition("\n")[2])
    editor.save(uri)
    editor.close(uri)
    assert await editor.outcomes() == ["accepted"]


async def test_a_joined_line_that_is_edited_afterwards_is_amended(start):
    answers = [("lenght", [replace("        length, width")])]
    editor = await start(VSCODE, options={"settle_s": 60}, answers=answers)
    uri = editor.open("def area(length, width):\n    return max(\n        lenght, width\n    )\n")
    await editor.take(await editor.resolved(uri, 2))
    editor.change(uri, formatted(editor.texts[uri]))
    editor.change(uri, editor.texts[uri].replace("max", "min"))
    editor.save(uri)
    editor.close(uri)
    assert await editor.outcomes() == ["amended"]


async def test_a_folder_that_is_renamed_after_its_documents_came_back_changed(start):
    editor = await start(VSCODE, options={"settle_s": 60})
    (editor.root / f"{editor.case}_old").mkdir()
    uri = await applied(editor, name="old/a.py")
    (editor.root / f"{editor.case}_new").mkdir()
    new = editor.reopen(uri, "# moved\n" + editor.texts[uri], name="new/a.py")
    folders = T.FileRename(old_uri=editor.uri("old"), new_uri=editor.uri("new"))
    editor.client.workspace_did_rename_files(T.RenameFilesParams(files=[folders]))
    editor.save(new)
    editor.close(new)
    assert await editor.outcomes() == ["accepted"]
