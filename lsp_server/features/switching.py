"""`whetstone.status`, `whetstone.disable`, `whetstone.enable`."""

from __future__ import annotations

from typing import Any

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

STATUS, DISABLE, ENABLE = "whetstone.status", "whetstone.disable", "whetstone.enable"


def register(server: WhetstoneServer) -> None:
    @server.command(STATUS)
    @guarded(lambda *_: None)
    def status(*arguments: Any) -> dict[str, Any]:
        """About a document, which the user is in from now on, or the one they were in last."""
        uri = _asked(arguments).get("uri")
        if not isinstance(uri, str):
            return server.board.status()
        server.board.looked_at(uri)
        return server.board.status(uri)

    @server.command(DISABLE)
    @guarded(lambda *_: {"disabled": False})
    def disable(*arguments: Any) -> dict[str, bool]:
        return {"disabled": _switch(server, _asked(arguments), off=True)}

    @server.command(ENABLE)
    @guarded(lambda *_: {"disabled": True})
    def enable(*arguments: Any) -> dict[str, bool]:
        return {"disabled": _switch(server, _asked(arguments), off=False)}


def _asked(arguments: tuple[Any, ...]) -> dict[str, Any]:
    return arguments[0] if arguments and isinstance(arguments[0], dict) else {}


def _switch(server: WhetstoneServer, asked: dict[str, Any], *, off: bool) -> bool:
    """Switch what is asked for; True when it is off afterwards."""
    switches = server.session.switches
    scope, uri, code = (asked.get(name) for name in ("scope", "uri", "code"))
    if scope == "workspace":
        switches.workspace = off
    elif scope == "file" and isinstance(uri, str):
        (switches.files.add if off else switches.files.discard)(uri)
    elif scope == "code" and isinstance(code, str) and code:
        (switches.codes.add if off else switches.codes.discard)(code)
    else:
        return False
    server.refresh_all()
    if isinstance(uri, str):  # the user is there, whatever else has changed by that
        server.board.looked_at(uri)
    return off
