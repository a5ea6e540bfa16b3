"""A server that ends again and again: started anew, up to a limit that is told with ways on."""

from __future__ import annotations

import os
import signal
import sys

import pytest

MOST_CRASHES = 4  # within three minutes, see src/crashes.ts
NOTED = 'echo $$ >> "$WHETSTONE_PIDS"; exec "$0" -m lsp_server'
OUTPUT = ".part.panel [aria-label*='Whetstone']"
FOCUSED = ".part.panel .monaco-editor.focused"


@pytest.mark.parametrize("version", ["vscode-1.139.1"])
def test_killed_again_and_again_it_is_left_alone_until_it_is_asked_for(
    serve, workbench, world, tmp_path
):
    path = tmp_path / "pids"
    path.touch()

    def pids():
        return [int(line) for line in path.read_text().split()]

    def serves(count):
        workbench.until(f"server {count}", lambda: len(pids()) == count)
        workbench.until("its fixes", lambda: "4 fixes ready" in workbench.status())

    settings = {"whetstone.server.command": ["sh", "-c", NOTED, sys.executable]}
    settings["whetstone.candidates"] = 1
    server = serve(settings, environment=world.environment | {"WHETSTONE_PIDS": str(path)})
    workbench.start(server.url(world.file.parent))
    workbench.open(world.file.name)
    workbench.answer("Not Now")  # the walkthrough
    for count in range(1, MOST_CRASHES + 2):
        serves(count)
        os.kill(pids()[-1], signal.SIGKILL)
        workbench.until("it is missed", lambda: "fixes ready" not in workbench.status())
    workbench.said("Whetstone's server ended by itself several times and is not started again.")
    workbench.until("the reason", lambda: "server ended" in workbench.status())
    assert len(pids()) == MOST_CRASHES + 1

    workbench.answer("Show Output")  # its text is not drawn: this VS Code lacks a part that logs
    workbench.wait(OUTPUT)
    workbench.wait(FOCUSED)  # which comes later, and would close the palette
    workbench.command("Whetstone: Restart Server")
    serves(MOST_CRASHES + 2)
