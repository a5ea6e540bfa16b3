"""A workspace that nobody has trusted yet: fixed, and none of its code run; then trusted."""

from __future__ import annotations

import sys

from workbench import QUICK_ROW

SERVER = {
    "whetstone.server.command": [sys.executable, "-m", "lsp_server"],
    "whetstone.candidates": 1,
}
TRUST = {
    "security.workspace.trust.enabled": True,
    "security.workspace.trust.startupPrompt": "never",  # as after "No, I don't trust the authors"
    "security.workspace.trust.banner": "never",
    "workbench.editor.useModal": "off",  # newer versions show the page of trust over the window
}
TEST = """\
from orders import label


def test_label():
    open("ran", "w").close()
    assert label()
"""
LENS = "Whetstone: fix this test"


def test_fixed_but_not_run_until_it_is_trusted(serve, workbench, world):
    tests = world.file.with_name("test_orders.py")
    tests.write_text(TEST)
    server = serve(SERVER, options=(), user_settings=TRUST)
    workbench.start(server.url(world.file.parent))
    workbench.open(world.file.name)
    workbench.answer("Not Now")  # the walkthrough
    workbench.until("fixes without trust", lambda: "4 fixes ready" in workbench.status())
    workbench.open(tests.name)
    workbench.until("the lens", lambda: workbench.lenses() == [LENS])
    workbench.click(".codelens-decoration a", LENS)
    workbench.said("tests are run only in a workspace that you trust")
    workbench.press("F1")  # the command that would run tests cannot be chosen
    workbench.type("Whetstone: Fix the Tests That Failed Last")
    workbench.until("other commands", lambda: "similar commands" in workbench.rows())
    assert "Tests That Failed Last" not in workbench.rows()
    workbench.press("Escape")

    workbench.command("Workspaces: Manage Workspace Trust")
    workbench.wait(".workspace-trust-editor .monaco-button", "Trust")
    workbench.click(".workspace-trust-editor .monaco-button", "Trust")
    workbench.wait(".workspace-trust-editor", "You trust this folder")
    workbench.open(tests.name)
    workbench.until("the lens", lambda: workbench.lenses() == [LENS])
    workbench.click(".codelens-decoration a", LENS)
    workbench.said("Run tests of orders in the sandbox?")
    workbench.answer("No")
    toggled(workbench, world)
    assert not world.file.with_name("ran").exists()


def toggled(workbench, world):
    """Off and on again: one file, one rule, the workspace."""
    workbench.open(world.file.name)
    workbench.until("ready", lambda: "4 fixes ready" in workbench.status())
    workbench.wait(".monaco-editor .squiggly-error")
    workbench.command("Whetstone: Turn Fixes Off or On in This File")
    workbench.gone(".monaco-editor .squiggly-error")
    workbench.until("no fix", lambda: "ready" not in workbench.status())
    workbench.command("Whetstone: Turn Fixes Off or On in This File")
    workbench.wait(".monaco-editor .squiggly-error")
    workbench.until("on again", lambda: "4 fixes ready" in workbench.status())

    for ready in ("3 fixes ready", "4 fixes ready"):
        workbench.command("Whetstone: Turn Fixes Off or On for a Rule")
        workbench.wait(QUICK_ROW, "E711")
        workbench.type("E711")
        workbench.until("the rule", lambda: workbench.rows().startswith("E711"))
        workbench.press("Enter")
        workbench.until(ready, lambda ready=ready: ready in workbench.status())

    workbench.command("Whetstone: Turn Fixes Off or On in This Workspace")
    workbench.gone(".monaco-editor .squiggly-error")
    workbench.command("Whetstone: Turn Fixes Off or On in This Workspace")
    workbench.wait(".monaco-editor .squiggly-error")
