"""Our own diagnostics: pushed or pulled, and quiet where another tool speaks."""

import asyncio
import time

import pytest
from lsp_editor import NEOVIM, VSCODE, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")
THEIRS = T.Diagnostic(
    range=T.Range(T.Position(1, 11), T.Position(1, 17)),
    message='"lenght" is not defined',
    source="Pyright",
    code="reportUndefinedVariable",
)


def codes(editor, uri):
    return [d.code for d in editor.client.diagnostics.get(uri, ())]


def pull(editor, uri):
    return editor.client.text_document_diagnostic_async(
        T.DocumentDiagnosticParams(text_document=T.TextDocumentIdentifier(uri=uri))
    )


async def test_pushed_on_open_on_change_and_cleared_on_close(shared):
    uri = shared.open()
    await until(lambda: codes(shared, uri) == ["F821"])
    [found] = shared.client.diagnostics[uri]
    assert (found.source, found.severity) == ("whetstone", T.DiagnosticSeverity.Error)
    assert (found.range.start, found.range.end) == (T.Position(1, 11), T.Position(1, 17))
    shared.change(uri, "def f(:\n")
    await until(lambda: codes(shared, uri) == ["SyntaxError"])
    shared.change(uri, "x = 1\n")
    await until(lambda: codes(shared, uri) == [])
    shared.change(uri, "print(y)\n")
    await until(lambda: codes(shared, uri) == ["F821"])
    shared.close(uri)
    await until(lambda: codes(shared, uri) == [])


async def test_columns_are_in_the_clients_units(start):
    editor = await start(VSCODE, encodings=["utf-8"])
    uri = editor.open('x = "😀é", nope\n')
    await until(lambda: codes(editor, uri) == ["F821"])
    [found] = editor.client.diagnostics[uri]
    assert found.range.start.character == len('x = "😀é", '.encode())


async def test_pulled_by_clients_that_ask_and_then_not_pushed(start):
    editor = await start(NEOVIM)
    uri = editor.open()
    report = await pull(editor, uri)
    assert [d.code for d in report.items] == ["F821"]
    assert report.kind == "full"
    await asyncio.sleep(0.3)
    assert uri not in editor.client.diagnostics
    editor.close(uri)
    assert not (await pull(editor, uri)).items


async def test_typing_while_it_is_pulled_gives_the_findings_of_the_newest_text(start):
    editor = await start(NEOVIM)
    uri = editor.open("import os\n" * 3_000)
    pulled = asyncio.ensure_future(pull(editor, uri))
    await asyncio.sleep(0.02)
    editor.change(uri, "print(lenght)\n")
    assert (await pulled).items
    assert [d.code for d in (await pull(editor, uri)).items] == ["F821"]


async def test_auto_goes_quiet_where_another_tool_reports_and_fixes_stay(start):
    editor = await start(VSCODE, fresh=True)
    uri = editor.open("import os\ndef f(length):\n    return lenght\n")
    await until(lambda: codes(editor, uri) == ["F401", "F821"])
    theirs = T.Diagnostic(**{**vars_of(THEIRS), "range": on_line(2)})
    [action] = await editor.fixes(uri, 2, diagnostics=[theirs])
    assert "F821" in action.title
    await until(lambda: codes(editor, uri) == ["F401"])
    assert len(await editor.fixes(uri, 2, diagnostics=[theirs])) == 1


def vars_of(diagnostic):
    return {name: getattr(diagnostic, name) for name in ("message", "source", "code")}


def on_line(line):
    return T.Range(T.Position(line, 11), T.Position(line, 17))


@pytest.mark.parametrize(("mode", "before", "after"), [("on", ["F821"], ["F821"]), ("off", [], [])])
async def test_on_and_off(start, mode, before, after):
    editor = await start(VSCODE, options={"diagnostics": mode})
    uri = editor.open()
    await until(lambda: uri in editor.client.diagnostics)
    assert codes(editor, uri) == before
    [action] = await editor.fixes(uri, diagnostics=[THEIRS])
    assert ("F821" in action.title) == (mode == "on")
    await asyncio.sleep(0.2)
    assert codes(editor, uri) == after


async def test_off_offers_nothing_for_what_nobody_reported(start):
    editor = await start(VSCODE, options={"diagnostics": "off"})
    assert not await editor.actions(editor.open())


async def test_a_pulling_client_is_told_when_it_goes_quiet(start):
    def refreshes(capabilities):
        capabilities.text_document.diagnostic = T.DiagnosticClientCapabilities()
        capabilities.workspace.diagnostics = T.DiagnosticWorkspaceClientCapabilities(
            refresh_support=True
        )

    editor = await start(VSCODE, change=refreshes)
    uri = editor.open()
    before = editor.client.diagnostic_refresh_count
    assert len((await pull(editor, uri)).items) == 1
    await editor.fixes(uri, diagnostics=[THEIRS])
    await until(lambda: editor.client.diagnostic_refresh_count > before)
    assert not (await pull(editor, uri)).items


async def test_a_20000_line_file_is_served_and_typing_stays_quick(start):
    editor = await start(VSCODE)
    text = "".join(f"value_{n} = {n}\n" for n in range(20_000)) + "print(lenght)\n"
    uri = editor.open(text)
    await until(lambda: codes(editor, uri) == ["F821"], timeout_s=60)
    begin = time.perf_counter()
    for n in range(20):
        editor.edit(uri, (0, 0), (0, 0), "#" if n == 0 else "x")
    await editor.command("whetstone.applied", "nothing")  # answered after all of them
    assert time.perf_counter() - begin < 30  # 0.05 s on an idle machine
    [action] = await editor.fixes(uri, 20_000, column=8)
    assert action.title.endswith("'lenght'")


async def test_a_syntax_error_at_the_very_end(shared):
    uri = shared.open("def f():\n    return (1,")
    await until(lambda: codes(shared, uri) == ["SyntaxError"])
    assert len(await shared.actions(uri, 1, 11)) == 1
