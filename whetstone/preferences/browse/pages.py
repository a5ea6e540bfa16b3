"""Our pages inside datasette: an overview, suggestions, one suggestion, and pairs as diffs.

A datasette plugin, made for one store. Templates escape everything; nothing here is marked safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from datasette import Response, hookimpl

from whetstone.errors import StoreError
from whetstone.preferences.browse.chart import chart
from whetstone.preferences.browse.shown import pair_rows, unified, visible
from whetstone.preferences.outcome import TABLE, Outcome
from whetstone.preferences.records import Group
from whetstone.preferences.store import PreferenceStore
from whetstone.preferences.views import evidence_text, percent, when

_F = TypeVar("_F", bound=Callable[..., Any])
_hook: Callable[[_F], _F] = hookimpl
HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
_MOST = 200  # on one page; datasette's own pages show all


class Pages:
    """The plugin. Every page reads the store in a thread of its own."""

    def __init__(self, store: PreferenceStore) -> None:
        self._store = store
        self.__name__ = "whetstone.preferences.browse"  # datasette lists its plugins

    @_hook
    def register_routes(self) -> list[tuple[str, Callable[..., Any]]]:
        return [
            (r"^/$", self.overview),
            (r"^/suggestions$", self.suggestions),
            (r"^/suggestions/(?P<id>[0-9a-f]{1,64})$", self.suggestion),
            (r"^/pairs$", self.pairs),
            (r"^/style\.css$", self.style),
        ]

    @_hook
    def prepare_jinja2_environment(self, env: Any) -> None:
        env.filters |= {"visible": visible, "percent": percent, "when": when}

    @_hook
    def menu_links(self, datasette: Any) -> list[dict[str, str]]:
        return [{"href": "/", "label": "Whetstone's overview"}]

    @_hook
    def render_cell(self, value: Any) -> str | None:
        """In datasette's own tables; what is returned is escaped there."""
        if isinstance(value, str) and (shown := visible(value)) != value:
            return shown
        return None

    async def style(self) -> Any:
        css = (HERE / "style.css").read_text(encoding="utf-8")
        return Response(css, content_type="text/css; charset=utf-8")

    async def overview(self, datasette: Any, request: Any) -> Any:
        stats = await asyncio.to_thread(self._store.stats)
        tables = {
            "rule": ("code", _tops(stats.by_code)),
            "model": ("model", _tops(stats.by_model)),
        }
        context = {
            "stats": stats,
            "path": self._store.path,
            "chart": chart(stats.by_day),
            "tables": tables,
            "outcomes": TABLE,
        }
        return await _page(datasette, request, "overview", context)

    async def suggestions(self, datasette: Any, request: Any) -> Any:
        wanted = {name: request.args.get(name) for name in ("code", "model", "outcome")}
        outcome = wanted["outcome"]
        known = outcome in ("open", *map(str, Outcome))
        found = await asyncio.to_thread(
            self._store.suggestions,
            outcome=(outcome if outcome == "open" else Outcome(outcome)) if known else None,
            code=wanted["code"],
            model_id=wanted["model"],
            limit=_MOST,
        )
        context = {"found": found, "wanted": wanted, "most": _MOST}
        return await _page(datasette, request, "suggestions", context)

    async def suggestion(self, datasette: Any, request: Any) -> Any:
        try:
            detail = await asyncio.to_thread(self._store.get, request.url_vars["id"])
        except StoreError as error:
            return Response.text(f"{error}\n", status=404)
        if detail is None:
            return Response.text("There is no such suggestion.\n", status=404)
        context = {
            "detail": detail,
            "meaning": TABLE[detail.summary.outcome].meaning if detail.summary.outcome else "",
            "candidates": [
                (each, unified(each.diff), evidence_text(each.evidence))
                for each in detail.candidates
            ],
            "ranks": {each.id: each.rank + 1 for each in detail.candidates},
            "pairs": [(pair, pair_rows(pair)) for pair in detail.pairs],
        }
        return await _page(datasette, request, "suggestion", context)

    async def pairs(self, datasette: Any, request: Any) -> Any:
        source = request.args.get("source")
        stats = await asyncio.to_thread(self._store.stats)
        found = await asyncio.to_thread(
            self._store.pairs, kind="all", source=source, limit=_MOST, newest_first=True
        )
        context = {
            "pairs": [(pair, pair_rows(pair)) for pair in found],
            "sources": stats.sources,
            "source": source,
            "most": _MOST,
        }
        return await _page(datasette, request, "pairs", context)


async def _page(datasette: Any, request: Any, name: str, context: dict[str, Any]) -> Any:
    context = {"page": name, **context}
    return Response.html(await datasette.render_template(f"{name}.html", context, request=request))


def _tops(groups: tuple[Group, ...], most: int = 25) -> tuple[Group, ...]:
    """The groups with the most suggestions; they come sorted."""
    return groups[:most]
