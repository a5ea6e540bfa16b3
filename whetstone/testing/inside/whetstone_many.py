"""A pytest plugin: many versions of one file against the same tests, in one pytest.

Told by WHETSTONE_MANY, a JSON file: `path` of the file, its `texts`, `timeout_s` for each and
`total_s` for all. When pytest has read its options and plugins and nothing of the project yet, a
process is forked for each version, which goes on as if it were alone. `results` is a JSON file for
their exit statuses, in their order: null for one that took too long or came too late, and no list
where there can be no other version: the project's conftest had imported the file already, or xdist
runs the tests.

Linux and macOS only: other systems have no fork.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from whetstone_forked import ended  # type: ignore[import-not-found,unused-ignore]

# Taken out of the environment: a pytest that the tests start is none of our business.
_many = os.environ.pop("WHETSTONE_MANY", "")
if os.environ.get("PYTEST_PLUGINS") == "whetstone_many":
    del os.environ["PYTEST_PLUGINS"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """In a version's own process this returns, and its tests are collected and run."""
    if not _many:
        return
    asked: dict[str, Any] = json.loads(Path(_many).read_text(encoding="utf-8"))
    file = Path(asked["path"])
    found: list[int | None] | None = None
    distributed = session.config.pluginmanager.hasplugin("dsession")  # xdist has begun its workers
    if not distributed and not _imported(file):
        before = file.read_bytes()
        found = []
        gc.freeze()  # pytest collects garbage again and again at its end: not what is shared here
        end = time.monotonic() + asked["total_s"]
        for text in asked["texts"]:
            if time.monotonic() > end:
                found.append(None)
                continue
            child = os.fork()
            if child == 0:
                os.setsid()
                file.write_bytes(text.encode("utf-8", "surrogatepass"))
                return
            found.append(ended(child, time.monotonic() + asked["timeout_s"]))
        file.write_bytes(before)
    Path(asked["results"]).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


def _imported(file: Path) -> bool:
    names = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return any(name and os.path.realpath(name) == os.path.realpath(file) for name in names)
