"""`whetstone.traceback` and `whetstone.lastFailed`: from a failure that was seen to its line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_server import consent, leads
from lsp_server.features.guard import guarded
from lsp_server.features.progress import Progress
from lsp_server.server import WhetstoneServer

if TYPE_CHECKING:
    from whetstone.locate import Place
    from whetstone.settings import Settings

TRACEBACK, LAST_FAILED = "whetstone.traceback", "whetstone.lastFailed"
_MAX_FAILED = 5  # tests of the last run that are run again, until one fails
_CACHE = ".pytest_cache/v/cache/lastfailed"


def _none(reason: str) -> dict[str, Any]:
    return {"locations": [], "reason": reason}


def register(server: WhetstoneServer) -> None:
    @server.command(TRACEBACK)
    @guarded(lambda *_: _none("the server failed; see its log"))
    async def traceback(*arguments: Any) -> dict[str, Any]:
        """Where the failure in a text lies; fixes are prepared there."""
        asked = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        text = asked.get("text")
        if not isinstance(text, str) or not text.strip():
            return _none("there is no text to look at: select or copy a traceback first")
        found = await asyncio.to_thread(_places, text, _roots(server, asked), _globs(server))
        if not found:
            return _none("no line of this workspace stands in that text")
        return {"locations": await leads.lead(server, found)}

    @server.command(LAST_FAILED)
    @guarded(lambda *_: _none("the server failed; see its log"))
    async def last_failed(*arguments: Any) -> dict[str, Any]:
        """The first test that failed when pytest last ran here, run again and followed."""
        asked = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        roots = _roots(server, asked)
        if not roots:
            return _none("no folder is open")
        root = roots[0]
        settings = server.session.folders.settings(root)
        tests = await asyncio.to_thread(_last_failed, root)
        if not tests:
            return _none("pytest has not run in this folder, or nothing failed there last time")
        if await consent.ask(server, root, settings) == "no":
            return _none(consent.REFUSED)
        async with Progress(server, "running what failed last"):
            found = await _rerun(server, root, settings, tests)
        if found is None:
            return _none("the tests that failed last time pass now")
        return {"locations": await leads.lead(server, found)}


def _roots(server: WhetstoneServer, asked: dict[str, Any]) -> list[Path]:
    """The folders to look in, the one of the document that the user is in first."""
    document = server.session.documents.get(str(asked.get("uri", "")))
    first = server.session.root_of(document) if document is not None else None
    roots = [first] if first is not None else []
    return list(dict.fromkeys([*roots, *server.session.folders.roots]))


def _globs(server: WhetstoneServer) -> tuple[str, ...]:
    return server.session.settings.ignore_globs


def _places(text: str, roots: list[Path], globs: tuple[str, ...]) -> list[Place]:
    from whetstone.locate import Workspace, places

    found: list[Place] = []
    for root in roots:
        found += places(text, Workspace(root=root, ignore_globs=globs))
    return found


def _last_failed(root: Path) -> list[str]:
    """Node ids from pytest's own memory, for files that are there."""
    try:
        known = json.loads((root / _CACHE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    names = [name for name in known if isinstance(name, str)] if isinstance(known, dict) else []
    return [name for name in names if (root / name.split("::")[0]).is_file()][:_MAX_FAILED]


async def _rerun(
    server: WhetstoneServer, root: Path, settings: Settings, tests: list[str]
) -> list[Place] | None:
    """Where the first test that still fails leads to; None when all pass."""
    from whetstone.engine.base import Cancel
    from whetstone.errors import UsageError
    from whetstone.testing.repair import FailingTest

    cancel, texts = Cancel(), leads.texts(server, root)

    def work() -> list[Place] | None:
        for test in tests:
            failing = FailingTest(
                root=root, test=test, settings=settings, texts=texts, cancel=cancel
            )
            try:
                with failing:
                    baseline = failing.baseline()
            except UsageError:
                continue  # it is not there any more
            if not baseline.passed:
                return list(baseline.places)
        return None

    return await leads.cancellable(work, cancel)
