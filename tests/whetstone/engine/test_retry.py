"""A server that comes and goes: retried, then left alone, then found again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from whetstone.engine import retry
from whetstone.engine.base import Cancel
from whetstone.engine.retry import Patience, ServerAway
from whetstone.engine.wire import Request, TimedOut, Unreachable
from whetstone.errors import Cancelled

Step = tuple[int, dict[str, str]]  # status and headers


class _Server:
    """Answers with the steps one after the other; the last one stays."""

    def __init__(self, steps: list[Step], port: int = 0) -> None:
        self.steps, self.asked, outer = steps, 0, self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                status, headers = outer.steps[min(outer.asked, len(outer.steps) - 1)]
                outer.asked += 1
                if status == 0:  # break the connection
                    self.connection.close()
                    return
                if status == 1:  # stay silent
                    time.sleep(5)
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    @property
    def request(self) -> Request:
        url = f"http://127.0.0.1:{self.http.server_port}/v1/models"
        return Request(method="GET", url=url, headers={}, timeout_s=2.0)

    def stop(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def patient() -> Patience:
    return Patience(lambda answer: f"busy with {answer.status}")


@pytest.fixture
def serve() -> Iterator[Callable[..., _Server]]:
    running: list[_Server] = []

    def start(*steps: Step, port: int = 0) -> _Server:
        running.append(_Server(list(steps), port))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr(retry, "_AWAY_S", (0.3, 0.6))


@pytest.mark.parametrize("failure", [0, 429, 502, 503, 504])
def test_a_failure_that_passes_is_not_noticed(serve: Callable[..., _Server], failure: int) -> None:
    server = serve((failure, {}), (failure, {}), (200, {}))
    patience = patient()
    assert patience.send(server.request).status == 200
    assert server.asked == 3 and patience.away == ""


def test_the_server_names_the_pause(serve: Callable[..., _Server]) -> None:
    server = serve((429, {"Retry-After": "1"}), (200, {}))
    begin = time.monotonic()
    assert patient().send(server.request).status == 200
    assert time.monotonic() - begin > 0.7


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_other_answers_are_not_asked_for_again(serve: Callable[..., _Server], status: int) -> None:
    server = serve((status, {}))
    patience = patient()
    assert patience.send(server.request).status == status
    assert server.asked == 1 and patience.away == ""


def test_away_is_one_message_and_no_request_until_the_next_try(
    serve: Callable[..., _Server],
) -> None:
    server = serve((0, {}))
    patience = patient()
    with pytest.raises(Unreachable) as first:
        patience.send(server.request)
    assert server.asked == 3
    for _ in range(3):
        with pytest.raises(ServerAway) as later:
            patience.send(server.request)
        assert str(later.value) == str(first.value) == patience.away
    assert server.asked == 3


def test_it_recovers_by_itself(serve: Callable[..., _Server]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    request = Request(
        method="GET", url=f"http://127.0.0.1:{port}/v1/models", headers={}, timeout_s=1
    )
    patience = patient()
    with pytest.raises(Unreachable, match="nobody answers there"):
        patience.send(request)
    serve((200, {}), port=port)
    with pytest.raises(ServerAway):
        patience.send(request)
    time.sleep(0.35)
    assert patience.send(request).status == 200
    assert patience.away == ""
    assert patience.send(request).status == 200


def test_a_server_that_wants_a_long_rest_gets_it(serve: Callable[..., _Server]) -> None:
    server = serve((503, {"Retry-After": "120"}), (200, {}))
    patience = patient()
    assert patience.send(server.request).status == 503
    time.sleep(0.4)  # longer than it would be left alone otherwise
    with pytest.raises(ServerAway, match="busy with 503"):
        patience.send(server.request)
    assert server.asked == 1


def test_a_timeout_is_not_tried_again(serve: Callable[..., _Server]) -> None:
    server = serve((1, {}))
    patience = patient()
    with pytest.raises(TimedOut):
        patience.send(server.request)
    assert server.asked == 1 and "no answer within" in patience.away


def test_a_pause_ends_when_it_is_cancelled(
    serve: Callable[..., _Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_PAUSES_S", (60.0, 60.0))
    server = serve((503, {}))
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        patient().send(server.request, Cancel(timeout_s=0.2))
    assert time.monotonic() - begin < 50


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), (" 12 ", 12, 12), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("soon", None, None),
     ("-5", None, None)],
)  # fmt: skip
def test_what_retry_after_may_say(
    serve: Callable[..., _Server], header: str, low: float | None, high: float | None
) -> None:
    from whetstone.engine.wire import send

    answer = send(serve((503, {"Retry-After": header})).request)
    assert (low is None) == (answer.retry_after_s is None)
    if low is not None and high is not None and answer.retry_after_s is not None:
        assert low <= answer.retry_after_s <= high
