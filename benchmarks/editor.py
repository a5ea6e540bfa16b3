"""An editor in a few lines, for the benchmarks: one language server process and what it says."""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

CAPABILITIES: dict[str, Any] = {
    "textDocument": {
        "codeAction": {
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
        }
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}
LISTENS = {**CAPABILITIES, "experimental": {"whetstone": {"fixes": True, "status": True}}}


class Server:
    """A language server process and a client of a few lines."""

    def __init__(
        self, command: list[str], data: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        env = {**os.environ, "WHETSTONE_DATA": str(data), **(environment or {})}
        # What is installed has its bytecode beside it; compiling it anew would be measured here.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env,
        )  # fmt: skip
        self._ids = itertools.count(1)
        self._answers: Queue[tuple[float, dict[str, Any]]] = Queue()
        self.notified: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def initialize(self, capabilities: Mapping[str, Any] = CAPABILITIES) -> None:
        """Ask and wait for the answer: from then on the server is of use."""
        self.request("initialize", {
            "processId": os.getpid(), "rootUri": None, "capabilities": capabilities,
        })  # fmt: skip

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

    def memory_mb(self) -> float:
        """Resident memory in MiB; 0 where /proc does not tell."""
        status = self._proc("status")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024 if status else 0.0

    def cpu_s(self) -> float:
        """Processor time used so far, in ticks of usually 10 ms; 0 where /proc does not tell.

        That of the programs that it ran, such as ruff, is in it once they have ended.
        """
        fields = self._proc("stat").rpartition(")")[2].split()
        # utime, stime, cutime, cstime of proc(5)
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="ascii")
        except OSError:
            return ""

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


def machine() -> str:
    """Processor, cores and system, as a reader of the figures wants them."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines()
                  if line.startswith("model name")]  # fmt: skip
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def load() -> float | None:
    """How many processes wanted to run in the last minute; well above 0, times are noise."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def uri(folder: Path, name: str) -> str:
    return (folder / name).as_uri()


def opened(server: Server, where: str, text: str) -> None:
    item = {"uri": where, "languageId": "python", "version": 1, "text": text}
    server.notify("textDocument/didOpen", {"textDocument": item})


def changed(
    server: Server, where: str, version: int, line: int, text: str, *, column: int = 0
) -> None:
    """`text` was typed."""
    place = {"line": line, "character": column}
    change = {"range": {"start": place, "end": place}, "text": text}
    document = {"uri": where, "version": version}
    server.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def actions(server: Server, where: str, line: int) -> Any:
    return server.request("textDocument/codeAction", {
        "textDocument": {"uri": where}, "context": {"diagnostics": [], "triggerKind": 1},
        "range": {"start": {"line": line, "character": 11}, "end": {"line": line, "character": 11}},
    })  # fmt: skip


def command(server: Server, name: str, *arguments: Any) -> Any:
    asked = {"command": name, "arguments": list(arguments)}
    return server.request("workspace/executeCommand", asked)


def wait_for_diagnostics(server: Server, where: str, version: int) -> None:
    _wait(
        server,
        "textDocument/publishDiagnostics",
        lambda told: told.get("uri") == where and told.get("version") == version,
    )


def wait_for_preparing(server: Server, where: str) -> None:
    """Until the first fix of a document is being prepared."""
    _wait(
        server,
        "whetstone/fixes",
        lambda told: (
            told.get("uri") == where and any(fix["state"] == "preparing" for fix in told["fixes"])
        ),
    )


def wait_for_fixes(server: Server, where: str, count: int) -> list[dict[str, Any]]:
    """The fixes of a document once every one of `count` problems is ready or given up."""
    told = _wait(
        server,
        "whetstone/fixes",
        lambda told: (
            told.get("uri") == where
            and sum(fix["state"] != "preparing" for fix in told["fixes"]) >= count
        ),
    )
    return [fix for fix in told["fixes"] if fix["state"] == "ready"]


def _wait(server: Server, method: str, wanted: Any) -> dict[str, Any]:
    while True:
        try:
            message = server.notified.get(timeout=60)
        except Empty:
            raise SystemExit(f"error: the server sent no {method} in 60 s") from None
        if message["method"] == method and wanted(message["params"]):
            params: dict[str, Any] = message["params"]
            return params
