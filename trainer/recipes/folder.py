"""The folder of one experiment: steps that are done are not done again.

OUT/
  settings.json   what it was begun with
  state.json      step -> seconds, time, facts
  base/, data/    the model it begins with, the triplets
  surveys.jsonl   how the programs of the suites fail
  seed-N/         adapters, files, metrics of one seed
  report/         table.md, results.json, plots
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainer.begun import begin
from whetstone.paths import atomic_write_text


class RecipeFolder:
    """Each write is whole or not there."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Open the folder, or begin it.

        Raises:
            UsageError: it was begun with other settings, or cannot be written.
        """
        self.path = path
        begin(
            path,
            settings,
            otherwise="was begun with other options. Give the same ones, another --out, or delete "
            "that folder.",
        )

    @property
    def done(self) -> dict[str, dict[str, Any]]:
        file = self.path / "state.json"
        if not file.exists():
            return {}
        found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def step(self, name: str, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """What `work` returned, now or in an earlier call; it is JSON.

        Seconds count the call that finished the step.
        """
        done = self.done
        if name not in done:
            begin = time.perf_counter()
            facts = work()
            done[name] = {
                "seconds": round(time.perf_counter() - begin, 1),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                **facts,
            }
            atomic_write_text(self.path / "state.json", json.dumps(done, indent=1) + "\n")
        return done[name]
