"""Inside the real extension host: commands, candidates, toggles, tracebacks, and an orderly end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import story
from waiting import until

SUITE = Path(__file__).with_name("host_suite.js")
FILES = {
    "sides.py": 'def join(left, lift):\n    """Both."""\n    return laft\n',
    "last.py": "def name(customer):\n    return custmer\n",
    "whetstone.toml": 'candidates = 1\nignore_codes = ["F541"]\n',
}


def test_in_the_extension_host(serve, workbench, world, tmp_path):
    for name, text in FILES.items():
        (world.file.parent / name).write_text(text, encoding="utf-8")
    result = tmp_path / "result.json"
    server = serve(
        {"whetstone.server.command": [sys.executable, "-m", "lsp_server"]},
        environment={**world.environment, "WHETSTONE_HOST_RESULT": str(result)},
        # Without the driver, the newer versions leave extension tests alone.
        options=("--disable-workspace-trust", "--enable-smoke-test-driver"),
    )
    # An extension to develop must be named; this one is nothing but a manifest.
    helper = tmp_path / "helper"
    helper.mkdir()
    manifest = {"name": "helper", "publisher": "test", "version": "0.0.1"}
    manifest |= {"engines": {"vscode": "^1.90.0"}, "activationEvents": []}
    (helper / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    payload = {
        "extensionDevelopmentPath": server.remote(helper),
        "extensionTestsPath": server.remote(SUITE),
        "skipWelcome": "true",
    }
    workbench.start(server.url(world.file.parent, payload))
    status = workbench.browser.ask("exit")
    assert result.exists(), (status, workbench.browser.ask("said"))
    told = json.loads(until("their result", result.read_text))
    assert told.get("failed") is None, told
    assert len(told["passed"]) == told["steps"]

    # The fix of last.py stood, unsaved, when the first server was shut down.
    outcomes = {(code, outcome) for code, outcome, _ in story.stored(world.data)}
    assert ("F821", "reverted") in outcomes
    assert ("F821", "expired") in outcomes
