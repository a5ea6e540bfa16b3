"""The model from VS Code: asked, trained with progress, rolled back; the choices in a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import story

from whetstone.models.registry import Registry
from whetstone.preferences.records import NewPair
from whetstone.preferences.store import PreferenceStore
from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span

SERVER = Path(__file__).parents[1] / "server_with_trainer.py"
ENOUGH = 20  # train.min_pairs


def pair(number: int) -> NewPair:
    span = Span(start_line=1, end_line=1)
    found = Diagnostic(source="ruff", code="F821", message=f"undefined {number}", span=span)
    return NewPair(
        problem=Problem(
            name=f"file{number}.py",
            diagnostic=found,
            region=Region(start=1, stop=2),
            above=(),
            flagged=(f"lenght_{number} = 1",),
        ),
        chosen=Replacement(kind="replace", lines=(f"length_{number} = 1",)),
        rejected=Replacement(kind="replace", lines=("pass",)),
    )


@pytest.mark.parametrize("version", ["vscode-1.139.1"])
def test_asked_trained_and_rolled_back(serve, workbench, world, screenshots):
    with PreferenceStore.open(world.data / "preferences.db") as store:
        store.add_pairs(pair(number) for number in range(ENOUGH))
    server = serve({"whetstone.server.command": [sys.executable, str(SERVER)]})
    workbench.start(server.url(world.file.parent))
    workbench.open(world.file.name)
    workbench.answer("Not Now")  # the walkthrough
    workbench.until("every fix ready", lambda: "4 fixes ready" in workbench.status())
    keep_one(workbench)
    retrain(workbench, world, screenshots)
    assert world.data.joinpath("reminder.json").exists()  # asked, so not again today
    roll_back_again(workbench)
    browse(workbench)


def keep_one(workbench):
    """One more choice, after which the server counts them."""
    workbench.goto(story.ACCEPT.line)
    workbench.menu_with("Whetstone: replace `txet`")
    workbench.choose("Whetstone: replace `txet`")
    workbench.until("applied", lambda: workbench.shows(story.ACCEPT.fix))
    workbench.wait(".codelens-decoration a", "Whetstone: keep")
    workbench.click(".codelens-decoration a", "Whetstone: keep")


def retrain(workbench, world, screenshots):
    before = registry(world).active_name()
    workbench.said(f"At least {ENOUGH} new choices can train the model.")
    workbench.answer("Retrain now")
    workbench.until("how far it is", lambda: "training 50 %" in workbench.status())
    workbench.said("training on your choices")
    workbench.picture(screenshots / "vscode-training.png")
    (world.data / "seen").touch()
    workbench.said(
        "The retrained model is served: static set 0 -> 0 of 1, held-out choices 0% -> 0%."
    )
    workbench.picture(screenshots / "vscode-trained.png")
    assert registry(world).active_name() == "trained-in-the-editor"
    workbench.answer("Roll back")
    workbench.said("is served again.")
    assert registry(world).active_name() == before


def roll_back_again(workbench):
    workbench.command("Whetstone: Roll Back to the Previous Model")
    workbench.said("There is no earlier model to go back to.")


def browse(workbench):
    """The numbers in a dialog, and everything in a page that VS Code opens.

    What the page shows is looked at in test_browse.py: this VS Code sends ports of its machine
    through a proxy that only a whole code-server has.
    """
    workbench.command("Whetstone: Browse Your Choices")
    workbench.wait(".monaco-dialog-box", "1 suggestions")
    workbench.click(".monaco-dialog-box .monaco-button", "Open in Browser")
    workbench.until("a page", lambda: len(workbench.browser.ask("pages")) == 2)


def registry(world) -> Registry:
    return Registry(world.data / "models")
