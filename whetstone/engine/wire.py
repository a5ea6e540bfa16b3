"""One JSON request to a model server that can be given up at any moment.

The request runs in a thread of its own, so that a cancel is obeyed while a name is looked up or a
connection is made as well as while the answer is awaited: the socket is shut down, which the
server notices, and the thread ends on its own.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from whetstone.engine.base import Cancel
from whetstone.errors import Cancelled, EngineError

_POLL_S = 0.02
_CONNECT_S = 10.0
_MAX_ANSWER = 32 << 20


class Unreachable(EngineError):
    """No connection, or one that broke before the answer was whole."""


class TimedOut(EngineError):
    """No answer within the time that `openai.timeout_s` allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes
    retry_after_s: float | None = None  # when the server says to come back, in seconds from now

    def json(self) -> dict[str, Any]:
        """The object in the body. Raises EngineError when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise EngineError(
                "The server's answer is not JSON. Check that openai.base_url is an "
                "OpenAI-compatible server's address, up to and including /v1."
            )
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # may carry the key
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float


def send(request: Request, cancel: Cancel | None = None) -> Answer:
    """The server's answer, whatever its status.

    Raises:
        Cancelled: `cancel` was set; the connection is closed.
        Unreachable: no connection, or a broken one.
        TimedOut: no answer in time.
        EngineError: the address cannot be spoken to at all (TLS).
    """
    if cancel is not None:
        cancel.raise_if_set()
    exchange = _Exchange(request)
    thread = threading.Thread(target=exchange.run, name="whetstone-openai", daemon=True)
    thread.start()
    while not exchange.done.wait(_POLL_S if cancel is not None else None):
        if cancel is not None and cancel.is_set():
            exchange.abandon()
            raise Cancelled
    if exchange.error is not None:
        raise _explained(exchange.error, request) from exchange.error
    assert exchange.answer is not None
    return exchange.answer


class _Exchange:
    """The blocking part, and the way to break it off from another thread."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.done = threading.Event()
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except (OSError, http.client.HTTPException) as error:
            self.error = error
        except ValueError as error:  # http.client's word for a header or address it refuses
            self.error = http.client.HTTPException(type(error).__name__)
        finally:
            self.done.set()

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            handle = None if self._connection is None else self._connection.sock
        if handle is not None:
            with contextlib.suppress(OSError):  # closed already
                handle.shutdown(socket.SHUT_RDWR)

    def _ask(self) -> Answer:
        request, parts = self.request, urlsplit(self.request.url)
        connection = _connection(parts)
        with contextlib.closing(connection):
            connection.connect()
            with self._lock:
                self._connection = connection
                if self._abandoned:
                    raise ConnectionAbortedError
            connection.sock.settimeout(request.timeout_s)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, target, request.body, dict(request.headers))
            response = connection.getresponse()
            body = response.read(_MAX_ANSWER + 1)
            if len(body) > _MAX_ANSWER:
                raise http.client.HTTPException("the answer is too long")
            after = _seconds(response.headers.get("Retry-After"))
            return Answer(status=response.status, body=body, retry_after_s=after)


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=_CONNECT_S, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=_CONNECT_S)


def _seconds(header: str | None) -> float | None:
    """What `Retry-After` says: a number of seconds, or a date."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - time.time())


def _explained(error: Exception, request: Request) -> EngineError:
    parts = urlsplit(request.url)
    where = f"{parts.scheme}://{parts.netloc}"
    if isinstance(error, TimeoutError):
        return TimedOut(
            f"{where}: no answer within {request.timeout_s:g} s. Is the server busy or loading its "
            "model? `openai.timeout_s` sets the limit."
        )
    if isinstance(error, ssl.SSLError):
        return EngineError(
            f"{where}: no secure connection ({error.reason or 'TLS'}). Check openai.base_url: a "
            "server on this machine usually speaks http."
        )
    if isinstance(error, (ConnectionRefusedError, socket.gaierror)):
        what = "nobody answers there" if isinstance(error, OSError) else str(error)
        return Unreachable(f"{where}: {what}. Start the server, or set openai.base_url.")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unreachable(f"{where}: the connection broke ({reason}). Look into the server's log.")
