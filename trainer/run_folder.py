"""The folder of one training run, and where the run stands.

runs/20261124-103012-4f2a/
  config.json     options, parent model, data hash, versions
  pairs.json      the pairs, frozen when the run began
  state.json      the last stage finished: what a killed run resumes from
  metrics.jsonl   one line per step
  report.html     the page that `trainer report` writes
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from whetstone.errors import TrainingError, UsageError
from whetstone.paths import atomic_write_text, data_dir

Stage = Literal[
    "prepared",
    "sft",
    "dpo",
    "merged",
    "exported",
    "verified",
    "gated",
    "promoted",
    "kept",
    "failed",
]
STAGES: tuple[Stage, ...] = (
    "prepared", "sft", "dpo", "merged", "exported", "verified", "gated",
)  # fmt: skip
FINAL: frozenset[str] = frozenset({"promoted", "kept", "failed"})


class RunFolder:
    """One run on disk. Each write is whole or not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @classmethod
    def create(cls, root: Path, config: Mapping[str, Any], pairs: Mapping[str, Any]) -> RunFolder:
        """A new run, in the stage "prepared".

        Raises:
            TrainingError: the folder cannot be written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run = cls(root / f"{stamp}-{secrets.token_hex(2)}")
        try:
            run.path.mkdir(parents=True, mode=0o700)
            run.write_json("pairs.json", pairs)
            run.write_json("config.json", config)
            run.finish("prepared")  # last: a run without it never began
        except OSError as error:
            raise TrainingError(
                f"{run.path}: cannot be written ({error.strerror}). Free some space or set "
                "WHETSTONE_DATA to a folder you can write."
            ) from error
        return run

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        atomic_write_text(self.path / name, text + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Raises TrainingError when the file is missing or damaged."""
        try:
            value: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{self.path / name}: cannot be read ({error}). Start over with "
                "`trainer retrain --fresh`."
            ) from error
        return value

    @property
    def state(self) -> dict[str, Any]:
        return self.read_json("state.json")

    @property
    def stage(self) -> Stage:
        stage: Stage = self.state["stage"]
        return stage

    def has(self, stage: Stage) -> bool:
        """Whether `stage`, one of STAGES, is behind us."""
        now = self.stage
        return now in FINAL or STAGES.index(now) >= STAGES.index(stage)

    def finish(self, stage: Stage, **facts: Any) -> None:
        """Record that `stage` is done, with what later stages need of it."""
        past = self.state if (self.path / "state.json").exists() else {}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.write_json("state.json", {**past, **facts, "stage": stage, "at": now})

    def note(self, **facts: Any) -> None:
        """Record facts within the present stage."""
        self.write_json("state.json", {**self.state, **facts})

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Append one line to metrics.jsonl."""
        line = json.dumps({"stage": stage, "step": step, **values})
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All steps in order. A resumed run may have logged a step twice: the later counts."""
        rows: dict[tuple[str, int], dict[str, Any]] = {}
        path = self.path / "metrics.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # a kill can cut the last line
            rows[row["stage"], row["step"]] = row
        return list(rows.values())


def runs_root() -> Path:
    return data_dir() / "runs"


def all_runs(root: Path) -> Iterator[RunFolder]:
    """The runs that have begun, newest first."""
    for path in sorted(root.glob("*-*-*/state.json"), reverse=True):
        yield RunFolder(path.parent)


def find_run(root: Path, name: str | None) -> RunFolder:
    """The run whose name is `name` or begins so; the newest when it is None.

    Raises:
        UsageError: there is none, or several.
    """
    runs = list(all_runs(root))
    if not runs:
        raise UsageError("There is no training run yet. `trainer retrain` makes one.")
    if name is None:
        return runs[0]
    found = [run for run in runs if run.name == name] or [
        run for run in runs if run.name.startswith(name)
    ]
    if len(found) != 1:
        what = "several runs begin so" if found else "no such run"
        known = ", ".join(run.name for run in (found or runs)[:5])
        raise UsageError(f"{name}: {what}. For example: {known}.")
    return found[0]


def unfinished(root: Path) -> RunFolder | None:
    """The newest run, when it is not finished: an older one has been given up."""
    newest = next(all_runs(root), None)
    return None if newest is None or newest.stage in FINAL else newest


def tried_pairs(root: Path, parent: str) -> set[int]:
    """Fresh pairs of runs from the same parent whose models were kept back."""
    tried: set[int] = set()
    for run in all_runs(root):
        if run.stage not in ("kept", "failed") or run.state.get("given_up"):
            continue
        config = run.read_json("config.json")
        if config["parent"] == parent:
            tried.update(config["fresh"])
    return tried
