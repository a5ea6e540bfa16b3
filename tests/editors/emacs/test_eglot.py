"""Emacs with eglot, in batch, connected by the lines of its page."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pages
import story
from terminal import Terminal

SCRIPT = Path(__file__).with_name("story.el")


def test_a_picture_of_what_the_user_sees(editor, world, tmp_path, screenshots):
    connect = tmp_path / "connect.el"
    connect.write_text(pages.blocks("emacs.md", "elisp")[0], encoding="utf-8")
    terminal = Terminal(
        [editor("emacs"), "-nw", "-Q", "-l", str(connect), str(world.file)],
        environment=world.environment,
        folder=world.file.parent,
        rows=30,
    )
    try:
        terminal.until("eglot", lambda screen: "Flymake[" in screen or "eglot" in screen)
        terminal.keys(f"\x1bgg{story.ACCEPT.line + 1}\r")  # M-g g: go to the line
        menu = ""
        while "Whetstone: " not in menu:  # the diagnostics may not be there yet
            terminal.keys("\x1bxeglot-code-actions\r")
            menu = terminal.until("an answer", answered)
        terminal.picture(screenshots / "emacs-menu.png")
        assert (screenshots / "emacs-menu.png").stat().st_size > 10_000
    finally:
        terminal.close()


def answered(screen):
    return "Whetstone: " in screen or "No code actions" in screen


def test_story(editor, world, tmp_path):
    connect = tmp_path / "connect.el"
    connect.write_text("\n".join(pages.blocks("emacs.md", "elisp")[:2]), encoding="utf-8")
    steps = [
        {
            "do": step.do,
            "line": step.line,
            "broken": step.broken,
            "fix": step.fix,
            "final": step.final,
        }
        for step in story.STEPS
    ]
    command = [
        editor("emacs"), "--batch", "-l", connect, "-l", SCRIPT, world.file, json.dumps(steps),
    ]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), env=world.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert world.file.read_text() == story.saved_text()
    story.check(world.data)
