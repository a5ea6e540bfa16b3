"""textDocument/codeAction: what stands in the menu."""

import time

import pytest
from lsp_editor import BUG, EMACS, NEOVIM, VSCODE, replace
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")


def diagnostic(line, start, end, *, source="Pyright", code="reportUndefinedVariable", message="m"):
    span = T.Range(T.Position(line, start), T.Position(line, end))
    return T.Diagnostic(range=span, message=message, source=source, code=code)


async def test_an_entry_is_there_at_once_though_the_model_is_slow(start):
    editor = await start(VSCODE, delay_s=30)
    uri = editor.open()
    begin = time.perf_counter()
    [action] = await editor.actions(uri)
    assert time.perf_counter() - begin < 25
    assert action.title == "Whetstone: fix F821 Undefined name 'lenght'"
    assert action.kind == T.CodeActionKind.QuickFix
    assert action.edit is None and action.is_preferred is None
    assert action.data["uri"] == uri


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (None, 1),
        ([], 1),
        ([""], 2),
        (["quickfix"], 1),
        (["refactor", "quickfix"], 1),
        (["refactor"], 0),
        (["source"], 1),
        (["source.fixAll"], 1),
        (["source.fixAll.whetstone"], 1),
        (["source.fixAll.other"], 0),
        (["source.organizeImports"], 0),
        (["quickfix", "source.fixAll"], 2),
        (["quickfix.other"], 0),
    ],
)
async def test_only(shared, only, count):
    uri = shared.open()
    assert len(await shared.actions(uri, only=only)) == count


async def test_no_entries_on_other_lines_or_in_other_languages(shared):
    assert not await shared.actions(shared.open(), line=0)
    assert not await shared.actions(shared.open(name="b.txt", language="plaintext"))
    assert not await shared.actions(shared.uri("never-opened.py"))


async def test_every_problem_of_the_range_nearest_first(shared):
    uri = shared.open("print(lenght)\nprint(widht)\n")
    titles = [a.title for a in await shared.actions(uri, 1, 8, end=(1, 8))]
    everywhere = "Whetstone: fix all F821 in this file"
    assert titles == ["Whetstone: fix F821 Undefined name 'widht'", everywhere]
    *titles, last = [a.title for a in await shared.actions(uri, 0, 0, end=(2, 0))]
    assert [t[-8:] for t in titles] == ["'lenght'", " 'widht'"] and last == everywhere


async def test_other_tools_diagnostics_are_used_with_their_code_and_message(shared):
    uri = shared.open("value = 1\n")
    theirs = diagnostic(0, 0, 5, code="reportX", message='"value" looks wrong\nmore')
    [action] = await shared.actions(uri, 0, 2, diagnostics=[theirs])
    assert action.title == 'Whetstone: fix reportX "value" looks wrong'
    assert [d.message for d in action.diagnostics] == [theirs.message]


async def test_the_same_place_reported_twice_is_one_entry(shared):
    uri = shared.open()
    theirs = [diagnostic(1, 11, 17), diagnostic(1, 11, 17, source="Ruff", code="F821")]
    [action] = await shared.actions(uri, diagnostics=theirs)
    assert "F821" in action.title
    assert [d.source for d in action.diagnostics] == ["Pyright", "Ruff"]


async def test_ignored_codes_and_files(start):
    editor = await start(options={"ignore_codes": ["F821"], "ignore_globs": ["*secret*"]})
    assert not await editor.actions(editor.open())
    uri = editor.open("import os\n", name="secret.py")
    assert not await editor.actions(uri, 0, 0)
    assert len(await editor.actions(editor.open("import os\n", name="b.py"), 0, 0)) == 1


async def test_after_the_first_resolve_every_candidate_has_its_own_entry(start):
    editor = await start(VSCODE)
    uri = editor.open()
    await editor.resolved(uri)
    listed = await editor.actions(uri)
    assert [a.title for a in listed] == [
        "Whetstone: replace `lenght` with `length` (F821)",
        "Whetstone: replace `lenght` with `width` (F821)",
        "Whetstone: reject this fix",
    ]
    assert all(a.edit for a in listed[:2]) and listed[2].edit is None
    editor.edit(uri, (1, 4), (1, 4), " ")
    [again] = await editor.actions(uri)
    assert again.edit is None  # the text is another one: it is asked anew


