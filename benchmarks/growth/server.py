"""The language server with longer files, and with more of them open."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.editor import (
    CAPABILITIES,
    Server,
    actions,
    changed,
    opened,
    uri,
    wait_for_diagnostics,
)
from benchmarks.serving.figures import spread

LENGTHS = (100, 1_000, 5_000, 10_000, 50_000)
OPEN_FILES = (1, 10, 50, 100, 500)
_FUNCTION = "def area{n}(length, width):\n    scale = {n}\n    return length * width * scale\n\n\n"
_FUNCTION_LINES = 5
_BUG = "    return lenght * width * scale\n"
_CHANGES, _ASKED = 20, 10
_FILE_LINES = 200


def by_length(folder: Path, most: int, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """One file of each length up to `most`, in a server of its own."""
    rows = []
    for lines in (lines for lines in LENGTHS if lines <= most):
        progress(f"a file of {lines:,} lines")
        server = start(folder)
        try:
            rows.append({"lines": lines, **_one_file(server, folder, lines)})
        finally:
            server.stop()
    return rows


def _one_file(server: Server, folder: Path, lines: int) -> dict[str, Any]:
    where = uri(folder, f"length{lines}.py")
    text, bugs = source(lines, bugs=_ASKED)
    begin = time.perf_counter()
    opened(server, where, text)
    wait_for_diagnostics(server, where, 1)
    diagnosed = time.perf_counter() - begin
    asked = [_fix(server, where, line) for line in bugs]
    begin = time.perf_counter()
    for number in range(_CHANGES):
        changed(server, where, number + 2, bugs[0] - 1, " ")
    # Answered in order, so it tells when the changes are done.
    server.request("workspace/executeCommand", {"command": "whetstone.status", "arguments": []})
    return {
        "diagnosed_s": diagnosed,
        "first_fix_s": asked[0],
        "fix_s": spread(asked[1:]),
        "change_s": (time.perf_counter() - begin) / _CHANGES,
        "memory_mb": server.memory_mb(),
    }


def by_open_files(folder: Path, most: int, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """More and more open files in one server; asked about the newest and the oldest."""
    rows = []
    server = start(folder)
    try:
        count = 0
        for wanted in (wanted for wanted in OPEN_FILES if wanted <= most):
            progress(f"{wanted} open files")
            while count < wanted:
                text, _ = source(_FILE_LINES, bugs=2)
                opened(server, _name(folder, count), text)
                count += 1
            wait_for_diagnostics(server, _name(folder, count - 1), 1)
            rows.append({"open_files": wanted, **_asked(server, folder, count)})
    finally:
        server.stop()
    return rows


def _asked(server: Server, folder: Path, count: int) -> dict[str, Any]:
    _, [line, other] = source(_FILE_LINES, bugs=2)
    newest = range(max(0, count - _ASKED), count)
    oldest = range(min(_ASKED, count))
    return {
        "newest_s": spread([_fix(server, _name(folder, n), line) for n in newest]),
        "oldest_s": spread([_fix(server, _name(folder, n), other) for n in oldest]),
        "memory_mb": server.memory_mb(),
    }


def _name(folder: Path, number: int) -> str:
    return uri(folder, f"open{number}.py")


def source(lines: int, *, bugs: int) -> tuple[str, list[int]]:
    """A module of so many lines, and the lines of its misspelt names, spread over it."""
    count = max(bugs, lines // _FUNCTION_LINES)
    functions = [_FUNCTION.format(n=number) for number in range(count)]
    places = [number * count // bugs for number in range(bugs)]
    for place in places:
        functions[place] = functions[place].replace("    return length * width * scale\n", _BUG)
    return "".join(functions), [place * _FUNCTION_LINES + 2 for place in places]


def _fix(server: Server, where: str, line: int) -> float:
    """Seconds from asking for code actions to the edit of the first."""
    begin = time.perf_counter()
    listed = actions(server, where, line)
    if not listed:
        raise SystemExit(f"error: no code action at line {line + 1} of {where}")
    server.request("codeAction/resolve", listed[0])
    return time.perf_counter() - begin


def start(folder: Path) -> Server:
    server = Server([sys.executable, "-m", "lsp_server"], folder / "data")
    server.request(
        "initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": CAPABILITIES}
    )
    server.notify("initialized", {})
    return server
