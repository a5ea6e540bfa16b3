"""Starting, ending, and what the process says about itself."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from lsp_editor import BUG, NEOVIM, VSCODE, new_client, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")


def run(*arguments):
    command = [sys.executable, "-m", "lsp_server", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL
    )


async def test_capabilities(start):
    editor = await start(NEOVIM)
    can = editor.initialized.capabilities
    assert editor.initialized.server_info.name == "whetstone-lsp"
    assert can.position_encoding == "utf-8"
    assert can.text_document_sync.change == T.TextDocumentSyncKind.Incremental
    assert can.text_document_sync.save and can.text_document_sync.open_close
    assert can.code_action_provider.resolve_provider
    assert list(can.code_action_provider.code_action_kinds) == [
        "quickfix", "source.fixAll.whetstone",
    ]  # fmt: skip
    assert set(can.execute_command_provider.commands) >= {
        "whetstone.applied", "whetstone.apply", "whetstone.accept", "whetstone.reject",
        "whetstone.revert", "whetstone.candidates", "whetstone.status", "whetstone.disable",
        "whetstone.enable",
    }  # fmt: skip
    assert can.code_lens_provider is not None
    assert can.diagnostic_provider.identifier == "whetstone"


async def test_version_and_bad_usage():
    assert run("--version").stdout.startswith("whetstone-lsp 0.")
    assert run("--tcp", "nonsense").returncode == 2
    refused = run("--tcp", "0.0.0.0:7777")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: --tcp 0.0.0.0:7777: other machines could reach")
    unwritable = run("--log-file", "/nowhere/x.log")
    assert unwritable.stderr.startswith("error: /nowhere/x.log: cannot be written")


async def test_the_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--tcp", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 2 and "cannot serve there" in done.stderr


async def test_tcp(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lsp_server", "--tcp", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, "--log-file", str(tmp_path / "log")])
    try:
        client = new_client()

        async def connected():
            try:
                await client.start_tcp("127.0.0.1", port)
            except OSError:
                return False
            return True

        for _ in range(600):
            if await connected():
                break
            await asyncio.sleep(0.05)
        await client.initialize_session(T.InitializeParams(capabilities=T.ClientCapabilities()))
        item = T.TextDocumentItem(uri="file:///a.py", language_id="python", version=1, text=BUG)
        client.text_document_did_open(T.DidOpenTextDocumentParams(text_document=item))
        await until(lambda: client.diagnostics.get("file:///a.py"))
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()
        assert process.wait(60) == 0
    finally:
        process.kill()


async def test_importing_needs_no_training_library_and_nothing_heavy():
    code = (
        "import sys, lsp_server, whetstone, lsp_server.cli; "
        "print([m for m in ('torch', 'transformers', 'llama_cpp', 'sqlite_utils', 'pandas', "
        "'numpy', 'click', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    cheap = "import sys, lsp_server; print('pygls' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", cheap], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


async def test_broken_messages_end_nothing(start):
    editor = await start(VSCODE, fresh=True)
    stdin = editor.client._server.stdin
    for body in (
        b"{",
        b'{"jsonrpc":"2.0","id":77,"method":"no/such"}',
        b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"x":1}}',
        b'{"jsonrpc":"2.0","id":78,"method":"textDocument/codeAction","params":{}}',
    ):
        stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert (await editor.resolved(editor.open())).edit
    assert editor.messages() == []


async def test_messages_come_in_any_pieces(tmp_path):
    asked = {"method": "workspace/executeCommand", "params": {"command": "whetstone.status"}}
    messages = [
        {"id": 0, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        *({"id": number, **asked} for number in range(1, 20)),
        {"id": 20, "method": "shutdown"},
        {"method": "exit"},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]
    data = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lsp_server", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "WHETSTONE_DATA": str(tmp_path)},
    )  # fmt: skip
    for begin in range(0, len(data), 17):
        process.stdin.write(data[begin : begin + 17])
        await process.stdin.drain()
        await asyncio.sleep(0.001)
    told, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    answered = {int(number) for number in re.findall(rb'"id": (\d+)', told)}
    assert answered == set(range(21)) and b'"error"' not in told


async def test_a_client_that_ends_within_a_message_ends_the_server(start):
    editor = await start(VSCODE, fresh=True)
    process = editor.client._server
    process.stdin.write(b"Content-Length: 100\r\n\r\n{")
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_shutdown_while_the_model_works_and_questions_are_open(start):
    editor = await start(VSCODE, fresh=True, delay_s=30)
    uri = editor.open()
    [action] = await editor.actions(uri)
    resolving = asyncio.ensure_future(editor.resolve(action))
    applied = asyncio.ensure_future(editor.command("whetstone.applied", "nothing"))
    await asyncio.sleep(0.3)
    assert await editor.client.shutdown_async(None) is None
    editor.client.exit(None)
    assert await asyncio.wait_for(editor.client._server.wait(), 10) == 0
    resolving.cancel(), applied.cancel()


async def test_changes_to_documents_that_are_not_open(start):
    editor = await start(VSCODE)
    uri = editor.uri("ghost.py")
    editor.versions[uri], editor.texts[uri] = 1, "x\n"
    editor.edit(uri, (0, 0), (0, 0), "y")
    editor.save(uri)
    editor.close(uri)
    assert not await editor.actions(uri)


async def test_the_log_holds_no_document_text(tmp_path, monkeypatch):
    import logging

    from lsp_server.log import configure

    kept = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure(tmp_path / "log")
        logging.getLogger("pygls.protocol").error("Failed %s", "SECRET text")
        try:
            compile("SECRET text", "<document>", "exec")
        except SyntaxError:
            logging.getLogger("lsp_server.x").exception("it failed")
        text = (tmp_path / "log").read_text()
        assert "SECRET" not in text.replace('compile("SECRET text"', "")
        assert "it failed" in text and "SyntaxError" in text
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = kept


async def test_what_the_first_fix_needs_is_imported_before_anybody_asks(start):
    """The model's library, while no model is loaded; and not where a remote model answers."""
    maps = {}
    for engine in ("llama", "openai"):
        editor = await start(
            VSCODE, command=[sys.executable, "-m", "lsp_server"], env={"WHETSTONE_ENGINE": engine}
        )
        maps[engine] = Path(f"/proc/{editor.client._server.pid}/maps")
    await until(lambda: "libllama" in maps["llama"].read_text())
    assert "libllama" not in maps["openai"].read_text()
