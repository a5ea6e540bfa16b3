"""The first minutes: no server anywhere, the offer to install it, and the walkthrough."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from waiting import WAIT_S, until

OFFER = "Whetstone's server was not found in any Python that was looked at."
OURS = ("whetstone", "__editable__", "lsp_server", "trainer", "export", "distutils-precedence")


@pytest.fixture
def bare(world, tmp_path) -> dict[str, str]:
    """A Python without Whetstone alone on the PATH.

    What the server needs besides is there already, so that nothing is downloaded or compiled.
    """
    programs, packages = tmp_path / "bin", tmp_path / "packages"
    programs.mkdir()
    packages.mkdir()
    (programs / "python3").symlink_to(os.path.realpath(sys.executable))
    for name in ("sh", "env", "dirname", "readlink"):
        (programs / name).symlink_to(shutil.which(name))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(OURS):
            (packages / entry.name).symlink_to(entry)
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert ruff, "ruff is where Python's other programs are"
    (packages / "bin").mkdir()
    (packages / "bin" / "ruff").symlink_to(ruff)
    return world.environment | {
        "PATH": str(programs),
        "PYTHONPATH": str(packages),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }


@pytest.mark.parametrize("version", ["vscode-1.139.1"])
def test_the_server_in_the_extension_is_installed_when_there_is_none(
    serve, workbench, world, bare, screenshots
):
    server = serve(environment=bare)
    workbench.start(server.url(world.file.parent))
    workbench.open(world.file.name)
    workbench.said(OFFER)
    workbench.until("the reason", lambda: "no server" in workbench.status())
    workbench.picture(screenshots / "vscode-no-server.png")

    workbench.answer("Install It")
    installed = "fixes by the installed server"
    until(installed, lambda: "4 fixes ready" in workbench.status(), timeout_s=3 * WAIT_S)

    workbench.press("Control+j", "Control+b")  # the output of pip, the side bar
    workbench.answer("Show Me Around")
    workbench.wait(".getting-started-step", "See the fix before you decide")
    workbench.wait("[data-done-step-id$='#server'].complete")
    workbench.click(".getting-started-step", "See the fix before you decide")
    workbench.wait(".getting-started-step.expanded", "See the fix before you decide")
    drawing = {"selector": "svg, img[src*='preview.svg']"}
    workbench.until("its drawing", lambda: workbench.browser.ask("framed", **drawing))
    workbench.picture(screenshots / "vscode-walkthrough.png")
