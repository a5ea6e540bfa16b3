"""How quick the language server is, measured from outside as an editor sees it.

    python benchmarks/lsp_latency.py                 the active model (or WHETSTONE_MODEL)
    python benchmarks/lsp_latency.py --json OUT.json --rounds 40

Starts `whetstone-lsp` with a data folder of its own, talks to it on stdio and prints a table:
start to the answer of `initialize`, and beside it a bare pygls server; code actions with findings
known and just after a change; resolve with the model still to load, and loaded; cancelling;
changes in a 10,000-line file; memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import Any

BARE = "from pygls.lsp.server import LanguageServer; LanguageServer('bare', '1').start_io()"
FUNCTION = "def area{n}(length, width):\n    return lenght{n} * width\n\n\n"


class Server:
    """A language server process and a client of a few lines."""

    def __init__(self, command: list[str], data: Path) -> None:
        env = {**os.environ, "WHETSTONE_DATA": str(data)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env,
        )  # fmt: skip
        self._ids = itertools.count(1)
        self._answers: Queue[tuple[float, dict[str, Any]]] = Queue()
        self.notified: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def request(self, method: str, params: Any) -> Any:
        return self.answer(self.send(method, params))[1]

    def send(self, method: str, params: Any) -> int:
        number = next(self._ids)
        self._write({"id": number, "method": method, "params": params})
        return number

    def answer(self, number: int) -> tuple[float, Any]:
        """(when it came, result or error)."""
        while True:
            at, message = self._answers.get(timeout=120)
            if message["id"] == number:
                return at, message.get("result", message.get("error"))

    def notify(self, method: str, params: Any) -> None:
        self._write({"method": method, "params": params})

    def stop(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait(20)

    def memory_mb(self) -> float | None:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            size = 0
            while header.strip():
                if header.lower().startswith(b"content-length:"):
                    size = int(header.split(b":")[1])
                header = stream.readline()
            message = json.loads(stream.read(size))
            at = time.perf_counter()
            if "method" not in message:
                self._answers.put((at, message))
            elif "id" in message:  # a request of the server: progress, configuration
                self._write({"id": message["id"], "result": None})
            else:
                self.notified.put(message)


class Story:
    """The measurements, each a list of seconds under a name."""

    def __init__(self, rounds: int, folder: Path) -> None:
        self.rounds, self.folder = rounds, folder
        self.times: dict[str, list[float]] = {}
        self.memory: dict[str, float] = {}

    def timed(self, name: str, call: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = call()
        self.times.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    def start(self, name: str, command: list[str]) -> Server:
        def begin() -> Server:
            server = Server(command, self.folder / "data")
            server.request("initialize", {
                "processId": os.getpid(), "rootUri": None,
                "capabilities": {
                    "textDocument": {"codeAction": {
                        "dataSupport": True, "resolveSupport": {"properties": ["edit"]},
                        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
                    }},
                    "workspace": {"workspaceEdit": {"documentChanges": True}},
                },
            })  # fmt: skip
            return server

        server: Server = self.timed(name, begin)
        server.notify("initialized", {})
        return server


def uri(folder: Path, name: str) -> str:
    return (folder / name).as_uri()


def opened(server: Server, where: str, text: str) -> None:
    item = {"uri": where, "languageId": "python", "version": 1, "text": text}
    server.notify("textDocument/didOpen", {"textDocument": item})


def changed(server: Server, where: str, version: int, line: int, text: str) -> None:
    place = {"line": line, "character": 0}
    change = {"range": {"start": place, "end": place}, "text": text}
    document = {"uri": where, "version": version}
    server.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def actions(server: Server, where: str, line: int) -> Any:
    return server.request("textDocument/codeAction", {
        "textDocument": {"uri": where}, "context": {"diagnostics": [], "triggerKind": 1},
        "range": {"start": {"line": line, "character": 11}, "end": {"line": line, "character": 11}},
    })  # fmt: skip


def wait_for_diagnostics(server: Server, where: str, version: int) -> None:
    while True:
        try:
            message = server.notified.get(timeout=60)
        except Empty:
            raise SystemExit("error: the server published no diagnostics in 60 s") from None
        params = message.get("params", {})
        if params.get("uri") == where and params.get("version") == version:
            return


def measure(story: Story, command: list[str]) -> str:
    for _ in range(5):
        story.start("start: bare pygls server", [sys.executable, "-c", BARE]).stop()
        story.start("start: whetstone-lsp", command).stop()
    server = story.start("start: whetstone-lsp", command)
    model = _fixes(story, server)
    _typing(story, server)
    server.stop()
    return model


def _fixes(story: Story, server: Server) -> str:
    where = uri(story.folder, "small.py")
    opened(server, where, "".join(FUNCTION.format(n=n) for n in range(story.rounds + 1)))
    wait_for_diagnostics(server, where, 1)
    story.memory["without the model"] = server.memory_mb() or 0.0
    story.timed("code action: first", lambda: actions(server, where, 1))
    for _ in range(story.rounds):
        story.timed("code action: findings known", lambda: actions(server, where, 1))
    title = ""
    for number in range(story.rounds + 1):
        [action] = actions(server, where, number * 4 + 1)
        name = "resolve: model to load" if number == 0 else "resolve: model loaded"
        resolved = story.timed(name, lambda a=action: server.request("codeAction/resolve", a))
        title = title or resolved["title"]
    for number in range(story.rounds):
        changed(server, where, number + 2, 0, "# typed\n")
        line = number + 2
        story.timed("code action: just after a change", lambda n=line: actions(server, where, n))
    for number in range(min(10, story.rounds)):
        changed(server, where, story.rounds + number + 2, 0, "# typed\n")
        [action] = actions(server, where, story.rounds + number + 2)
        _cancel(story, server, action)
    story.memory["with the model"] = server.memory_mb() or 0.0
    return title


def _cancel(story: Story, server: Server, action: Any) -> None:
    number = server.send("codeAction/resolve", action)
    time.sleep(0.02)
    begin = time.perf_counter()
    server.notify("$/cancelRequest", {"id": number})
    at, _ = server.answer(number)
    if at > begin:  # else it was done before
        story.times.setdefault("cancel: until answered", []).append(at - begin)


def _typing(story: Story, server: Server) -> None:
    """Changes in a large file: what one costs the server, from how long a burst of them takes."""
    where = uri(story.folder, "large.py")
    opened(server, where, "".join(f"value_{n} = {n}\n" for n in range(10_000)))
    wait_for_diagnostics(server, where, 1)
    version = 1
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(20):
            version += 1
            changed(server, where, version, 5_000, "x")
        # Answered in order, so it tells when the burst is done.
        server.request("workspace/executeCommand", {"command": "whetstone.applied"})
        each = (time.perf_counter() - begin) / 20
        story.times.setdefault("change in a 10,000-line file", []).append(each)


def report(story: Story) -> list[dict[str, Any]]:
    rows = []
    for name, times in story.times.items():
        millis = sorted(t * 1000 for t in times)
        p95 = millis[min(len(millis) - 1, round(0.95 * (len(millis) - 1)))]
        rows.append(
            {"what": name, "n": len(millis), "p50_ms": statistics.median(millis), "p95_ms": p95}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        story = Story(options.rounds, Path(folder))
        title = measure(story, [sys.executable, "-m", "lsp_server"])
        rows = report(story)
    print(f"first fix: {title}")
    print(f"{'':34}{'n':>4}{'p50 ms':>10}{'p95 ms':>10}")
    for row in rows:
        print(f"{row['what']:34}{row['n']:4}{row['p50_ms']:10.1f}{row['p95_ms']:10.1f}")
    for name, size in story.memory.items():
        print(f"{'memory ' + name:34}{size:14.0f} MB")
    if options.json:
        text = json.dumps({"rows": rows, "memory_mb": story.memory}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
