"""A training run of `trainer retrain`, as a process of its own that tells how far it is.

It is no child that dies with the server: an editor that is closed does not cost a run of minutes.
It has its own process group, runs at low priority, and takes its settings as any other run does.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "peft", "trl", "datasets")
_ERROR_TAIL = 4_000
_MAX_LINE = 1 << 20
# Where in the whole run a stage begins and ends, in percent; by far the longest is the gate.
_SHARES = {
    "sft": (2, 20), "dpo": (20, 45), "merged": (45, 48), "exported": (48, 50),
    "verified": (50, 55), "gated": (55, 100),
}  # fmt: skip
_WORDS = {
    "sft": "learning the chosen answers", "dpo": "learning what was preferred",
    "merged": "merging", "exported": "writing the model", "verified": "verifying the file",
    "gated": "measuring it beside the active model",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the run: how far it is, what it does, and its result at the end."""

    percent: int
    text: str
    result: dict[str, Any] | None = None


def missing_packages() -> list[str]:
    """What training needs and this environment lacks; looks, without importing anything."""
    names = ("trainer", *PACKAGES)
    return [name for name in names if importlib.util.find_spec(name) is None]


def how_to_install(missing: Sequence[str]) -> str:
    command = f'{sys.executable} -m pip install "whetstone-fix[train]"'
    return f"training needs packages that are not installed: {', '.join(missing)}. Run: {command}"


class Run:
    """A run that has been started."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log
        self._percent = 0

    @classmethod
    async def start(cls, command: Sequence[str], log: Path, env: dict[str, str]) -> Run:
        """Start `command`; what it says to stderr goes to the file `log`. Raises OSError."""
        own: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            import subprocess

            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                "--progress",
                "json",
                "--low-priority",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=env,
                limit=_MAX_LINE,
                **own,
            )
        return cls(process, log)

    async def events(self) -> AsyncIterator[Event]:
        """What the run tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = self._event(line)
            if event is not None:
                yield event
        await self._process.wait()

    def _event(self, line: bytes) -> Event | None:
        try:
            told = json.loads(line)
            kind = told["event"]
            if kind == "result":
                return Event(percent=100, text="done", result=told)
            if kind == "say":
                return Event(percent=self._percent, text=str(told["text"]).split("\n")[0])
            low, high = _SHARES.get(told["stage"], (self._percent, self._percent))
            done = told["step"] / max(1, told["total"]) if kind == "step" else 0.0
            self._percent = max(self._percent, low + int((high - low) * min(1.0, done)))
            return Event(percent=self._percent, text=_WORDS.get(told["stage"], told["stage"]))
        except (ValueError, KeyError, TypeError):
            return None  # a line that something else printed

    @property
    def failure(self) -> str:
        """Why it ended without a result: its last words."""
        try:
            said = self._log.read_bytes()[-_ERROR_TAIL:].decode("utf-8", "replace").strip()
        except OSError:
            said = ""
        last = said.splitlines()[-1:] or [f"it ended with status {self._process.returncode}"]
        return last[0].removeprefix("error: ")

    def stop(self) -> None:
        """End it and what it started; the next run goes on from its last checkpoint."""
        if self._process.returncode is not None:
            return
        try:
            if sys.platform == "win32":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has just ended
