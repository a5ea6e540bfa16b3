"""Everything that wants an NVIDIA GPU, by one command, with the results in one folder.

    python -m benchmarks.gpu --out FOLDER [--only tests dpo qlora] [--minutes 25]

| job | what |
|---|---|
| tests | `tests/cuda` |
| dpo | `benchmarks.dpo` on the 3B shape in bf16 |
| qlora | the same in 4 bit, 1,024 tokens |
| launch | `accelerate launch` with the shipped configurations, where there are several GPUs |

Each job is a process of its own with a log; one that fails or runs out of time costs the others
nothing. `summary.json` says how each ended. At most seven small files are written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TAIL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`limit_s` is the longest that it may take."""

    name: str
    command: tuple[str, ...]
    limit_s: float


def jobs(out: Path) -> list[Job]:
    """In the order of their worth: what there is no time for comes last."""
    python = sys.executable
    shape = (python, "-m", "benchmarks.dpo", "--shape", "qwen2.5-3b", "--device", "cuda")
    return [
        Job(
            name="tests", limit_s=540,
            command=(python, "-m", "pytest", "tests/cuda", "-v", "-p", "no:cacheprovider"),
        ),
        Job(
            name="dpo", limit_s=540,
            command=(*shape, "--batch", "8", "--repeats", "2", "--out", str(out / "dpo.json")),
        ),
        Job(
            name="qlora", limit_s=400,
            command=(*shape, "--qlora", "--checkpointing", "--batch", "1", "--pairs", "16",
                     "--repeats", "1", "--out", str(out / "qlora.json")),
        ),
        *_launches(python),
    ]  # fmt: skip


def _launches(python: str) -> list[Job]:
    import torch

    if torch.cuda.device_count() < 2:
        return []
    test = "tests/trainer/test_team.py"
    command = (python, "-m", "pytest", test, "-v", "-p", "no:cacheprovider", "-k", "gpus")
    return [Job(name="launch", limit_s=400, command=command)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", metavar="JOB")
    parser.add_argument("--minutes", type=float, default=25, help="for all jobs together")
    options = parser.parse_args()
    reason = _why_not()
    if reason:
        print(f"error: {reason}. Nothing was run.", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes
    wanted = [job for job in jobs(options.out) if not options.only or job.name in options.only]
    done: dict[str, Any] = {}
    for job in wanted:
        done[job.name] = run(job, options.out, min(job.limit_s, end - time.monotonic()))
        _write(options.out, done)
        print(f"{job.name}: {done[job.name]['ended']}", flush=True)
    return int(any(each["ended"] != "done" for each in done.values()))


def run(job: Job, out: Path, limit_s: float) -> dict[str, Any]:
    """How it ended; what it said is in `NAME.log`."""
    if limit_s < 10:
        return {"ended": "not begun: no time was left", "seconds": 0}
    started = time.monotonic()
    with (out / f"{job.name}.log").open("wb") as log:
        try:
            code = subprocess.run(
                job.command, stdout=log, stderr=subprocess.STDOUT, timeout=limit_s
            ).returncode
            ended = "done" if code == 0 else f"failed with status {code}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {limit_s:.0f} s"
    last = (out / f"{job.name}.log").read_bytes()[-_TAIL:].decode("utf-8", "replace")
    return {"ended": ended, "seconds": round(time.monotonic() - started, 1), "last_words": last}


def _write(out: Path, done: dict[str, Any]) -> None:
    import torch

    summary = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": torch.cuda.get_device_name(),
        "gpus": torch.cuda.device_count(),
        "versions": _versions(),
        "jobs": done,
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _why_not() -> str:
    try:
        import torch
    except ImportError:
        return "torch is not installed here"
    return "" if torch.cuda.is_available() else "torch sees no NVIDIA GPU here"


if __name__ == "__main__":
    sys.exit(main())
