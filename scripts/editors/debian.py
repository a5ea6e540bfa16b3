"""Programs out of Debian packages, unpacked into a folder: nothing is installed on the machine.

apt fetches a package of any suite with all that it needs, down to its own C library, from the
mirror that this machine uses already, and checks signatures as always. It works as any user.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
MIRROR = re.compile(r"https?://[^\s\]]+/debian/?(?=\s|$)")


class FetchError(Exception):
    """Something could not be had; the text says why."""


def mirror() -> str:
    """The Debian mirror in this machine's own sources, or WHETSTONE_DEBIAN_MIRROR."""
    if chosen := os.environ.get("WHETSTONE_DEBIAN_MIRROR"):
        return chosen
    for file in _source_files():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            found = None if line.lstrip().startswith("#") else MIRROR.search(line)
            if found:
                return found.group().rstrip("/")
    raise FetchError("no Debian mirror in /etc/apt; set WHETSTONE_DEBIAN_MIRROR to one")


def _source_files() -> Iterator[Path]:
    single, folder = SOURCES
    if single.is_file():
        yield single
    if folder.is_dir():
        yield from sorted([*folder.glob("*.list"), *folder.glob("*.sources")])


class Suite:
    """One suite of Debian, with an apt whose state is its own: nothing is installed there yet."""

    def __init__(self, name: str) -> None:
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise FetchError(f"{tool} was not found; this needs Debian or Ubuntu")
        if not KEYRING.is_file():
            raise FetchError(f"{KEYRING} was not found; install debian-archive-keyring")
        self._scratch = tempfile.TemporaryDirectory(prefix="whetstone-apt-")
        self._root = Path(self._scratch.name)
        self._options = _private_apt(self._root, name)
        self._lock = threading.Lock()
        _run(["apt-get", *self._options, "update"])

    def unpack(self, packages: Sequence[str], target: Path) -> str:
        """Put `packages`, and what they depend on, under `target`.

        Returns: the version of the first package.
        Raises: FetchError, with the last words of the program that failed.
        """
        target.mkdir(parents=True, exist_ok=True)
        with self._lock:
            archives = self._root / "cache/archives"
            for old in archives.glob("*.deb"):
                old.unlink()
            _run(["apt-get", *self._options, "-y", "--download-only", "install", *packages])
            found = sorted(archives.glob("*.deb"))
            for archive in found:
                _run(["dpkg-deb", "-x", str(archive), str(target)])
            return _version(found, packages[0])


def _private_apt(root: Path, suite: str) -> list[str]:
    for folder in ("lists/partial", "cache/archives/partial", "state", "empty"):
        (root / folder).mkdir(parents=True)
    (root / "state/status").touch()
    source = f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n"
    (root / "sources.list").write_text(source, encoding="utf-8")
    settings = {
        "Dir::Etc::sourcelist": root / "sources.list",
        "Dir::Etc::sourceparts": root / "empty",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": root / "empty",
        "Dir::State": root / "state",
        "Dir::State::lists": root / "lists",
        "Dir::State::status": root / "state/status",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "0",
        "APT::Keep-Downloaded-Packages": "1",
        "Debug::NoLocking": "1",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.strip().splitlines()[-6:])
        raise FetchError(f"{command[0]} failed:\n{last}")


def _version(archives: list[Path], package: str) -> str:
    name = next(path.name for path in archives if path.name.startswith(f"{package}_"))
    return name.split("_")[1].replace("%3a", ":")


LAUNCHER = """\
#!/bin/sh
# Written by scripts/editors/fetch.py: {name} {version}, with its own libraries.
root="{root}"
lib="$root/usr/lib/{triplet}"
{environment}exec "$lib/{loader}" --library-path "$lib{more}" "$root/{program}" {before}"$@"
"""


def launcher(
    *,
    name: str,
    version: str,
    root: Path,
    program: str,
    libraries: Sequence[str] = (),
    environment: Sequence[str] = (),
    before: str = "",
) -> str:
    """A script that runs a program of `root` with the libraries there, beside the machine's own.

    Args:
        libraries: more library folders, relative to the usual one.
        environment: assignments for the program, which may use $root and $lib.
        before: arguments that go before the user's.
    """
    loader = next(root.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"), None)
    if loader is None:
        raise FetchError(f"{name}: no dynamic loader among its packages")
    return LAUNCHER.format(
        name=name,
        version=version,
        root=root,
        triplet=loader.parent.name,
        loader=loader.name,
        environment="".join(f"export {each}\n" for each in environment),
        more="".join(f":$lib/{each}" for each in libraries),
        program=program,
        before=f"{before} " if before else "",
    )


def install(launcher: Path, script: str) -> None:
    """Write the program that starts an editor."""
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(script, encoding="utf-8")
    launcher.chmod(0o755)
