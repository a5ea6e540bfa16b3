"""Serves the store with datasette on loopback until it is stopped."""

from __future__ import annotations

import asyncio
import html
import os
import secrets
import signal
import socket
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whetstone.errors import UsageError
from whetstone.preferences.browse.gate import Gate
from whetstone.preferences.store import PreferenceStore

DATABASE = "preferences"
_METADATA = {
    "title": "Whetstone: preferences",
    "databases": {
        DATABASE: {
            "tables": {
                "suggestions": {
                    "sort_desc": "created_at",
                    "facets": ["code", "model_id", "client"],
                },
                "problems": {"label_column": "id"},
                "outcomes": {"sort_desc": "at", "facets": ["outcome"]},
                "pairs": {"sort_desc": "id", "facets": ["source", "model_id"]},
                "events": {"sort_desc": "id", "facets": ["kind"]},
            },
            "queries": {
                "by_rule_outcome_and_model": {
                    "sql": "SELECT code, outcome, model_id, sum(count) AS suggestions FROM tallies "
                    "WHERE outcome != '' GROUP BY 1, 2, 3 ORDER BY 4 DESC",
                    "title": "Suggestions by rule, outcome and model",
                }
            },
        }
    },
}


def serve(
    store: PreferenceStore, *, port: int, open_browser: bool, say: Callable[[str], None]
) -> None:
    """Serve until ctrl-C or SIGTERM.

    Args:
        port: 0 takes a free one.
        say: tells the user the address.

    Raises:
        UsageError: datasette is not installed, or the port is taken.
    """
    try:
        import uvicorn
        from datasette.app import Datasette
        from datasette.plugins import pm

        from whetstone.preferences.browse.pages import TEMPLATES, Pages
    except ImportError as error:
        raise UsageError(
            f"Browsing needs datasette, which is not installed ({error}). "
            "Install it with: pip install 'whetstone-fix[browse]'"
        ) from error

    async def run(listener: socket.socket, secret: str) -> None:
        # Opened as any reader: beside writers, with mode=ro, never as immutable.
        datasette = Datasette(
            [str(store.path)],
            metadata=_METADATA,
            template_dir=str(TEMPLATES),
            settings={"allow_download": False, "default_cache_ttl": 0},
        )
        await datasette.invoke_startup()
        gate: Any = Gate(datasette.app(), port=listener.getsockname()[1], secret=secret)
        config = uvicorn.Config(
            gate, log_level="warning", access_log=False, server_header=False, lifespan="on"
        )
        await uvicorn.Server(config).serve(sockets=[listener])

    pages = Pages(store)
    listener = _listen(port)
    secret = secrets.token_urlsafe(32)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={secret}"
    pm.register(pages)
    try:
        with listener, _stopped_by_sigterm(), _door(store.path.parent, url) as door:
            say(f"Preferences: {url}")
            say("Read-only, and only for who has this address. Ctrl-C ends it.")
            if open_browser:
                webbrowser.open(door.as_uri())
            asyncio.run(run(listener, secret))
    except KeyboardInterrupt:
        pass
    finally:
        pm.unregister(pages)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"--port {port}: cannot listen there ({error.strerror}). Leave --port out to take a "
            "free one."
        ) from error
    return listener


@contextmanager
def _door(folder: Path, url: str) -> Iterator[Path]:
    """A page, readable by its owner alone, that leads to `url`.

    The browser is started with this page: its command line can be read by every user.
    """
    path = folder / f"browse-{os.getpid()}.html"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        address = html.escape(url)
        file.write(
            f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">'
            f'<title>Whetstone</title><a href="{address}">Preferences</a>\n'
        )
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """As ctrl-C does, so that nothing is left behind."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
