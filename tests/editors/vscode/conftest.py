"""The packaged extension, and a workbench for each test in each version of VS Code."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workbench import Browser, Server, Workbench, playwright_version

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editor-clients/vscode"
VERSIONS = ("vscode-1.100.3", "vscode-1.139.1")
# Whatever ends up in the .vsix or decides how it is built.
SOURCES = (
    *("editor-clients/vscode/" + name for name in ("src", "scripts", "media", "package.json")),
    *(
        "editor-clients/vscode/" + name
        for name in ("package-lock.json", "README.md", "tsconfig.json")
    ),
    *("whetstone", "lsp_server", "trainer", "export", "pyproject.toml", "constraints.txt"),
)


def npm(*arguments: str) -> str:
    """Run npm in the extension's folder; fails with what it printed."""
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        ["npm", "--no-audit", "--no-fund", "--no-update-notifier", *arguments],
        cwd=EXTENSION,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _digest() -> str:
    digest = hashlib.sha256()
    for name in SOURCES:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The extension's own npm packages, as its lock file has them. Several workers may ask."""
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("npm was not found; Node 20 or newer is needed")
        pytest.skip("npm was not found; Node 20 or newer is needed")
    with (EXTENSION / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = EXTENSION / "node_modules/.whetstone-stamp"
        wanted = hashlib.sha256((EXTENSION / "package-lock.json").read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            npm("ci", "--ignore-scripts")
            stamp.write_text(wanted)
    yield


@pytest.fixture(scope="session")
def vsix(packages: None) -> Path:
    """dist/whetstone.vsix, built by the documented command unless nothing changed since."""
    built = EXTENSION / "dist/whetstone.vsix"
    stamp = built.with_suffix(".digest")
    with (EXTENSION / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _digest()
        if not built.exists() or not stamp.exists() or stamp.read_text() != wanted:
            npm("run", "package")
            stamp.write_text(wanted)
    return built


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def serve(version, editor, vsix, world, tmp_path) -> Iterator[Callable[..., Server]]:
    """`serve(settings)`: VS Code's server; with `options` for its command line."""
    started: list[Server] = []

    def begin(settings=None, *, environment=None, options=("--disable-workspace-trust",)) -> Server:
        server = Server(
            editor(version),
            vsix,
            tmp_path / f"vscode{len(started)}",
            environment or world.environment,
            settings or {},
            options,
        )
        started.append(server)
        return server

    yield begin
    for each in started:
        each.stop()


@pytest.fixture
def workbench(editor, tmp_path) -> Iterator[Workbench]:
    """A window; how it looked at the end lies in the test's folder as end.png."""
    node, chromium = editor(f"playwright-{playwright_version()}"), editor("chromium")
    browser = Browser(node, chromium)
    workbench = Workbench(browser)
    yield workbench
    if workbench.started:
        workbench.picture(tmp_path / "end.png")
    browser.close()
