"""Editors that are installed, the server's command, and the sandbox."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from whetstone.doctor.finding import Finding
from whetstone.errors import WhetstoneError
from whetstone.sandbox import Limits, available_level, run

_EDITORS = {
    "code": "VS Code", "codium": "VSCodium", "nvim": "Neovim", "vim": "Vim", "hx": "Helix",
    "helix": "Helix", "emacs": "Emacs", "zed": "Zed", "subl": "Sublime Text", "kate": "Kate",
}  # fmt: skip
_SERVER = "whetstone-lsp"
_SPIN = "while True: pass"


def editors() -> Iterator[Finding]:
    found = [
        f"{name} ({path})" for command, name in _EDITORS.items() if (path := shutil.which(command))
    ]
    yield Finding(section="editors", name="found", value=", ".join(found) or "none on PATH")
    on_path = shutil.which(_SERVER)
    beside = Path(sys.executable).with_name(_SERVER)
    if on_path:
        yield Finding(section="editors", name=_SERVER, value=on_path)
    elif beside.is_file():
        yield Finding(
            section="editors", name=_SERVER, value=f"{beside}, not on PATH", state="advice",
            advice=f"Editors that look for it on PATH need {beside.parent} there, or this path in "
            "their settings.",
        )  # fmt: skip
    else:
        yield Finding(
            section="editors", name=_SERVER, value="missing", state="problem",
            advice="Install Whetstone again: `pip install --force-reinstall whetstone-fix`.",
        )  # fmt: skip


def sandbox() -> Iterator[Finding]:
    """Run two commands under limits: one that must end well, one that must be stopped."""
    try:
        with tempfile.TemporaryDirectory(prefix="whetstone-doctor-") as name:
            cwd = Path(name)
            fine = run([sys.executable, "-c", "print(1)"], cwd=cwd, limits=Limits(timeout_s=20))
            stopped = run([sys.executable, "-c", _SPIN], cwd=cwd, limits=Limits(timeout_s=0.5))
    except WhetstoneError as error:
        yield Finding(
            section="sandbox", name="limits", value="do not work", state="problem",
            advice=f"{error} Until then no test command is run.",
        )  # fmt: skip
        return
    if fine.passed and fine.stdout.strip() == "1" and stopped.timed_out:
        yield Finding(section="sandbox", name="limits", value="work: what runs too long is ended")
    else:
        why = "it was not stopped" if fine.passed else (fine.stderr.strip() or "it failed")[-200:]
        yield Finding(
            section="sandbox", name="limits", value=f"do not work: {why}", state="problem",
            advice="Leave `test.consent` off, and report this with the output of "
            "`whetstone doctor --json`.",
        )  # fmt: skip
    if available_level() == "full":
        yield Finding(section="sandbox", name="walls", value="no network, read-only file system")
    else:
        yield Finding(
            section="sandbox", name="walls", value="none here: tests run as you", state="advice",
            advice="Give `test.consent` only for code you trust. Linux with user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1) has walls.",
        )  # fmt: skip