async def test_a_rejected_candidate_is_not_offered_again(start):
    editor = await start(VSCODE)
    uri = editor.open()
    await editor.resolved(uri)
    *_, rejection = await editor.actions(uri)
    await editor.command(rejection.command.command, *rejection.command.arguments)
    titles = [a.title for a in await editor.fixes(uri)]
    assert titles == ["Whetstone: replace `lenght` with `width` (F821)"]
    editor.edit(uri, (2, 0), (2, 0), "\n# elsewhere\n")
    assert "`width`" in (await editor.resolved(uri)).title


@pytest.mark.parametrize("profile", [EMACS, VSCODE, NEOVIM])
async def test_versioned_edits(start, profile):
    editor = await start(profile)
    uri = editor.open()
    action, *_ = await editor.fixes(uri)
    action = action if action.edit else await editor.resolve(action)
    [change] = action.edit.document_changes
    assert (change.text_document.uri, change.text_document.version) == (uri, 1)
    editor.apply(action.edit)
    assert editor.texts[uri] == BUG.replace("lenght", "length")


async def test_a_client_without_document_changes_gets_plain_ones(start):
    def plain(capabilities):
        capabilities.workspace.workspace_edit = None

    editor = await start(VSCODE, change=plain)
    uri = editor.open()
    action = await editor.resolved(uri)
    assert action.edit.document_changes is None
    assert [e.new_text for e in action.edit.changes[uri]] == ["length"] or action.edit.changes[uri]


# -- clients that cannot resolve -------------------------------------------------------------


async def test_without_resolve_the_fixes_come_complete(start):
    editor = await start(EMACS)
    listed = await editor.fixes(editor.open())
    assert [a.title for a in listed] == [
        "Whetstone: replace `lenght` with `length` (F821)",
        "Whetstone: replace `lenght` with `width` (F821)",
    ]
    assert all(a.edit and a.data is None for a in listed)


async def test_without_resolve_an_automatic_request_asks_no_model(start):
    editor = await start(EMACS)
    uri = editor.open()
    automatic = T.CodeActionTriggerKind.Automatic
    assert not await editor.fixes(uri, trigger=automatic)
    assert len(await editor.fixes(uri, trigger=T.CodeActionTriggerKind.Invoked)) == 2
    assert len(await editor.fixes(uri, trigger=automatic)) == 2  # known now


async def test_without_resolve_the_deadline_holds_and_rules_answer_in_time(start):
    editor = await start(EMACS, delay_s=30, rules=True, options={"deadline_s": 1.5})
    uri = editor.open()
    begin = time.perf_counter()
    listed = await editor.fixes(uri)
    assert time.perf_counter() - begin < 25
    assert [a.title for a in listed][:1] == ["Whetstone: replace `lenght` with `length` (F821)"]


async def test_without_resolve_several_problems_each_get_theirs(start):
    text = "def area(length, width):\n    return lenght * widht\n"
    halves = [replace("    return length * widht"), replace("    return lenght * width")]
    answers = [("lenght", halves)]
    editor = await start(EMACS, answers=answers)
    titles = [a.title for a in await editor.fixes(editor.open(text))]
    assert any("`length`" in title for title in titles)
    assert any("`width`" in title for title in titles)


async def test_emacs_gets_the_command_only_with_the_edit(start):
    """eglot runs the command of an action that has one, and never asks for its edit."""

    def resolves(capabilities):
        action = capabilities.text_document.code_action
        action.data_support = True
        action.resolve_support = T.ClientCodeActionResolveOptions(properties=["edit", "command"])

    editor = await start(EMACS, change=resolves)
    uri = editor.open()
    [listed] = await editor.fixes(uri, line=1)
    assert (listed.edit, listed.command) == (None, None)
    resolved = await editor.resolve(listed)
    assert await editor.take(resolved) == {"recorded": True}
