"""Everything certain fixed at once, and undone at once: a revert of each fix, for a quarter."""

from __future__ import annotations

import story

FIX_ALL = "vim.lsp.buf.code_action({ apply = true, context = { only = { 'source.fixAll' } } })"


def test_an_undo_of_the_whole_reverts_each(start, world):
    nvim = start()
    nvim.open(world.file)
    nvim.until("diagnostics", lambda: len(nvim.diagnostics()) == len(story.STEPS))
    nvim.lua(FIX_ALL)
    for step in story.STEPS:
        nvim.until("the fixes", lambda step=step: nvim.line(step.line) == step.fix)
    nvim.until("stored", lambda: len(story.stored(world.data)) == len(story.STEPS))
    nvim.command("undo")
    assert nvim.lines() == story.TEXT.splitlines()
    nvim.command("write")
    story.check_undone(world.data, story.STEPS)
