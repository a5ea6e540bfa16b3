"""From the question in the editor to a promoted model and back: a real server, a real tiny run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from lsp_editor import BUG, FIX, VSCODE, Editor, fields, new_client, until
from lsprotocol import types as T
from pytest_lsp import client_capabilities

from whetstone.models.registry import Registry
from whetstone.preferences.records import NewPair
from whetstone.preferences.store import PreferenceStore
from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span

SERVER = Path(__file__).parents[1] / "lsp_server" / "scripted_server.py"
QUICK = ["--eval-limit", "1", "--max-steps", "3", "--rehearsal", "0"]
RUN_S = 600  # a run has a low priority: on a busy machine it takes long


def pair(number: int) -> NewPair:
    return NewPair(
        problem=Problem(
            name=f"file{number}.py",
            diagnostic=Diagnostic(
                source="ruff",
                code="F821",
                message=f"undefined name 'lenght_{number}'",
                span=Span(start_line=2, end_line=2),
            ),
            region=Region(start=2, stop=3),
            above=(f"def measure_{number}(items):", f"    length_{number} = len(items)"),
            flagged=(f"    return lenght_{number}",),
        ),
        chosen=Replacement(kind="replace", lines=(f"    return length_{number}",)),
        rejected=Replacement(kind="replace", lines=("    pass",)),
    )


@pytest.fixture
def registry(tiny_gguf: Path, data_folder: Path) -> Registry:
    """A data folder with a tiny active model and 24 choices."""
    registry = Registry()
    registry.add(tiny_gguf, name="tiny")
    registry.use("tiny")
    with PreferenceStore.open() as store:
        store.add_pairs(pair(number) for number in range(24))
    return registry


@pytest_asyncio.fixture
async def start(registry: Registry, tmp_path: Path, data_folder: Path):
    editors = []

    async def begin(**config) -> Editor:
        root = tmp_path / f"work{len(editors)}"
        root.mkdir()
        editor = Editor(new_client(), root, data_folder, tmp_path / f"c{len(editors)}.json")
        editors.append(editor)
        editor.configure(answers=[["lenght", [FIX]]], **config)
        editor.listen()
        own = {"WHETSTONE_DATA": str(data_folder), "WHETSTONE_PREPARE_ENABLED": "false"}
        command = [sys.executable, str(SERVER), str(editor.config_path)]
        await editor.client.start_io(*command, env={**os.environ, **own})
        capabilities = client_capabilities(VSCODE)
        capabilities.experimental = {"whetstone": {"status": True}}
        await editor.client.initialize_session(
            T.InitializeParams(capabilities=capabilities, root_uri=root.as_uri())
        )
        return editor

    yield begin
    for editor in editors:
        await editor.client.shutdown_session()
        await editor.client.stop()


async def choose(editor: Editor, name: str) -> None:
    """One more choice: it is what makes the server count them."""
    uri = editor.open(BUG, name=name)
    [action] = await editor.fixes(uri)
    await editor.take(await editor.resolve(action))
    accepted = await editor.command("whetstone.accept", *action.command.arguments)
    assert fields(accepted).recorded


def stages(editor: Editor) -> list[str]:
    return [each["text"] for each in editor.sent["whetstone/status"]]


@pytest.mark.timeout(2 * RUN_S)
@pytest.mark.asyncio
async def test_asked_trained_promoted_and_rolled_back(start, registry, data_folder):
    editor = await start(retrain=[*QUICK, "--force"])
    editor.answer = "Retrain now"
    await choose(editor, "a.py")
    await until(lambda: editor.asked, timeout_s=30)
    assert "new choices can train the model" in editor.asked[0]
    await until(lambda: any(s.startswith("training") for s in stages(editor)), timeout_s=RUN_S)

    refused = fields(await editor.command("whetstone.retrain"))
    assert (refused.started, refused.reason) == (False, "a training run is in progress already")

    editor.answer = "Keep"
    await until(lambda: len(editor.asked) == 2, timeout_s=RUN_S)
    assert editor.asked[1].startswith("Whetstone: The retrained model is served: static set ")
    assert "of 1, held-out choices" in editor.asked[1]
    reports = [r for each in editor.client.progress_reports.values() for r in each]
    percents = [r.percentage for r in reports if getattr(r, "percentage", None) is not None]
    assert percents == sorted(percents) and percents[-1] > 50
    promoted = registry.active_name()
    assert promoted != "tiny"
    assert not stages(editor)[-1].startswith("training")

    back = fields(await editor.command("whetstone.rollback"))
    assert back.model.startswith("tiny@") and back.previous == promoted
    assert registry.active_name() == "tiny"

    few = fields(await editor.command("whetstone.retrain"))
    assert not few.started and "new triplet" in few.reason

    # Asked once a day, by whichever server: neither this one nor another asks again.
    asked = len(editor.asked)
    other = await start()
    await choose(editor, "b.py")
    await choose(other, "c.py")
    await asyncio.sleep(1.5)
    assert len(editor.asked) == asked and other.asked == []


@pytest.mark.timeout(2 * RUN_S)
@pytest.mark.asyncio
async def test_a_model_that_is_no_better_says_why_and_opens_its_report(start, registry):
    editor = await start(retrain=[*QUICK, "--no-promote"])
    editor.answer = "Open report"
    started = fields(await editor.command("whetstone.retrain"))
    assert started.started, started
    await until(lambda: editor.asked, timeout_s=RUN_S)
    assert "Trained, but not promoted (static set" in editor.asked[0]
    await until(lambda: editor.client.shown_documents, timeout_s=60)
    shown = editor.client.shown_documents[-1]
    assert shown.external and shown.uri.endswith("report.html")
    assert registry.active_name() == "tiny"


@pytest.mark.timeout(120)
@pytest.mark.asyncio
async def test_a_run_can_be_stopped_and_another_process_is_named(start, registry, data_folder):
    editor = await start(retrain=["--eval-limit", "1"])
    started = fields(await editor.command("whetstone.retrain"))
    assert started.started, started
    await until(lambda: editor.client.progress_reports, timeout_s=60)

    other = await start()
    busy = fields(await other.command("whetstone.retrain"))
    assert not busy.started and "Another `trainer retrain` is running" in busy.reason

    (token,) = editor.client.progress_reports
    editor.client.window_work_done_progress_cancel(T.WorkDoneProgressCancelParams(token=token))
    await until(lambda: any("was stopped" in text for text in editor.messages()), timeout_s=30)
    assert registry.active_name() == "tiny"


@pytest.mark.asyncio
async def test_dont_ask_again_and_what_is_stored(start, data_folder):
    editor = await start()
    editor.answer = "Don't ask again"
    await choose(editor, "a.py")
    await until(lambda: editor.asked, timeout_s=30)
    path = data_folder / "reminder.json"
    await until(lambda: json.loads(path.read_text()).get("never") is True)

    told = fields(await editor.command("whetstone.preferences"))
    assert told.suggestions == 1 and told.pairs >= 24
    assert "1 suggestions" in told.text and vars(told.byOutcome) == {"accepted": 1}
