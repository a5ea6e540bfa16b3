"""The simulated user: an LSP client over stdio to the real server process.

For each problem the user opens the file, looks at the fixes and does one of these, all of which
the table in docs/preferences.md knows:

    the first one pleases        apply it, save                              accepted
    a later one pleases          turn the first down (or pass over it), apply that one
    none pleases                 5 in 10: apply the first, write it otherwise, save   amended
                                 2 in 10: write another fix, save                     superseded
                                 3 in 10: turn the first down, write nothing          rejected
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

from benchmarks.editor import CAPABILITIES, Server, command, opened, uri
from benchmarks.personal.judging import Judge
from benchmarks.personal.measuring import SETTINGS
from benchmarks.personal.problems import Task
from whetstone.paths import atomic_write_text
from whetstone.preferences.store import PreferenceStore

PASSES_OVER = 0.5  # instead of turning the first one down before taking a later one
AMENDS, SUPERSEDES = 0.5, 0.2  # where nothing pleases; otherwise the first one is turned down

ENVIRONMENT = {
    "WHETSTONE_CANDIDATES": str(SETTINGS.candidates),
    "WHETSTONE_TEMPERATURE": str(SETTINGS.temperature),
    "WHETSTONE_THREADS": "1",
    "WHETSTONE_PREPARE_ENABLED": "false",
    "WHETSTONE_SETTLE_S": "0",  # what was saved is settled at once: nobody waits half a minute
    "WHETSTONE_THRESHOLD": "0",  # what was disliked is shown again: every problem is a choice
    "WHETSTONE_CODELENS": "false",
    "WHETSTONE_ANALOGIES": "false",  # what training teaches is measured without; see `live`
}


class User:
    """One person with one editor and one data folder; a context manager."""

    def __init__(
        self, judge: Judge, data: Path, workspace: Path, seed: int, *, analogies: bool = False
    ) -> None:
        """`analogies`: the server proposes what this user did twice, as it does for people."""
        self.judge = judge
        self._rng = Random(f"{seed}-{judge.taste.name}")
        self._data, self._folder = data, workspace
        workspace.mkdir(parents=True, exist_ok=True)
        environment = ENVIRONMENT | {"WHETSTONE_ANALOGIES": str(analogies).lower()}
        self._server = Server([sys.executable, "-m", "lsp_server"], data, environment)
        self._server.initialize(CAPABILITIES)
        self._server.notify("initialized", {})

    def __enter__(self) -> User:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    def choose(
        self, tasks: Iterator[Task], wanted: int, tick: Callable[[int], None]
    ) -> list[dict[str, Any]]:
        """Take from `tasks` until `wanted` choices were made; one row for each."""
        rows: list[dict[str, Any]] = []
        while len(rows) < wanted:
            task = next(tasks)
            row = self._one(task)
            if row is not None:
                rows.append({"task": task.name, "aspect": task.aspect, **row})
                tick(len(rows))
        return rows

    def _one(self, task: Task) -> dict[str, Any] | None:
        """What was done with the fixes of one problem; None when none was shown."""
        where = uri(self._folder, task.file)
        (self._folder / task.file).write_text(task.text, encoding="utf-8", newline="")
        opened(self._server, where, task.text)
        line = task.text.split("\n")[task.line]
        column = len(line) - len(line.lstrip())
        place = {"line": task.line, "character": column}
        asked = {"uri": where, "position": place}
        found = command(self._server, "whetstone.candidates", asked)
        candidates = found["candidates"]
        act = self._act(task, where, found["suggestion"], candidates) if candidates else None
        document = {"textDocument": {"uri": where}}
        self._server.notify("textDocument/didClose", document)
        return act and {"act": act, "model": found["model"], "shown": len(candidates)}

    def _act(self, task: Task, where: str, suggestion: str, shown: list[dict[str, Any]]) -> str:
        keeps = self.judge.keeps([(task, candidate["newText"]) for candidate in shown])
        first, pleasing = shown[0], next((n for n, keep in enumerate(keeps) if keep), None)
        if pleasing is not None:
            act = "takes the first" if pleasing == 0 else "takes a later one"
            if pleasing and self._rng.random() >= PASSES_OVER:
                command(self._server, "whetstone.reject", suggestion, first["id"])
            self._apply(where, suggestion, shown[pleasing])
            self._save(task, where, shown[pleasing]["newText"])
            return act
        chance, own = self._rng.random(), self.judge.taste.own(task)
        if chance < AMENDS and _same_place(task, own):
            self._apply(where, suggestion, first)
            self._change(where, 3, own)
            self._save(task, where, own)
            return "writes it otherwise"
        if chance < AMENDS + SUPERSEDES and _same_place(task, own):
            self._change(where, 2, own)
            self._save(task, where, own)
            return "writes another fix"
        command(self._server, "whetstone.reject", suggestion, first["id"])
        return "turns it down"

    def _apply(self, where: str, suggestion: str, candidate: dict[str, Any]) -> None:
        """As editors do: the edit, then the command."""
        self._change(where, 2, candidate["newText"])
        command(self._server, "whetstone.applied", suggestion, candidate["id"])

    def _change(self, where: str, version: int, text: str) -> None:
        self._server.notify("textDocument/didChange", {
            "textDocument": {"uri": where, "version": version}, "contentChanges": [{"text": text}],
        })  # fmt: skip

    def _save(self, task: Task, where: str, text: str) -> None:
        atomic_write_text(self._folder / task.file, text)
        self._server.notify("textDocument/didSave", {"textDocument": {"uri": where}})


def _same_place(task: Task, own: str) -> bool:
    """Is the user's fix at the flagged line? No pair can be made of an import elsewhere."""
    return (
        own.split("\n")[task.line] != task.text.split("\n")[task.line]
        and own.split("\n")[: task.line] == task.text.split("\n")[: task.line]
    )


def outcomes(data: Path) -> dict[str, int]:
    """What the store made of it."""
    with PreferenceStore.open(data / "preferences.db") as store:
        return dict(Counter(str(summary.outcome) for summary in store.suggestions()))
