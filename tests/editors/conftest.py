"""Real editors, fetched by `make editors`, each test with folders and a database of its own.

A missing editor skips its tests on a developer's machine, and fails them where CI=true.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import story
from waiting import WAIT_S

ROOT = Path(__file__).parents[2]
EDITORS = Path(os.environ.get("WHETSTONE_EDITORS") or Path.home() / ".cache/whetstone-editors")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-screenshots",
        action="store_true",
        help="write the pictures that the documentation shows to docs/images",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A limit for editors that hang; every wait inside has its own (waiting.py)."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(6 * WAIT_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where one test's editor lives.

    Attributes:
        file: the buggy file of the story, in a workspace of its own.
        data: WHETSTONE_DATA of the server.
        environment: scratch HOME and XDG folders; this checkout's `whetstone-lsp` on the PATH.
    """

    home: Path
    file: Path
    data: Path
    environment: dict[str, str]


@pytest.fixture
def world(tmp_path: Path, data_folder: Path) -> World:
    home = tmp_path / "home"
    for folder in (home / "run", home / "tmp"):
        folder.mkdir(parents=True)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("npm_", "XDG_", "WHETSTONE_", "NVIM", "VIM"))
    }
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "WHETSTONE_DATA": str(data_folder),
        "LC_ALL": "C.UTF-8",
        **story.ENVIRONMENT,
    }
    return World(
        home=home,
        file=story.write(tmp_path / "orders"),
        data=data_folder,
        environment=environment,
    )


def missing(what: str) -> None:
    """Leave a test whose editor is not there."""
    reason = f"{what}; `make editors` fetches the editors"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def editor() -> Callable[[str], str]:
    """The program that starts an editor: `editor("helix")`."""

    def find(name: str) -> str:
        launcher = EDITORS / "bin" / name
        if not launcher.exists():
            missing(f"{name} is not in {EDITORS}")
        return str(launcher)

    return find


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: docs/images with --update-screenshots, else a scratch folder."""
    if request.config.getoption("--update-screenshots"):
        return ROOT / "docs/images"
    return tmp_path
