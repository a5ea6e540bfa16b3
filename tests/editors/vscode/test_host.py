"""Inside the real extension host: commands, candidates, toggles, tracebacks, and an orderly end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import story
from waiting import WAIT_S, until

HERE = Path(__file__).parent
FILES = {
    "sides.py": 'def join(left, lift):\n    """Both."""\n    return laft\n',
    "last.py": "def name(customer):\n    return custmer\n",
    "whetstone.toml": 'candidates = 1\nignore_codes = ["F541"]\n',
}


@pytest.fixture
def host(serve, workbench, world, tmp_path):
    """`host(suite, helper, place)`: the steps of a suite that passed, or its failure."""

    def run(suite, helper, place, settings, environment):
        result = tmp_path / "result.json"
        own = {"WHETSTONE_HOST_RESULT": str(result), "WHETSTONE_TEST_WAIT_S": str(WAIT_S)}
        server = serve(
            settings,
            environment=environment | own,
            # Without the driver, the newer versions leave extension tests alone.
            options=("--disable-workspace-trust", "--enable-smoke-test-driver"),
        )
        payload = {
            "extensionDevelopmentPath": server.remote(helper),
            "extensionTestsPath": server.remote(HERE / suite),
            "skipWelcome": "true",
        }
        workbench.start(server.url(place, payload))
        status = workbench.browser.ask("exit")
        assert result.exists(), (status, workbench.browser.ask("said"))
        told = json.loads(until("their result", result.read_text))
        assert told.get("failed") is None, told
        assert len(told["passed"]) == told["steps"]

    return run


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def test_in_the_extension_host(host, world, tmp_path):
    write(world.file.parent, FILES)
    # An extension to develop must be named; this one is nothing but a manifest.
    manifest = {"name": "helper", "publisher": "test", "version": "0.0.1"}
    manifest |= {"engines": {"vscode": "^1.90.0"}, "activationEvents": []}
    write(tmp_path / "helper", {"package.json": json.dumps(manifest)})
    settings = {"whetstone.server.command": [sys.executable, "-m", "lsp_server"]}
    host("host_suite.js", tmp_path / "helper", world.file.parent, settings, world.environment)

    # The fix of last.py stood, unsaved, when the first server was shut down.
    outcomes = {(code, outcome) for code, outcome, _ in story.stored(world.data)}
    assert ("F821", "reverted") in outcomes
    assert ("F821", "expired") in outcomes
