"""Emacs with eglot, in batch, connected by the lines of its page."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pages
import story

SCRIPT = Path(__file__).with_name("story.el")


def test_story(editor, world, tmp_path):
    connect = tmp_path / "connect.el"
    connect.write_text(pages.blocks("emacs.md", "elisp")[0], encoding="utf-8")
    steps = [
        {"do": step.do, "line": step.line, "fix": step.fix, "final": step.final}
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
