"""Against a real HTTP server on this machine that behaves like llama-server, vLLM or Ollama."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from whetstone.engine.base import Cancel, Engine, PromptTooLong
from whetstone.engine.openai import OpenAIEngine
from whetstone.errors import Cancelled, EngineError
from whetstone.fixer import Fixer
from whetstone.problem import Document, Problem
from whetstone.prompt import Prompt, render
from whetstone.settings import OpenAISettings, Settings

Reply = tuple[int, Any]
ANSWER = "REPLACE\n```python\nx = 1\n```"


@dataclass
class Server:
    """Answers by path; what it was asked, and whether clients hung up on it."""

    routes: dict[str, Callable[[dict[str, Any]], Reply]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    delay_s: float = 0.0
    url: str = ""

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [body for where, body, _ in self.seen if where == path]


class _Handler(BaseHTTPRequestHandler):
    server_state: Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        state = self.server_state
        path = self.path.removeprefix("/v1")
        state.seen.append((path, body, {k.lower(): v for k, v in self.headers.items()}))
        end = time.monotonic() + (state.delay_s if body else 0)
        while time.monotonic() < end:
            self.connection.settimeout(0.01)
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    state.hung_up.set()
                    return
            except TimeoutError:
                continue
        route = state.routes.get(path)
        status, value = (404, {"error": {"message": "no route"}}) if not route else route(body)
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _models(owner: str = "vllm") -> Callable[[dict[str, Any]], Reply]:
    return lambda _: (200, {"data": [{"id": "coder", "owned_by": owner}, {"id": "other"}]})


def _legacy(text: str, values: list[float]) -> dict[str, Any]:
    tokens = [str(number) for number in range(len(values))]
    return {"text": text, "finish_reason": "stop",
            "logprobs": {"tokens": tokens, "token_logprobs": values}}  # fmt: skip


def _vllm(body: dict[str, Any]) -> Reply:
    """Honours `n` and `echo`; the tokens of an echoed text are its characters."""
    if body.get("echo"):
        tokens = [*body["prompt"], "!"]
        values = [None, *(-0.5 for _ in tokens[1:])]
        logprobs = {"tokens": tokens, "token_logprobs": values}
        return 200, {"choices": [{"text": "".join(tokens), "logprobs": logprobs}]}
    texts = _texts(body)
    return 200, {"choices": [_legacy(text, [-0.25, -0.5]) for text in texts]}


def _texts(body: dict[str, Any]) -> list[str]:
    """The greedy answer has number 0, the sampled ones go on from 1."""
    first = 1 if body["temperature"] else 0
    return [f"{ANSWER}{first + i}" for i in range(body.get("n", 1))]


def _llama_server(body: dict[str, Any]) -> Reply:
    """One answer per request, and the chat shape of log-probabilities, `echo` ignored."""
    content = [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -2.0}]
    text = f"{ANSWER} {body.get('seed')}"
    return 200, {"choices": [{"text": text, "logprobs": {"content": content}}]}


def _chat(body: dict[str, Any]) -> Reply:
    texts = _texts(body)
    choices = [
        {"message": {"role": "assistant", "content": text}, "finish_reason": "length"}
        for text in texts
    ]
    return 200, {"choices": choices, "usage": {"completion_tokens": 7 * len(texts)}}


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    http = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"server_state": state})
    )
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    state.routes = {"/models": _models(), "/completions": _vllm, "/chat/completions": _chat}
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def _settings(server: Server, **changes: Any) -> Settings:
    return Settings(openai=OpenAISettings(base_url=server.url, **changes))


def _engine(server: Server, **changes: Any) -> OpenAIEngine:
    return OpenAIEngine(_settings(server, **changes))


@pytest.fixture
def prompt(problem_in: Callable[[str], tuple[Document, Problem]]) -> Prompt:
    return render(problem_in("value = 1\nprint(valu)\n")[1], "chat")


def test_it_is_an_engine(server: Server) -> None:
    engine: Engine = _engine(server)
    assert engine.model_id == f"coder@{server.url.removeprefix('http://').removesuffix('/v1')}"
    assert engine.prompt_format == "chat"
    engine.close()


def test_greedy_first_then_the_others_in_one_request(server: Server, prompt: Prompt) -> None:
    found = list(_engine(server).generate(prompt, n=4, max_tokens=50, temperature=0.7, seed=3))
    assert [(item.text, item.logprob, item.tokens) for item in found] == [
        (f"{ANSWER}{i}", -0.75, 2) for i in range(4)
    ]
    greedy, sampled = server.asked("/completions")
    assert (greedy["temperature"], greedy.get("n"), greedy["max_tokens"]) == (0.0, None, 50)
    assert (sampled["temperature"], sampled["n"], sampled["seed"]) == (0.7, 3, 3)
    assert greedy["prompt"] == prompt.text
    assert greedy["stop"] == ["<|im_end|>"]
    assert greedy["model"] == "coder"


@pytest.mark.parametrize(("n", "requests"), [(0, 0), (1, 1), (2, 2)])
def test_no_more_is_asked_than_wanted(
    server: Server, prompt: Prompt, n: int, requests: int
) -> None:
    assert len(list(_engine(server).generate(prompt, n=n, max_tokens=5))) == n
    assert len(server.asked("/completions")) == requests


def test_a_server_that_ignores_n_is_asked_again_with_other_seeds(
    server: Server, prompt: Prompt
) -> None:
    server.routes["/completions"] = _llama_server
    engine = _engine(server)
    found = list(engine.generate(prompt, n=4, max_tokens=5, seed=10))
    assert [item.text[len(ANSWER) + 1 :] for item in found] == ["None", "10", "11", "12"]
    assert {(item.logprob, item.tokens) for item in found} == {(-3.0, 2)}
    list(engine.generate(prompt, n=3, max_tokens=5))
    assert "n" not in server.asked("/completions")[-1]


def test_without_completions_the_turns_go_to_chat(server: Server, prompt: Prompt) -> None:
    del server.routes["/completions"]
    found = list(_engine(server).generate(prompt, n=3, max_tokens=5))
    assert len(found) == 3
    assert all(math.isnan(item.logprob) and item.tokens == 7 for item in found)
    assert {item.finish for item in found} == {"length"}
    assert len(server.asked("/completions")) == 1  # asked once, and never again
    body = server.asked("/chat/completions")[0]
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    whole = "".join(
        f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in body["messages"]
    )
    assert whole + "<|im_start|>assistant\n" == prompt.text


def test_ollama_is_spoken_to_by_chat(server: Server, prompt: Prompt) -> None:
    server.routes["/models"] = _models("library")
    engine = _engine(server)
    assert next(iter(engine.generate(prompt, n=1, max_tokens=5))).text == ANSWER + "0"
    assert engine.score(prompt, "x") is None
    assert server.asked("/completions") == []


def test_parameters_that_are_refused_are_left_out(server: Server, prompt: Prompt) -> None:
    def picky(body: dict[str, Any]) -> Reply:
        for name in ("logprobs", "seed", "max_tokens"):
            if name in body:
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'"}}
        return _vllm(body)

    server.routes["/completions"] = picky
    engine = _engine(server)
    assert len(list(engine.generate(prompt, n=3, max_tokens=5))) == 3
    before = len(server.seen)
    assert len(list(engine.generate(prompt, n=3, max_tokens=5))) == 3
    assert len(server.seen) == before + 2  # learnt
    assert server.asked("/completions")[-1]["max_completion_tokens"] == 5


def test_equal_answers_come_once_and_keep_their_place(server: Server, prompt: Prompt) -> None:
    def sure(body: dict[str, Any]) -> Reply:
        texts = [ANSWER, "other", ANSWER][: body.get("n", 1)]
        return 200, {"choices": [_legacy(text, [-0.5]) for text in texts]}

    server.routes["/completions"] = sure
    found = list(_engine(server).generate(prompt, n=4, max_tokens=5))
    assert [(item.text, item.number) for item in found] == [(ANSWER, 0), ("other", 2)]


# -- likelihood -------------------------------------------------------------------------------


def test_score_sums_over_the_answer_and_its_end(server: Server, prompt: Prompt) -> None:
    score = _engine(server).score(prompt, "abc")
    assert score is not None
    assert score.tokens == len("abc<|im_end|>")
    assert score.logprob == pytest.approx(-0.5 * score.tokens)


def test_score_is_none_where_echo_is_ignored_and_is_not_asked_again(
    server: Server, prompt: Prompt
) -> None:
    server.routes["/completions"] = _llama_server
    engine = _engine(server)
    assert engine.score(prompt, "abc") is None
    assert engine.score(prompt, "abc") is None
    assert len(server.asked("/completions")) == 1


def test_score_is_none_when_tokens_reach_over_the_border(server: Server, prompt: Prompt) -> None:
    def coarse(body: dict[str, Any]) -> Reply:
        return 200, {"choices": [{"text": body["prompt"], "logprobs": {
            "tokens": [body["prompt"]], "token_logprobs": [-1.0]}}]}  # fmt: skip

    server.routes["/completions"] = coarse
    assert _engine(server).score(prompt, "abc") is None


# -- cancelling -------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["generate", "score"])
def test_cancel_closes_the_connection_within_200_ms(
    server: Server, prompt: Prompt, call: str
) -> None:
    server.delay_s = 60
    engine, cancel = _engine(server), Cancel()
    when: list[float] = []

    def stop() -> None:
        when.append(time.monotonic())
        cancel.set()

    threading.Timer(0.15, stop).start()
    with pytest.raises(Cancelled):
        if call == "score":
            engine.score(prompt, "abc", cancel=cancel)
        else:
            list(engine.generate(prompt, n=2, max_tokens=5, cancel=cancel))
    assert time.monotonic() - when[0] < 50  # 200 ms when idle
    assert server.hung_up.wait(30)


def test_cancel_while_connecting(prompt: Prompt, server: Server) -> None:
    """A listener whose queue is full neither accepts nor refuses."""
    engine = _engine(server)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        engine._base = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        start = time.monotonic()
        with pytest.raises(Cancelled):
            list(engine.generate(prompt, n=1, max_tokens=5, cancel=Cancel(timeout_s=0.1)))
        assert time.monotonic() - start < 50


def test_a_cancel_that_is_set_sends_nothing(server: Server, prompt: Prompt) -> None:
    engine, cancel = _engine(server), Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        list(engine.generate(prompt, n=1, max_tokens=5, cancel=cancel))
    assert server.asked("/completions") == []


# -- errors -----------------------------------------------------------------------------------


def test_nobody_there_says_what_to_do() -> None:
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:9: .*Start the server"):
        OpenAIEngine(Settings(openai=OpenAISettings(base_url="http://127.0.0.1:9/v1")))


def test_a_server_that_goes_away_gives_one_message(server: Server, prompt: Prompt) -> None:
    engine = _engine(server)
    server.routes["/completions"] = lambda _: (503, {"error": {"message": "Loading model"}})
    messages = set()
    for _ in range(3):
        with pytest.raises(EngineError) as caught:
            list(engine.generate(prompt, n=2, max_tokens=5))
        messages.add(str(caught.value))
    assert len(messages) == 1 and "503: Loading model" in messages.pop()
    assert engine.away
    assert len(server.asked("/completions")) == 3  # the tries of the first request alone


def test_tls_to_a_plain_server_is_explained(server: Server) -> None:
    with pytest.raises(EngineError, match="speaks http"):
        _engine(Server(url=server.url.replace("http:", "https:")))


def test_no_answer_in_time(server: Server, prompt: Prompt) -> None:
    engine = _engine(server, timeout_s=0.2)
    server.delay_s = 5
    with pytest.raises(EngineError, match=r"no answer within 0\.2 s.*timeout_s"):
        list(engine.generate(prompt, n=1, max_tokens=5))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((500, {"error": {"message": "out of\x1b[2J memory"}}), r"500: out of \[2J memory\. .*log"),
        ((503, {"error": {"message": "Loading model"}}), "503: Loading model"),
        ((429, b"slow down"), "429: slow down"),
        ((301, b""), "redirects"),
        ((404, {"error": "no such model"}), "404: no such model|no choices|redirects"),
        ((418, b""), "418: nothing more"),
        ((200, b"<html>"), "not JSON"),
        ((200, [1]), "not JSON"),
        ((200, {"choices": None}), "no choices"),
        ((200, {"choices": ["x"]}), "no choices"),
    ],
)
def test_what_a_server_may_say(server: Server, prompt: Prompt, reply: Reply, words: str) -> None:
    server.routes["/completions"] = server.routes["/chat/completions"] = lambda _: reply
    with pytest.raises(EngineError, match=words) as caught:
        list(_engine(server).generate(prompt, n=1, max_tokens=5))
    assert not isinstance(caught.value, PromptTooLong)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        "the request exceeds the available context size, try increasing it",
    ],
)
def test_a_prompt_that_does_not_fit(server: Server, prompt: Prompt, message: str) -> None:
    server.routes["/completions"] = lambda _: (400, {"error": {"message": message}})
    engine = _engine(server)
    with pytest.raises(PromptTooLong):
        list(engine.generate(prompt, n=1, max_tokens=5))
    with pytest.raises(PromptTooLong):
        engine.score(prompt, "abc")


def test_strange_choices_are_survived(server: Server, prompt: Prompt) -> None:
    odd: list[dict[str, Any]] = [
        {"text": None},
        {"message": {"content": None}},
        {"text": "a", "logprobs": {"tokens": ["a"], "token_logprobs": []}},
        {"text": "a", "logprobs": {"tokens": ["a"], "token_logprobs": [None]}},
        {"text": "a", "logprobs": {"content": [{"token": "a", "logprob": "x"}]}},
        {"text": "a", "logprobs": []},
    ]
    for choice in odd:
        server.routes["/completions"] = lambda _, choice=choice: (200, {"choices": [choice]})
        (found,) = _engine(server).generate(prompt, n=1, max_tokens=5)
        assert math.isnan(found.logprob)


def test_models(server: Server) -> None:
    assert _engine(server, model="other").model_id.startswith("other@")
    with pytest.raises(EngineError, match=r"no model 'none'.*coder, other"):
        _engine(server, model="none")
    server.routes["/models"] = lambda _: (200, {"data": []})
    with pytest.raises(EngineError, match="has no model"):
        _engine(server)
    del server.routes["/models"]
    assert _engine(server, model="mine").model_id.startswith("mine@")
    with pytest.raises(EngineError, match="404"):
        _engine(server)


# -- the key ----------------------------------------------------------------------------------


def test_the_key_is_sent_and_never_shown(
    server: Server, prompt: Prompt, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", "sk-secret-42")
    engine = _engine(server, key_env="MY_KEY")
    assert {headers.get("authorization") for *_, headers in server.seen} == {"Bearer sk-secret-42"}
    padding = "x" * 266  # the key reaches over the end of what is repeated
    wrong = (401, {"error": {"message": f"{padding} Incorrect API key provided: sk-secret-42"}})
    server.routes["/completions"] = lambda _: wrong
    with pytest.raises(EngineError, match="key_env names") as caught:
        list(engine.generate(prompt, n=1, max_tokens=5))
    kept = json.dumps({key: repr(value) for key, value in vars(engine).items()})
    shown = f"{caught.value!r} {caught.value.__context__!r} {caplog.text} {kept} {engine.model_id}"
    assert "sk-s" not in shown


def test_keys_that_are_not_there_or_cannot_be(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(EngineError, match="MY_KEY, which is not set"):
        _engine(server, key_env="MY_KEY")
    monkeypatch.setenv("MY_KEY", "a\nX-Injected: 1")
    with pytest.raises(EngineError, match="no key has") as caught:
        _engine(server, key_env="MY_KEY")
    assert "Injected" not in str(caught.value)
    assert server.seen == []


def test_a_key_does_not_leave_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret-42")
    remote = OpenAISettings(base_url="http://example.invalid/v1", key_env="MY_KEY")
    with pytest.raises(EngineError, match="not sent over http"):
        OpenAIEngine(Settings(openai=remote))


# -- with the rest ----------------------------------------------------------------------------


def test_the_fixer_works_with_it(
    server: Server, problem_in: Callable[[str], tuple[Document, Problem]]
) -> None:
    fix = "REPLACE\n```python\nprint(value)\n```"
    for logprobs in (None, {"tokens": ["a"], "token_logprobs": [-0.5]}):
        choice = {"text": fix, "finish_reason": "stop", "logprobs": logprobs}
        server.routes["/completions"] = lambda _, choice=choice: (200, {"choices": [choice]})
        document, problem = problem_in("value = 1\nprint(valu)\n")
        settings = _settings(server)
        proposal = Fixer(OpenAIEngine(settings), settings).propose(document, problem.diagnostic)
        best = proposal.candidates[0]
        assert best.new_text == "value = 1\nprint(value)\n"
        assert best.origin == "both"
        assert best.logprob == (None if logprobs is None else -0.5)
        assert proposal.model_id.startswith("coder@127.0.0.1")


_SERVER_NEEDS = ("fastapi", "uvicorn", "sse_starlette", "starlette_context", "pydantic_settings")


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, _SERVER_NEEDS)),
    reason="the extra packages of llama_cpp.server are not installed",
)
def test_against_llama_cpps_own_server(tiny_gguf: Path, prompt: Prompt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(tiny_gguf), "--port",
               str(port), "--n_ctx", "2048", "--logits_all", "true"]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        remote = OpenAISettings(base_url=f"http://127.0.0.1:{port}/v1")
        for _ in range(300):
            try:
                engine = OpenAIEngine(Settings(openai=remote))
                break
            except EngineError:
                time.sleep(0.1)
        found = list(engine.generate(prompt, n=3, max_tokens=8, seed=1))
        assert len(found) == 3
        assert all(item.logprob < 0 and item.tokens > 0 for item in found)
    finally:
        process.kill()
        process.wait()
