"""The extension without an editor: types, style, units, settings, and what is in the package."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
from extension import EXTENSION, ROOT, npm


def test_types_and_style(packages):
    npm("run", "check")


def test_units(packages):
    npm("test")


def test_the_settings_page_is_the_servers_own_table():
    command = [sys.executable, str(ROOT / "scripts/editors/vscode_settings.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_holds_what_runs_and_nothing_else(vsix):
    with zipfile.ZipFile(vsix) as package:
        names = {name.removeprefix("extension/") for name in package.namelist()}
        texts = {name for name in names if name.startswith(("src/", "test/", "node_modules/"))}
    assert {
        "dist/extension.js",
        "package.json",
        "media/icon.png",
        "server/constraints.txt",
    } <= names
    assert len([name for name in names if name.startswith("server/whetstone_fix-")]) == 1
    assert not texts
    assert len(names) < 25


@pytest.mark.parametrize("folder", [EXTENSION, ROOT / "tests/editors/vscode"])
def test_locks_pin_every_package_and_name_no_registry(folder):
    text = (folder / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert "resolved" not in text and "https://registry" not in text
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_what_a_workspace_may_not_set_is_the_users_alone():
    """VS Code itself ignores the values of a workspace for settings of the machine."""
    package = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    [section] = package["contributes"]["configuration"]
    scopes = {name: entry["scope"] for name, entry in section["properties"].items()}
    for name in ("server.command", "server.python", "model", "openai.base_url", "test.consent"):
        assert scopes[f"whetstone.{name}"] == "machine", name
    trust = package["capabilities"]["untrustedWorkspaces"]
    assert trust["restrictedConfigurations"] == ["whetstone.test.command"]
