"""The whole story as a user of VS Code sees it, with the packaged extension, and what is stored."""

from __future__ import annotations

import sys

import story
from workbench import QUICK, QUICK_ROW

SERVER = {
    "whetstone.server.command": [sys.executable, "-m", "lsp_server"],
    "whetstone.candidates": 1,  # the greedy answer alone, which no seed decides
}
LENSES = ["Whetstone: keep", "Whetstone: revert"]
PROVED = "✓ parses · ✓ diagnostic gone · ✓ nothing new"


def test_story(serve, workbench, world, screenshots):
    server = serve(SERVER)
    workbench.start(server.url(world.file.parent))
    workbench.open(world.file.name)
    workbench.press("Control+b")  # no side bar: wide enough for a diff side by side
    workbench.wait(".monaco-editor .squiggly-error")
    workbench.answer("Not Now")  # the walkthrough, offered once
    workbench.until("every fix ready", lambda: "4 fixes ready" in workbench.status())
    marks = [mark for mark in workbench.marks() if mark.startswith("⚡ fix ready: ")]
    assert len(marks) == len(story.STEPS)
    workbench.picture(screenshots / "vscode-ready.png")

    status(workbench, screenshots)
    accept(workbench, screenshots)
    reject(workbench)
    amend(workbench, screenshots)
    undo(workbench)
    workbench.press("Control+s")
    workbench.until("saved", lambda: world.file.read_text() == story.saved_text())
    workbench.press("Control+w")  # what was saved is settled when the file is left
    story.check(world.data)


def status(workbench, screenshots):
    """The menu behind the status bar says what is known about each problem."""
    workbench.click("[id='whetstone.whetstone.whetstone.status']")
    rows = workbench.until("the menu", lambda: workbench.texts(QUICK_ROW))
    why = f"line {story.ACCEPT.line + 1}: parses, diagnostic gone, nothing new"
    assert any("replace txet with text (F821)" in row and why in row for row in rows)
    workbench.picture(screenshots / "vscode-status.png")
    workbench.press("Escape")
    workbench.gone(QUICK)


def accept(workbench, screenshots):
    """Through the preview, and kept through the lens."""
    preview(workbench, story.ACCEPT)
    workbench.picture(screenshots / "vscode-preview.png")
    workbench.press("Control+Enter")
    workbench.gone(".monaco-diff-editor")
    workbench.until("applied", lambda: workbench.shows(story.ACCEPT.fix))
    workbench.until("lenses", lambda: workbench.lenses() == LENSES)
    workbench.until("the others ready again", lambda: "3 fixes ready" in workbench.status())
    workbench.picture(screenshots / "vscode-applied.png")
    workbench.click(".codelens-decoration a", "Whetstone: keep")
    workbench.until("kept", lambda: workbench.lenses() == [])


def reject(workbench):
    """In the preview; there is no other candidate, so it closes."""
    preview(workbench, story.REJECT)
    workbench.press("Control+Backspace")
    workbench.gone(".monaco-diff-editor")


def amend(workbench, screenshots):
    """Taken from the light bulb's menu, which names it, then written over."""
    workbench.goto(story.AMEND.line)
    entries = workbench.menu_with("Whetstone: replace `custmer` with `customer` (F821)")
    assert "Whetstone: preview the fix for F821" in entries
    workbench.picture(screenshots / "vscode-menu.png")
    workbench.choose("Whetstone: replace `custmer`")
    workbench.until("applied", lambda: workbench.shows(story.AMEND.fix))
    workbench.goto(story.AMEND.line)
    workbench.press("Shift+Home")
    workbench.type(story.AMEND.user.lstrip())
    workbench.until("amended", lambda: workbench.shows(story.AMEND.user))


def undo(workbench):
    workbench.goto(story.UNDO.line)
    workbench.menu_with("Whetstone: remove `f`")
    workbench.choose("Whetstone: remove `f`")
    workbench.until("applied", lambda: workbench.shows(story.UNDO.fix))
    workbench.press("Control+z")
    workbench.until("undone", lambda: workbench.shows(story.UNDO.broken))


def preview(workbench, step):
    workbench.goto(step.line)
    workbench.press("Control+Alt+.")
    workbench.wait(".monaco-diff-editor")
    workbench.until("the fix", lambda: workbench.shows(step.fix))
    workbench.until("what was proved", lambda: PROVED in workbench.marks())
    workbench.wait("[id='whetstone.whetstone.whetstone.preview']", f"Accept fix: {PROVED}")
    assert not any(mark.startswith("⚡") for mark in workbench.marks())
