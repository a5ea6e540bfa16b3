"""The plugin with its preview: what a person sees on the screen, and what is stored."""

from __future__ import annotations

import picture
import pytest
import story
from PIL import Image

# Two names are near: whatever the model says, the rules alone have two fixes.
TWO_FIXES = """\
def show(orders):
    for order in orders:
        print(ordes)
"""


def begin(start, world, **options):
    """The story's file, its problems found and their fixes prepared."""
    nvim = start(ui=True, **options)
    nvim.command("set termguicolors")
    nvim.command("set statusline=%t\\ %m%=%{v:lua.require'whetstone'.statusline()}\\ ")
    nvim.open(world.file)
    expected = sorted((step.line, step.code) for step in story.STEPS)
    nvim.until("diagnostics", lambda: nvim.diagnostics() == expected)
    marks = [f"{step.broken} ◆ re" for step in story.STEPS]  # replace, remove: the fix's title
    nvim.until("a mark for each ready fix", lambda: all(mark in nvim.screen() for mark in marks))
    return nvim


def preview(nvim, step):
    nvim.cursor(step.line)
    nvim.command("Whetstone preview")
    nvim.until("the preview", lambda: f"+{' ' + step.fix}" in nvim.screen())
    return nvim.screen()


def in_preview(nvim):
    return nvim.lua("return vim.api.nvim_win_get_config(0).relative ~= ''")


def shown(nvim):
    """The line that the preview would put in."""
    return next(line for line in nvim.screen().splitlines() if "│+ " in line)


def test_story_in_the_preview(start, world):
    nvim = begin(start, world)
    for step in story.STEPS:
        screen = preview(nvim, step)
        assert f"-{' ' + step.broken}" in screen
        assert "✓ parses  ✓ diagnostic gone  ✓ nothing new" in screen
        assert step.code in screen
        nvim.keys("r" if step.do == "reject" else "a")
        nvim.until("the preview is closed", lambda: not in_preview(nvim))
        if step.do == "reject":
            continue
        nvim.until(f"{step.do}: the fix", lambda step=step: nvim.line(step.line) == step.fix)
        assert f"{step.fix} ◆" not in nvim.screen()  # no mark of what is done already
        nvim.until("lenses", lambda: "Whetstone: keep | Whetstone: revert" in nvim.screen())
        if step.do == "undo":
            nvim.keys("u")
        elif step.do == "amend":
            nvim.cursor(step.line)
            nvim.keys(f"cc{step.user.lstrip()}<Esc>")
        nvim.until(f"{step.do}: done", lambda step=step: nvim.line(step.line) == step.final)
    nvim.command("write")
    assert world.file.read_text() == story.saved_text()
    story.check(world.data)
    nvim.until("no lens any more", lambda: "Whetstone: keep" not in nvim.screen())


def test_next_and_previous_turn_through_the_fixes_of_one_problem(start, world):
    world.file.write_text(TWO_FIXES)
    nvim = start(ui=True)
    nvim.open(world.file)
    nvim.until("diagnostics", lambda: nvim.diagnostics() == [(2, "F821")])
    nvim.cursor(2)
    nvim.command("Whetstone preview")
    nvim.until("the first of several", lambda: " 1 of " in nvim.screen())
    first = shown(nvim)
    assert "print(order" in first
    nvim.keys("n")
    nvim.until("the second", lambda: " 2 of " in nvim.screen() and shown(nvim) != first)
    second = shown(nvim)
    nvim.keys("p")
    nvim.until("the first again", lambda: " 1 of " in nvim.screen() and shown(nvim) == first)
    nvim.keys("?")
    nvim.until("the keys", lambda: "close, decide nothing" in nvim.screen())
    nvim.keys("r")
    nvim.until("the second in its place", lambda: shown(nvim) == second)
    nvim.keys("q")
    nvim.until("closed", lambda: not in_preview(nvim))
    assert world.file.read_text() == TWO_FIXES
    assert "\n".join(nvim.lines()) + "\n" == TWO_FIXES
    found = nvim.until("stored", lambda: story.stored(world.data))
    assert found == [("F821", None, ())]  # one was turned down, and nothing is decided yet


def test_without_a_preview_accept_applies_and_reject_takes_out(start, world):
    nvim = begin(start, world)
    nvim.cursor(0)
    nvim.command("Whetstone next")
    nvim.until("the next problem's preview", lambda: in_preview(nvim))
    assert nvim.lua("vim.cmd.close() return vim.fn.line('.')") == story.ACCEPT.line + 1
    nvim.command("Whetstone previous")
    nvim.until("around the start", lambda: in_preview(nvim))
    assert nvim.lua("vim.cmd.close() return vim.fn.line('.')") == story.UNDO.line + 1

    nvim.cursor(story.REJECT.line)
    nvim.command("Whetstone accept")
    nvim.until("applied", lambda: nvim.line(story.REJECT.line) == story.REJECT.fix)
    nvim.until("lenses", lambda: "Whetstone: keep" in nvim.screen())
    nvim.command("Whetstone reject")
    nvim.until("taken out", lambda: nvim.line(story.REJECT.line) == story.REJECT.broken)
    nvim.command("write")
    found = nvim.until("stored", lambda: story.settled(world.data))
    assert found == [(story.REJECT.code, "rejected", story.REJECT.pairs)]


def test_the_lens_over_a_change_takes_it_out_again(start, world):
    nvim = begin(start, world)
    step = story.ACCEPT
    nvim.cursor(step.line)
    nvim.command("Whetstone accept")
    nvim.until("lenses", lambda: "Whetstone: keep | Whetstone: revert" in nvim.screen())
    nvim.lua("vim.ui.select = function(items, _, done) done(items[2], 2) end")
    nvim.cursor(step.line)
    nvim.lua("vim.lsp.codelens.run()")
    nvim.until("the old line", lambda: nvim.line(step.line) == step.broken)
    found = nvim.until("stored", lambda: story.settled(world.data))
    assert found == [(step.code, "reverted", (("reverted", None, step.fix),))]


def test_a_text_that_changed_meanwhile_is_left_alone(start, world):
    nvim = begin(start, world)
    preview(nvim, story.ACCEPT)
    nvim.lua("vim.api.nvim_buf_set_lines(vim.fn.bufnr('orders.py'), 0, 1, false, { '# typed' })")
    nvim.keys("a")
    nvim.until("a message", lambda: "the text changed meanwhile" in nvim.messages())
    assert nvim.line(story.ACCEPT.line) == story.ACCEPT.broken


@pytest.mark.parametrize("shown", ["preview", "lenses"])
def test_a_picture_of_what_the_user_sees(start, world, version, screenshots, shown):
    nvim = begin(start, world)
    preview(nvim, story.ACCEPT)
    if shown == "lenses":
        nvim.keys("a")
        nvim.until("lenses", lambda: "Whetstone: keep | Whetstone: revert" in nvim.screen())
    folder = screenshots if version == "nvim-newest" else world.home
    picture.take(nvim, folder / f"nvim-{shown}.png")
    with Image.open(folder / f"nvim-{shown}.png") as image:
        assert len(image.getcolors()) > 6  # text in the colours of the theme, on their backgrounds
