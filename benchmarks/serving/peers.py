"""The engines that are compared, behind one call: ask a question, note when each answer is there.

Every peer runs in a process of its own with the same file, the same number of threads and the same
context. Its settings are tried on the first requests of the session (`variants`), and the best are
kept. Times are taken here, outside, at the arrival of each whole answer.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.serving.setup import Tools
from whetstone.prompt import Prompt

OURS = "whetstone"
_GUESSING = ("as tuned", "prompt lookup", "slots, ngram-simple")
_START_S = 300.0
_ANSWER_S = 3600.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is the same for every peer."""

    model: Path
    threads: int
    context_tokens: int
    tools: Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request. The first answer is greedy where a peer can give answers one by one."""

    prompt: Prompt
    file: str
    n: int
    max_tokens: int
    temperature: float = 0.8
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """When each answer was there, in seconds, in the order of their coming, and when all were.

    Equal answers may come once. `evaluated` counts the prompt's tokens that were computed; None
    where a peer does not tell.
    """

    times: tuple[float, ...]
    all_s: float
    texts: tuple[str, ...]
    tokens: int
    prompt_tokens: int | None = None
    evaluated: int | None = None


class Peer(Protocol):
    variant: str
    stated: dict[str, Any]  # what it says about itself when it is ready

    def ask(self, question: Question) -> Answered: ...

    def memory_mb(self) -> float: ...

    def cpu_s(self) -> float: ...

    def stop(self) -> None: ...


def start(name: str, variant: str, setting: Setting) -> Peer:
    """A running peer that has loaded its model. Raises PeerError when it does not start."""
    if name in (OURS, "llama_cpp.Llama"):
        return _InProcess(name, variant, setting)
    if name == "llama_cpp.server":
        return _PythonServer(variant, setting)
    return _LlamaServer(variant, setting)


def variants(name: str, *, guessing: bool = True) -> tuple[str, ...]:
    """The settings worth trying, the plainest first.

    Args:
        guessing: those that guess ahead too; what a random model answers cannot be guessed.
    """
    known = {
        OURS: ("as tuned", "without speculation"),
        "llama_cpp.Llama": ("plain", "prompt lookup"),
        "llama_cpp.server": ("plain", "RAM cache"),
        "llama-server": ("slots", "slots, cache-reuse", "slots, ngram-simple"),
    }[name]
    return tuple(variant for variant in known if guessing or variant not in _GUESSING)


def available(tools: Tools) -> list[str]:
    """The peers that can run here, ours first."""
    names = [OURS, "llama_cpp.Llama"]
    names += ["llama_cpp.server"] if tools.python_server else []
    names += ["llama-server"] if tools.llama_server else []
    return names


class PeerError(Exception):
    """A peer did not start or did not answer."""


class _Process:
    """A child process whose output goes to a file, shown when it fails."""

    stated: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed

    def __init__(
        self, command: list[str], env: Mapping[str, str] | None = None, *, pipes: bool = False
    ) -> None:
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed by `stop`
        pipe = subprocess.PIPE if pipes else subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe if pipes else self._log, stderr=self._log,
            env={**os.environ, **(env or {})}, cwd=_ROOT,
        )  # fmt: skip

    def memory_mb(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def cpu_s(self) -> float:
        """Processor time since the start: what others do on the machine is no part of it."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def failed(self, what: str) -> PeerError:
        self._log.seek(0)
        tail = self._log.read()[-2000:].decode("utf-8", "replace")
        return PeerError(f"{what}; the end of its log:\n{tail}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


class _InProcess(_Process):
    """`benchmarks.serving.worker`: an engine in a Python process, asked over a pipe."""

    def __init__(self, name: str, variant: str, setting: Setting) -> None:
        self.name, self.variant = name, variant
        command = [
            sys.executable, "-m", "benchmarks.serving.worker", name, "--variant", variant,
            "--model", str(setting.model), "--threads", str(setting.threads),
            "--context", str(setting.context_tokens),
        ]  # fmt: skip
        super().__init__(command, pipes=True)
        self.stated = self._read()  # the model is loaded

    def ask(self, question: Question) -> Answered:
        assert self.process.stdin is not None
        line = json.dumps(dataclasses.asdict(question)).encode() + b"\n"
        begin = time.perf_counter()
        self.process.stdin.write(line)
        self.process.stdin.flush()
        times: list[float] = []
        texts: list[str] = []
        while "done" not in (said := self._read()):
            times.append(time.perf_counter() - begin)
            texts.append(said["text"])
        all_s = time.perf_counter() - begin
        return Answered(times=tuple(times), all_s=all_s, texts=tuple(texts), **said["done"])

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self.failed(f"{self.name} ({self.variant}) ended")
        said: dict[str, Any] = json.loads(line)
        return said


class _Http(_Process):
    """A server on a free port of this machine."""

    def __init__(
        self, command: list[str], port: int, ready: str, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(command, env)
        self._port = port
        end = time.monotonic() + _START_S
        while not self._ready(ready):
            if self.process.poll() is not None or time.monotonic() > end:
                raise self.failed("the server did not start")
            time.sleep(0.1)

    def _ready(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def post(self, path: str, body: Mapping[str, Any]) -> http.client.HTTPResponse:
        """The response to read from. Raises PeerError when the server refuses or is gone."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        # A new one for each: both servers close theirs after a stream, some time.
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_S)
        try:
            connection.request("POST", path, data, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self.failed(f"{path}: {error!r}") from error
        if response.status != 200:
            raise PeerError(f"{path}: status {response.status}: {response.read()[:500]!r}")
        return response


class _PythonServer(_Http):
    """`python -m llama_cpp.server`: one answer at a time, so one request for each."""

    def __init__(self, variant: str, setting: Setting) -> None:
        self.variant = variant
        port = _free_port()
        command = [
            sys.executable, "-m", "llama_cpp.server", "--model", str(setting.model),
            "--port", str(port), "--host", "127.0.0.1", "--n_ctx", str(setting.context_tokens),
            "--n_threads", str(setting.threads), "--n_threads_batch", str(setting.threads),
            "--logits_all", "false", "--verbose", "false", "--n_batch", "512",
        ]  # fmt: skip
        if variant == "RAM cache":
            command += ["--cache", "true", "--cache_size", str(1 << 30)]
        packages = str(setting.tools.python_server)
        super().__init__(command, port, "/v1/models", {"PYTHONPATH": packages})

    def ask(self, question: Question) -> Answered:
        times: list[float] = []
        texts: list[str] = []
        tokens = prompt_tokens = 0
        begin = time.perf_counter()
        for number in range(question.n):
            body = {
                "prompt": question.prompt.text, "max_tokens": question.max_tokens,
                "stop": [question.prompt.stop], "seed": question.seed + number,
                "temperature": question.temperature if number else 0.0, "top_p": 0.95,
            }  # fmt: skip
            found = json.loads(self.post("/v1/completions", body).read())
            times.append(time.perf_counter() - begin)
            texts.append(found["choices"][0]["text"])
            tokens += found["usage"]["completion_tokens"]
            prompt_tokens = found["usage"]["prompt_tokens"]
        return Answered(
            times=tuple(times),
            all_s=times[-1],
            texts=tuple(texts),
            tokens=tokens,
            prompt_tokens=prompt_tokens,
        )


class _LlamaServer(_Http):
    """llama.cpp's own server: prompt caching, parallel slots, n completions in one request."""

    def __init__(self, variant: str, setting: Setting) -> None:
        self.variant = variant
        port = _free_port()
        command = [
            str(setting.tools.llama_server), "--model", str(setting.model), "--port", str(port),
            "--host", "127.0.0.1", "--threads", str(setting.threads),
            "--threads-batch", str(setting.threads), "--parallel", "4", "--kv-unified",
            "--ctx-size", str(4 * setting.context_tokens), "--no-ui", "--special",
        ]  # fmt: skip
        command += {
            "slots, cache-reuse": ["--cache-reuse", "64"],
            "slots, ngram-simple": ["--spec-type", "ngram-simple", "--spec-ngram-simple-size-n",
                                    "4", "--spec-ngram-simple-size-m", "16"],
        }.get(variant, [])  # fmt: skip
        super().__init__(command, port, "/health")

    def ask(self, question: Question) -> Answered:
        body = {
            "prompt": question.prompt.text, "n_predict": question.max_tokens, "stream": True,
            "stop": [question.prompt.stop], "seed": question.seed, "n_cmpl": question.n,
            "temperature": question.temperature if question.n > 1 else 0.0, "cache_prompt": True,
        }  # fmt: skip
        begin = time.perf_counter()
        times: list[float] = []
        texts: dict[int, str] = {}
        tokens, prompt_tokens, evaluated = 0, 0, 0
        response = self.post("/completion", body)
        for chunk in _events(response):
            index = int(chunk.get("index", 0))
            texts[index] = texts.get(index, "") + chunk["content"]
            if not chunk["stop"]:
                continue
            times.append(time.perf_counter() - begin)
            timings = chunk["timings"]
            tokens += timings["predicted_n"]
            prompt_tokens = chunk["tokens_evaluated"]  # its word for the length of the prompt
            evaluated = max(evaluated, timings["prompt_n"])
        return Answered(
            times=tuple(times), all_s=times[-1],
            texts=tuple(texts[index] for index in sorted(texts)), tokens=tokens,
            prompt_tokens=prompt_tokens, evaluated=evaluated,
        )  # fmt: skip


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events."""
    for line in response:
        if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
            yield json.loads(line[len(b"data: ") :])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
