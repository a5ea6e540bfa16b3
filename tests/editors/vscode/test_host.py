"""Inside the real extension host: commands, candidates, toggles, tracebacks, several folders, the
interpreter of the Python extension, and an orderly end."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import story
from waiting import WAIT_S, until

from whetstone.preferences.store import PreferenceStore

HERE = Path(__file__).parent
FILES = {
    "all.py": "def name(customer):\n    if customer == None:\n        return\n    return custmer\n",
    "sides.py": 'def join(left, lift):\n    """Both."""\n    return laft\n',
    "last.py": "def name(customer):\n    return custmer\n",
    "whetstone.toml": 'candidates = 1\nignore_codes = ["F541"]\n',
}
SECOND = {
    "bills.py": "def bill(order):\n    if order == None:\n        return ordr\n    return order\n",
    "whetstone.toml": 'ignore_codes = ["E711"]\n',
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
    noted = 'echo $$ >> "$WHETSTONE_PIDS"; exec "$0" -m lsp_server'
    settings = {"whetstone.server.command": ["sh", "-c", noted, sys.executable]}
    own = world.environment | {"WHETSTONE_PIDS": str(tmp_path / "pids")}
    host("host_suite.js", tmp_path / "helper", world.file.parent, settings, own)

    # The fix of last.py stood, unsaved, when the first server was shut down.
    outcomes = {(code, outcome) for code, outcome, _ in story.stored(world.data)}
    assert ("F821", "reverted") in outcomes
    assert ("F821", "expired") in outcomes
    # "Fix all" in all.py was undone as a whole.
    with PreferenceStore.open(world.data / "preferences.db") as store:
        unread = [store.get(each.id) for each in store.suggestions() if each.file == "all.py"]
        assert sorted((each.summary.code, str(each.summary.outcome)) for each in unread) == [
            ("E711", "reverted"), ("F821", "reverted"),
        ]  # fmt: skip
        assert [pair.weight for each in unread for pair in each.pairs] == [0.25, 0.25]


def test_several_folders_and_the_active_interpreter(host, world, tmp_path):
    """No Python is on the PATH: only what the Python extension names can run the server.

    That extension cannot be had from npm, so python_stub stands in with the same interface.
    """
    write(tmp_path / "second", SECOND)
    folders = [{"path": "orders"}, {"path": "second"}, {"uri": "memory:/virtual"}]
    place = tmp_path / "shop.code-workspace"
    place.write_text(json.dumps({"folders": folders}), encoding="utf-8")
    write(tmp_path / "bin", {})
    for name in ("sh", "env", "dirname", "readlink"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    own = {"PATH": str(tmp_path / "bin"), "WHETSTONE_ACTIVE_PYTHON": sys.executable}
    host("folders_suite.js", HERE / "python_stub", place, {}, world.environment | own)
