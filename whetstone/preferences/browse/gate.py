"""Who may read: whoever has the secret of this run, asking for this very host and port."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Nothing is loaded from elsewhere and no script of a page runs: what is shown is untrusted code.
# datasette's own scripts are files of this server.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_REFUSED = b"Open the address that `whetstone prefs browse` printed.\n"


class Gate:
    """An ASGI application in front of another one."""

    def __init__(self, app: App, *, port: int, secret: str) -> None:
        self._app = app
        self._secret = secret
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}
        self._cookie = f"whetstone-{port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"host") not in self._hosts:  # another name for 127.0.0.1: DNS rebinding
            await _answer(send, 403, _REFUSED)
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"This is read-only.\n")
        elif self._knows(_cookie(headers, self._cookie)):
            await self._app(scope, receive, _guarded(send))
        elif self._knows(_token(scope)):
            cookie = f"{self._cookie}={self._secret}; Path=/; HttpOnly; SameSite=Lax".encode()
            place = scope.get("raw_path") or scope["path"].encode()
            # One slash: `//host` would be another machine.
            place = b"/" + place.split(b"?")[0].lstrip(b"/")
            await _answer(send, 303, b"", (b"location", place), (b"set-cookie", cookie))
        else:
            await _answer(send, 403, _REFUSED)

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._secret.encode())


def _cookie(headers: dict[bytes, bytes], name: str) -> str:
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(name)
    except CookieError:
        return ""
    return str(found.value) if found else ""


def _token(scope: Message) -> str:
    query: bytes = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get("token", [""])[0]


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in _HEADERS}
            kept = [each for each in message.get("headers", ()) if each[0].lower() not in ours]
            message = {**message, "headers": [*kept, *_HEADERS]}
        await send(message)

    return guarded


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    send = _guarded(send)
    plain = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": status, "headers": [plain, *headers]})
    await send({"type": "http.response.body", "body": body})
