"""From a failure to the line: pytest's memory, a traceback, and a failing test."""

from __future__ import annotations

import subprocess
import sys

import story

SERVER = {
    "whetstone.server.command": [sys.executable, "-m", "lsp_server"],
    "whetstone.candidates": 1,  # the greedy answer alone, which no seed decides
}
TESTS = """\
from orders import load, newest


def test_load():
    assert load("[1]") == [1]


def test_newest():
    assert newest([1, 2]) == 2
"""
LOG = "errors.log"
LENS = "Whetstone: fix this test"
CONSENT = "Run tests of orders in the sandbox?"


def test_from_a_failure_to_its_fix(serve, workbench, world, screenshots):
    tests = world.file.with_name("test_orders.py")
    tests.write_text(TESTS)
    run_pytest(world)
    line = f'  File "{world.file}", line {story.UNDO.line + 1}, in label\n'
    world.file.with_name(LOG).write_text(f"{line}ValueError: of the test\n")
    server = serve(SERVER)
    workbench.start(server.url(world.file.parent))
    workbench.open(tests.name)
    workbench.answer("Not Now")  # the walkthrough
    last_failed(workbench)
    traceback(workbench)
    failing_test(workbench, tests, screenshots)
    workbench.press("Control+s")
    workbench.until("saved", lambda: story.ACCEPT.fix in world.file.read_text())
    assert run_pytest(world) == 0
    workbench.press("Control+w")
    [stored] = workbench.until("the choice", lambda: story.settled(world.data))
    assert stored[1] == "accepted"


def run_pytest(world) -> int:
    """As its user does in a terminal; the exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "test_orders.py"]
    done = subprocess.run(
        command, cwd=world.file.parent, env=world.environment, capture_output=True
    )
    return done.returncode


def last_failed(workbench):
    """Asked whether tests may run; for this once."""
    workbench.command("Whetstone: Fix the Tests That Failed Last")
    workbench.said(CONSENT)
    workbench.answer("Run once")
    workbench.wait(f".tab.active[data-resource-name='{story.FILE}']")
    workbench.until("the line at fault", lambda: cursor(workbench) == story.ACCEPT.line + 1)


def traceback(workbench):
    """Selected in the log where somebody found it."""
    workbench.open(LOG)
    workbench.press("Control+a")
    workbench.command("Whetstone: Fix from a Traceback")
    workbench.wait(f".tab.active[data-resource-name='{story.FILE}']")
    workbench.until("its line", lambda: cursor(workbench) == story.UNDO.line + 1)


def failing_test(workbench, tests, screenshots):
    """Only what makes the test pass is offered, and what was proved says so."""
    workbench.open(tests.name)
    workbench.until("lenses", lambda: workbench.lenses() == [LENS, LENS])
    workbench.picture(screenshots / "vscode-test.png")
    workbench.click(".codelens-decoration a", LENS)
    workbench.said(CONSENT)
    workbench.answer("Run once")
    workbench.wait(f".tab.active[data-resource-name='{story.FILE}']")
    workbench.until("the line at fault", lambda: cursor(workbench) == story.ACCEPT.line + 1)
    workbench.press("Control+Alt+.")
    workbench.wait(".monaco-diff-editor")
    workbench.until("its proof", lambda: any("✓ test" in mark for mark in workbench.marks()))
    workbench.picture(screenshots / "vscode-test-proved.png")
    workbench.press("Control+Enter")
    workbench.gone(".monaco-diff-editor")
    workbench.until("applied", lambda: workbench.shows(story.ACCEPT.fix))


def cursor(workbench) -> int:
    """The line that the status bar names."""
    [text] = workbench.texts("[id='status.editor.selection']") or ["Ln 0"]
    return int(text.split()[1].rstrip(","))
