"""Helix in a terminal, connected by the lines of its page."""

from __future__ import annotations

import pages
import pytest
import story
from terminal import Terminal
from waiting import until


@pytest.fixture
def helix(editor, world):
    config = world.home / ".config/helix"
    config.mkdir(parents=True)
    (config / "languages.toml").write_text(pages.blocks("helix.md", "toml")[0])
    (config / "config.toml").write_text("[editor]\nauto-pairs = false\n")
    terminal = Terminal(
        [editor("helix"), str(world.file)],
        environment=world.environment,
        folder=world.file.parent,
    )
    yield terminal
    terminal.close()


def act(helix, step, *, reject=False):
    """Choose in the menu of a line: the fix, or the entry that turns it down."""
    helix.keys(f":goto {step.line + 1}\r")
    menu = ""
    while "Whetstone: " not in menu:  # the server was not told yet of what was just applied
        helix.keys(" a")
        menu = helix.until("an answer", answered)
    entries = [row for row in menu.splitlines() if "Whetstone: " in row]
    wanted = next(
        number
        for number, entry in enumerate(entries)
        if ("reject" in entry) == reject and "fix all" not in entry
    )
    helix.keys("\x0e" * wanted)  # ctrl-n: the first is chosen already
    helix.keys("\r")


def answered(screen):
    return "Whetstone: " in screen or "No code actions" in screen


def shows(line):
    return lambda screen: line in screen


def test_a_picture_of_what_the_user_sees(helix, screenshots):
    helix.until("diagnostics", shows(f"● {story.ACCEPT.line + 1:3}  {story.ACCEPT.broken}"))
    helix.keys(f":goto {story.ACCEPT.line + 1}\r")
    menu = ""
    while "Whetstone: " not in menu:
        helix.keys(" a")
        menu = helix.until("an answer", answered)
    helix.picture(screenshots / "helix-menu.png")
    assert (screenshots / "helix-menu.png").stat().st_size > 10_000


def test_story(helix, world):
    helix.until("the file", shows("def load(text):"))
    marks = [f"● {step.line + 1:3}  {step.broken}" for step in story.STEPS]
    helix.until("diagnostics", lambda screen: all(mark in screen for mark in marks))
    for step in story.STEPS:
        act(helix, step)
        helix.until(f"{step.do}: the fix", shows(step.fix))
        if step.do == "reject":
            act(helix, step, reject=True)
        elif step.do == "undo":
            helix.keys("u")
        elif step.do == "amend":
            helix.keys(f":goto {step.line + 1}\rglvghc")
            helix.until("an empty line", lambda screen: ".format(" not in screen)
            helix.paste(step.user)  # Helix 25.01 sends the changes of quick typing in any order
            helix.until("typed", shows(step.user))
            helix.keys("\x1b")
        helix.until(f"{step.do}: done", shows(step.final))
    helix.keys(":write-quit\r")
    until("Helix to end", helix.ended, seen=helix.screen)
    assert world.file.read_text() == story.saved_text()
    story.check(world.data)
