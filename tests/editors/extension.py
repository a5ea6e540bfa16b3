"""The VS Code extension of this checkout: its npm packages and its .vsix, made once by whoever asks
first. Several test processes may ask."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editor-clients/vscode"
# Whatever ends up in the .vsix or decides how it is built.
SOURCES = (
    *(EXTENSION / name for name in ("src", "scripts", "media", "README.md", "CHANGELOG.md")),
    *(EXTENSION / name for name in ("package.json", "package-lock.json", ".vscodeignore")),
    *(ROOT / name for name in ("whetstone", "lsp_server", "trainer", "export")),
    *(ROOT / name for name in ("pyproject.toml", "constraints.txt")),
)


def npm(*arguments: str) -> None:
    """Run npm in the extension's folder; fails with what it printed."""
    done = subprocess.run(
        ["npm", "--no-audit", "--no-fund", "--no-update-notifier", *arguments],
        cwd=EXTENSION,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def install_packages() -> None:
    """node_modules as the lock file has them."""
    lock = EXTENSION / "package-lock.json"
    with _unless_done(EXTENSION / "node_modules/.whetstone-stamp", [lock]) as needed:
        if needed:
            npm("ci", "--ignore-scripts")


def build() -> Path:
    """dist/whetstone.vsix, by the documented command."""
    install_packages()
    with _unless_done(EXTENSION / "dist/.whetstone-stamp", SOURCES) as needed:
        if needed:
            npm("run", "package")
    return EXTENSION / "dist/whetstone.vsix"


@contextmanager
def _unless_done(stamp: Path, sources: Iterable[Path]) -> Iterator[bool]:
    """Whether something has to be made from `sources`; noted in `stamp` when that went well."""
    with (EXTENSION / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _digest(sources)
        needed = not stamp.exists() or stamp.read_text() != wanted
        yield needed
        if needed:
            stamp.write_text(wanted)


def _digest(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
