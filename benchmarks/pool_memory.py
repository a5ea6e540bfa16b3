"""Memory of `trainer retrain --preferences` with few and with many pooled pairs.

    python -m benchmarks.pool_memory [--rows 10000 10000000] [--json]

Writes a Parquet file of so many small triplets in pieces, then asks a process of its own for the
plan of a run (`--dry-run` reads the whole pool, draws what the run would use and parses it). Its
peak is what the system counted (ru_maxrss). The file is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PIECE = 20_000  # rows written at once: a row group


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.pool_memory", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 10_000_000])
    parser.add_argument("--keep", type=int, default=10_000, help="of them, to train on at most")
    parser.add_argument("--note", default="", help="kept in the result, such as 'shared machine'")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whetstone-pool-") as name:
        found = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "note": options.note,
            "runs": [_measure(Path(name), rows, options.keep) for rows in options.rows],
        }
    text = json.dumps(found, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text if options.json else _table(found))
    return 0


def _measure(folder: Path, rows: int, keep: int) -> dict[str, Any]:
    print(f"{rows:,} rows: writing", file=sys.stderr, flush=True)
    path = folder / "pool.parquet"
    _write(path, rows)
    print(f"{rows:,} rows: reading", file=sys.stderr, flush=True)
    command = [
        sys.executable, "-m", "trainer", "retrain", "--dry-run", "--preferences", str(path),
        "--max-pairs", str(keep),
    ]  # fmt: skip
    started = time.monotonic()
    with (folder / "plan.json").open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, env={**os.environ, "WHETSTONE_DATA": str(folder / "data")}
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("error: the plan could not be made; see above.")
    text = (folder / "plan.json").read_text(encoding="utf-8")
    plan = json.loads(text[text.index("{\n") :])  # behind what was said
    return {
        "rows": rows,
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_mb": round(usage.ru_maxrss * 1024 / 1e6),
        "train": plan["train"],
        "held_out": plan["held_out"],
    }


def _write(path: Path, rows: int) -> None:
    """Triplets that differ in one name and one number."""
    import pyarrow
    import pyarrow.parquet as parquet

    names = ("prompt", "chosen", "rejected", "problem", "answers", "source", "created_at", "format")
    schema = pyarrow.schema([*((name, pyarrow.string()) for name in names),
                             ("weight", pyarrow.float64())])  # fmt: skip
    with parquet.ParquetWriter(path, schema) as writer:
        for begin in range(0, rows, _PIECE):
            piece = list(_rows(begin, min(rows, begin + _PIECE)))
            writer.write_table(pyarrow.Table.from_pylist(piece, schema=schema))


def _rows(begin: int, end: int) -> Iterator[dict[str, Any]]:
    """As `whetstone prefs export` writes them; one is made in full, the others from its text."""
    from whetstone.preferences.exchange import triplet_row
    from whetstone.preferences.records import Pair
    from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span

    mark = "4242424242"
    span = Span(start_line=1, end_line=1)
    message = f"Undefined name `lenght_{mark}`"
    problem = Problem(
        name=f"file{mark}.py",
        diagnostic=Diagnostic(source="ruff", code="F821", message=message, span=span),
        region=Region(start=1, stop=2),
        above=(f"def area_{mark}(length_{mark}, width):",),
        flagged=(f"    return lenght_{mark} * width",),
    )
    right, wrong = (
        Replacement(kind="replace", lines=(f"    return {name} * width",))
        for name in (f"length_{mark}", "0")
    )
    pair = Pair(
        id=1, suggestion_id="", problem_id="", problem=problem, chosen=right, rejected=wrong,
        weight=1.0, source="accepted", model_id="", created_at="2026-11-24T00:00:00+00:00",
    )  # fmt: skip
    row = triplet_row(pair, "compact")
    del row["model_id"], row["suggestion_id"]
    fixed = {name: value for name, value in row.items() if mark not in str(value)}
    varied = {name: value for name, value in row.items() if name not in fixed}
    for number in range(begin, end):
        digits = f"{number:010}"
        yield {**fixed, **{name: value.replace(mark, digits) for name, value in varied.items()}}


def _table(found: dict[str, Any]) -> str:
    lines = [f"{'rows':>12}{'file':>10}{'time':>9}{'peak':>9}{'trained on':>12}{'judged by':>11}"]
    for run in found["runs"]:
        lines.append(
            f"{run['rows']:>12,}{run['file_mb']:>7,.0f} MB{run['seconds']:>7,.0f} s"
            f"{run['peak_rss_mb']:>6,} MB{run['train']:>12,}{run['held_out']:>11,}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
