"""The whole circle with real parts: a real LSP client and server process, the embedded model, the
store, `trainer retrain` on the CPU, and the better model served by that same process.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest
from lsp_editor import NEOVIM, Editor, new_client, until
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, fixture

# A taste that no gold answer has: `if not x:` where everybody's fix is `if x is None:`.
NAMES = (
    "total", "count", "price", "height", "width", "length", "value", "name", "result", "index",
    "limit", "score", "record", "amount", "weight", "order", "customer", "balance", "owner",
    "title",
)  # fmt: skip
REJECTED = 4  # of these the fixes are turned down, and nothing is applied


def program(number: int, name: str) -> str:
    return (
        f"def compute_{number}({name}, default):\n"
        f"    if {name} == None:\n"
        f"        return default\n"
        f"    return {name} + default\n"
    )


@fixture(
    config=ClientServerConfig(
        server_command=[sys.executable, "-m", "lsp_server"], client_factory=new_client
    )
)
async def client(lsp_client: LanguageClient, tmp_path):
    capabilities = client_capabilities(NEOVIM)
    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            root_uri=tmp_path.as_uri(),
            initialization_options={"diagnostics": "on"},
        )
    )
    yield
    await lsp_client.shutdown_session()


def retrain(data) -> subprocess.CompletedProcess[str]:
    """As a user would, with the steps cut for time."""
    command = [
        sys.executable, "-m", "trainer", "retrain", "--json", "--min-pairs", "8",
        "--eval-limit", "12", "--sft-epochs", "3", "--dpo-epochs", "4", "--rehearsal", "1",
    ]  # fmt: skip
    environment = {**os.environ, "WHETSTONE_DATA": str(data)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)


@pytest.mark.timeout(800)
@pytest.mark.asyncio
async def test_choices_in_an_editor_become_a_better_model_in_the_same_server(
    client, tmp_path, data_folder
):
    editor = Editor(client, tmp_path, data_folder, tmp_path / "unused.json")
    editor.begin("loop")
    process = client._server
    for number, name in enumerate(NAMES):
        await choose(editor, number, name)
    await until(lambda: len(editor.settled()) == len(NAMES), timeout_s=120)
    outcomes = [outcome for outcome, _ in editor.settled()]
    assert outcomes.count("amended") == len(NAMES) - REJECTED
    assert outcomes.count("rejected") == REJECTED

    trained = await asyncio.to_thread(retrain, data_folder)
    assert trained.returncode == 0, trained.stdout + trained.stderr[-3000:]
    report = json.loads(trained.stdout)
    assert report["promoted"], report["reason"]

    before, after = await answer_again(editor)
    assert before[0].startswith("starter@")
    assert after[0].startswith(report["model"])
    assert after[1] < before[1] - 0.02  # it believes less in what this user always changes
    assert client._server is process
    assert process.returncode is None


async def choose(editor: Editor, number: int, name: str) -> None:
    """Open a buggy file and resolve its fix; turn it down, or apply it and write it otherwise."""
    uri = editor.open(program(number, name), name=f"{number}.py")
    [action] = await editor.fixes(uri, line=1)
    done = await editor.resolve(action)
    assert done.edit is not None
    if number < REJECTED:
        for candidate in await shown(editor, uri):
            await editor.command("whetstone.reject", *candidate)
        return
    await editor.take(done)
    lines = editor.texts[uri].split("\n")
    assert lines[1] == f"    if {name} is None:"
    editor.edit(uri, (1, 0), (1, len(lines[1])), f"    if not {name}:")
    editor.save(uri)


async def shown(editor: Editor, uri: str) -> list[list[str]]:
    """(suggestion, candidate) of every fix in the menu."""
    found = await editor.fixes(uri, line=1)
    return [list(action.command.arguments) for action in found]


async def answer_again(editor: Editor) -> tuple[tuple[str, float], tuple[str, float]]:
    """(model, log-probability of its fix) of the first question, then and now."""
    uri = editor.open(program(0, NAMES[0]), name="again.py")
    [action] = await editor.fixes(uri, line=1)
    assert (await editor.resolve(action)).edit is not None
    await until(lambda: answers(editor, "again.py"))
    return answers(editor)[0], answers(editor, "again.py")[-1]


def answers(editor: Editor, file: str = "") -> list[tuple[str, float]]:
    """The model and the likelihood of `is None` of every suggestion for a file, oldest first."""
    with editor.store() as store:
        details = [store.get(suggestion.id) for suggestion in reversed(store.suggestions())]
    return [
        (detail.summary.model_id, candidate.logprob)
        for detail in details
        if detail.summary.file.endswith(file)
        for candidate in detail.candidates
        if candidate.replacement.lines[0].strip().endswith("is None:")
    ]
