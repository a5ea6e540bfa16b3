"""The story through ordinary code actions, as in any client of the protocol."""

from __future__ import annotations

import story


def test_story_with_code_actions(start, world):
    nvim = start()
    nvim.open(world.file)
    expected = sorted((step.line, step.code) for step in story.STEPS)
    nvim.until("diagnostics", lambda: nvim.diagnostics() == expected)

    for step in story.STEPS:
        nvim.code_action(step.line)
        nvim.until(f"{step.do}: the fix", lambda step=step: nvim.line(step.line) == step.fix)
        if step.do == "reject":
            nvim.code_action(step.line, reject=True)
        elif step.do == "undo":
            nvim.command("undo")
        elif step.do == "amend":
            nvim.cursor(step.line)
            nvim.command(f"normal! cc{step.user.lstrip()}")
        nvim.until(f"{step.do}: done", lambda step=step: nvim.line(step.line) == step.final)
    nvim.command("write")
    assert world.file.read_text() == story.saved_text()
    story.check(world.data)
