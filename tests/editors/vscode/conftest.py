"""The packaged extension, and a workbench for each test in each version of VS Code."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import extension
import pytest
from workbench import Browser, Server, Workbench, playwright_version

VERSIONS = ("vscode-1.100.3", "vscode-1.139.1")


@pytest.fixture(scope="session")
def packages() -> None:
    """The extension's own npm packages."""
    if shutil.which("npm") is None:
        reason = "npm was not found; Node 20 or newer is needed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    extension.install_packages()


@pytest.fixture(scope="session")
def vsix(packages: None) -> Path:
    return extension.build()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def serve(version, editor, vsix, world, tmp_path) -> Iterator[Callable[..., Server]]:
    """`serve(settings)`: VS Code's server; with `options` for its command line."""
    started: list[Server] = []

    def begin(
        settings=None,
        *,
        environment=None,
        options=("--disable-workspace-trust",),
        user_settings=None,
    ) -> Server:
        server = Server(
            editor(version),
            vsix,
            tmp_path / f"vscode{len(started)}",
            environment or world.environment,
            settings or {},
            options,
            user_settings or {},
        )
        started.append(server)
        return server

    yield begin
    for each in started:
        each.stop()


@pytest.fixture
def workbench(editor, tmp_path) -> Iterator[Workbench]:
    """A window; how it looked at the end lies in the test's folder as end.png."""
    browser = Browser(editor(f"playwright-{playwright_version()}"), editor("chromium"))
    workbench = Workbench(browser)
    yield workbench
    if workbench.started and browser.running:
        workbench.picture(tmp_path / "end.png")
    browser.close()
