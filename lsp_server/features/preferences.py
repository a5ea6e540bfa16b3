"""`whetstone.preferences`: what was suggested, chosen and stored, as text and as numbers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

if TYPE_CHECKING:
    from whetstone.preferences.records import Stats

PREFERENCES = "whetstone.preferences"
_WIDTH = 88
_NONE: dict[str, Any] = {
    "text": "Nothing has been stored yet.", "suggestions": 0, "pairs": 0, "byOutcome": {},
}  # fmt: skip


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.command(PREFERENCES)
    @guarded(lambda *_: {**_NONE, "text": "The choices cannot be read; see the server's log."})
    async def preferences(*_: Any) -> dict[str, Any]:
        """The text of `whetstone prefs stats`, and its main counts."""
        stats = await asyncio.wrap_future(
            session.recorder.read(session.settings, lambda store: store.stats(), None)
        )
        if stats is None:
            return _NONE
        return {
            "text": await asyncio.to_thread(_text, stats),
            "suggestions": stats.suggestions,
            "pairs": stats.triplets,
            "byOutcome": dict(stats.outcomes),
        }


def _text(stats: Stats) -> str:
    import io

    from rich.console import Console

    from whetstone.paths import preferences_path
    from whetstone.preferences.views import show_stats

    out = io.StringIO()
    show_stats(Console(file=out, width=_WIDTH), stats, preferences_path())
    return out.getvalue().rstrip()
