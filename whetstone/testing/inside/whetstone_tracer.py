"""Which lines of the workspace run, test by test, and statement by statement of a test.

Uses sys.monitoring where there is one (3.12), else sys.settrace. It stops by itself after many
events: a test that is slow for being watched would tell less than one that is watched in part.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any

MOST_EVENTS = 2_000_000
_INSTALLED = ("site-packages", "dist-packages", "lib/python3", "pyvenv.cfg")


class Tracer:
    """Records between `start` and `stop`; what belongs together is one context.

    A context is a test, or one line of it: when a line of the test's own function runs, what
    follows belongs to that line.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.contexts: list[dict[str, Any]] = []
        self._files: dict[str, str | None] = {}
        self._own: CodeType | None = None
        self._adopting = False
        self._lines: dict[tuple[str, int], list[int]] = {}
        self._at: dict[int, dict[tuple[str, int], list[int]]] = {}
        self._count = 0
        self._before: Any = None
        self._tool: int | None = None

    # -- one test ---------------------------------------------------------------------------------

    def start(self, own: CodeType | None = None, *, script: bool = False) -> None:
        """Begin a test whose own code is `own`; of a script, the first module that runs."""
        self._own, self._lines, self._adopting = own, {}, script
        self._at = {0: self._lines}
        self._count = 0
        if hasattr(sys, "monitoring"):
            self._monitor()
            return
        self._before = sys.gettrace()
        threading.settrace(self._call)
        sys.settrace(self._call)

    def stop(self, name: str, *, failed: bool) -> None:
        """End it, and keep what ran under its name."""
        if self._tool is not None:
            monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
            monitoring.set_events(self._tool, 0)
            monitoring.free_tool_id(self._tool)
            self._tool = None
        else:
            threading.settrace(self._before)  # type: ignore[arg-type,unused-ignore]
            sys.settrace(self._before)
        file = self._known(self._own.co_filename) if self._own is not None else None
        for line, ran in self._at.items():
            files: dict[str, list[list[int]]] = {}
            for (path, number), (times, last) in list(ran.items()):
                files.setdefault(path, []).append([number, times, last])
            if files or line:
                self.contexts.append(
                    {"test": name, "file": file, "line": line, "failed": failed, "files": files}
                )

    def write(self, path: str) -> None:
        """Add what was recorded to the report at `path`: one JSON object a line."""
        with open(path, "a", encoding="utf-8") as file:
            for context in self.contexts:
                file.write(json.dumps(context) + "\n")
        self.contexts = []

    # -- events -----------------------------------------------------------------------------------

    def _known(self, name: str) -> str | None:
        """The file's path in the workspace; None for installed and generated code."""
        if name not in self._files:
            path = os.path.realpath(name)
            inside = path.startswith(self.root + os.sep) and not name.startswith("<")
            relative = path[len(self.root) + 1 :].replace(os.sep, "/") if inside else None
            if relative and any(part in "/" + relative for part in _INSTALLED):
                relative = None
            self._files[name] = relative
        return self._files[name]

    def _ran(self, code: CodeType, path: str, line: int) -> bool:
        self._count += 1
        if self._count > MOST_EVENTS:
            return False
        if self._adopting and code.co_name == "<module>":
            self._own, self._adopting = code, False
        if code is self._own:
            self._lines = self._at.setdefault(line, {})
        entry = self._lines.get((path, line))
        if entry is None:
            self._lines[path, line] = [1, self._count]
        else:
            entry[0] += 1
            entry[1] = self._count
        return True

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        path = self._known(frame.f_code.co_filename)
        if path is None or self._count > MOST_EVENTS:
            return None
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            path = self._files[frame.f_code.co_filename]
            if path and not self._ran(frame.f_code, path, frame.f_lineno):
                return None
        return self._line

    def _monitor(self) -> None:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]

        def line(code: CodeType, number: int) -> Any:
            path = self._known(code.co_filename)
            if path is None or not self._ran(code, path, number):
                return monitoring.DISABLE
            return None

        for tool in (4, 3, 5):
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "whetstone")
                monitoring.register_callback(tool, monitoring.events.LINE, line)
                monitoring.set_events(tool, monitoring.events.LINE)
                monitoring.restart_events()
                self._tool = tool
                return
