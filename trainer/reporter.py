"""What the user sees of a run."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class Reporter(Protocol):
    """Told what happens; decides how to show it."""

    def say(self, text: str) -> None: ...

    def stage(self, name: str) -> None:
        """A stage of the run begins."""
        ...

    def step(self, stage: str, step: int, total: int, values: dict[str, float]) -> None: ...


class SilentReporter:
    """For tests and for callers with a display of their own."""

    def say(self, text: str) -> None:
        pass

    def stage(self, name: str) -> None:
        pass

    def step(self, stage: str, step: int, total: int, values: dict[str, float]) -> None:
        pass


class ConsoleReporter:
    """Progress bars on a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<4}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ConsoleReporter:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stage(self, name: str) -> None:
        pass  # what is said and the bars tell it

    def step(self, stage: str, step: int, total: int, values: dict[str, float]) -> None:
        note = _note(values)
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage.upper(), total=total, note="")
        self._progress.update(self._tasks[stage], completed=step, total=total, note=note)
        if not self._console.is_terminal and (step == total or step % max(1, total // 4) == 0):
            self.say(f"{stage.upper()} step {step} of {total}: {note}")


class JsonReporter:
    """One JSON object a line, for editors: {"event": "say" | "stage" | "step" | "result", ...}.

    Whoever reads may go away; the run goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def __enter__(self) -> JsonReporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def say(self, text: str) -> None:
        self.write("say", text=text)

    def stage(self, name: str) -> None:
        self.write("stage", stage=name)

    def step(self, stage: str, step: int, total: int, values: dict[str, float]) -> None:
        known = {name: value for name, value in values.items() if math.isfinite(value)}
        self.write("step", stage=stage, step=step, total=total, values=known)

    def write(self, event: str, **facts: object) -> None:
        if self._stream is None:
            return
        try:
            print(json.dumps({"event": event, **facts}), file=self._stream, flush=True)
        except OSError:
            self._stream = None
            # Else the interpreter would complain about the pipe once more when it ends.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _note(values: dict[str, float]) -> str:
    shown = {"loss": "loss", "margin": "rewards/margins", "KL": "kl"}
    return ", ".join(f"{name} {values[key]:.3f}" for name, key in shown.items() if key in values)
