"""Every test runs with the walls this machine allows, and again as where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from whetstone.sandbox.walls import Level, available_level


@pytest.fixture(params=["full", "none"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Level:
    chosen: Level = request.param
    if chosen == "full" and available_level() != "full":
        pytest.skip("this machine does not allow user namespaces")
    for module in ("process", "workspace"):
        monkeypatch.setattr(f"whetstone.sandbox.{module}.available_level", lambda: chosen)
    return chosen


@pytest.fixture
def walled(monkeypatch: pytest.MonkeyPatch) -> None:
    if available_level() != "full":
        pytest.skip("this machine does not allow user namespaces")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path
