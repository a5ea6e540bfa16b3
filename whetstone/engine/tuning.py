"""What `whetstone tune` found: the best options for one model on one machine, with the evidence.

One JSON file per model and machine in the data folder's `tuning/`. A record counts only for the
very model file, processor and llama.cpp build that were measured; any other is as good as none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whetstone.engine.options import EngineOptions
from whetstone.errors import WhetstoneError
from whetstone.paths import atomic_write_text, data_dir

log = logging.getLogger(__name__)

_LIMIT = 100_000  # bytes; a record is a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the best options depend on, besides the model."""

    system: str
    processor: str
    cores: int
    engine: str  # the version of llama-cpp-python

    @classmethod
    def this(cls) -> Machine:
        from importlib.metadata import version  # its mail parser is slow to import

        return cls(
            system=f"{platform.system()} {platform.machine()}",
            processor=_processor(),
            cores=os.cpu_count() or 1,
            engine=version("llama-cpp-python"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRecord:
    """The options to use, and the measurements they were chosen by (names carry their units)."""

    model_id: str
    machine: Machine
    options: EngineOptions
    measured: Mapping[str, float | str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()  # one sentence per choice, for `whetstone doctor`
    made_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def tuning_path(model_id: str, machine: Machine, folder: Path | None = None) -> Path:
    """Where the record of `model_id` on `machine` stands; the file need not exist."""
    folder = folder or data_dir() / "tuning"
    key = json.dumps([model_id, *dataclasses.astuple(machine)])
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", model_id)[:60]
    return folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"


def read_tuning(
    model_id: str, machine: Machine | None = None, folder: Path | None = None
) -> TuningRecord | None:
    """The record of this model on this machine; None when there is none that can be used."""
    try:
        folder = folder or data_dir() / "tuning"
    except WhetstoneError:  # no data folder, no records
        return None
    if not folder.is_dir():  # the usual case; asking what machine this is takes some milliseconds
        return None
    machine = machine or Machine.this()
    path = tuning_path(model_id, machine, folder)
    try:
        if path.stat().st_size > _LIMIT:
            raise ValueError(f"larger than {_LIMIT} bytes")
        record = _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("%s: not used (%s). Run `whetstone tune` to write it again.", path, error)
        return None
    return record if (record.model_id, record.machine) == (model_id, machine) else None


def write_tuning(record: TuningRecord, folder: Path | None = None) -> Path:
    """Replace the record of its model and machine; returns the file. Raises OSError."""
    path = tuning_path(record.model_id, record.machine, folder)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stored = {
        "model_id": record.model_id,
        "machine": dataclasses.asdict(record.machine),
        "options": record.options.to_json(),
        "measured": dict(record.measured),
        "reasons": list(record.reasons),
        "made_at": record.made_at,
    }
    atomic_write_text(path, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")
    return path


def _parse(stored: dict[str, Any]) -> TuningRecord:
    machine = stored["machine"]
    return TuningRecord(
        model_id=str(stored["model_id"]),
        machine=Machine(
            system=str(machine["system"]),
            processor=str(machine["processor"]),
            cores=int(machine["cores"]),
            engine=str(machine["engine"]),
        ),
        options=EngineOptions.from_json(dict(stored["options"])),
        measured={
            str(name): value if isinstance(value, (int, float)) else str(value)
            for name, value in dict(stored.get("measured", {})).items()
        },
        reasons=tuple(map(str, stored.get("reasons", ()))),
        made_at=str(stored.get("made_at", "")),
    )


def _processor() -> str:
    """The processor's name: on Linux `platform.processor()` is often empty."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
