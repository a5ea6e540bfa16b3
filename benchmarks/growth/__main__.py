"""How times grow: with the length of a file, the number of open files, and stored preferences.

    python -m benchmarks.growth                     all of it, into docs/results with --out
    python -m benchmarks.growth --most-rows 10000 --most-lines 1000 --most-files 10 --json

The server is the real one with the active model; the store is the real one, filled by SQL. Takes
about 3 minutes and 2 GB of disk, which are freed again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.editor import load, machine
from benchmarks.growth import server, store


def main() -> int:
    options = _parse()
    found: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": load(),
    }
    with tempfile.TemporaryDirectory(prefix="whetstone-growth-", dir=options.folder) as name:
        folder = Path(name)
        found["file_length"] = server.by_length(folder, options.most_lines, _say)
        found["open_files"] = server.by_open_files(folder, options.most_files, _say)
        found["store"] = store.measure(folder, options.most_rows, _say)
    print(json.dumps(found) if options.json else table(found))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=1) + "\n"
        (options.out / "growth.json").write_text(text, encoding="utf-8")
        plot(found, options.out / "growth.png")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most-lines", type=int, default=server.LENGTHS[-1])
    parser.add_argument("--most-files", type=int, default=server.OPEN_FILES[-1])
    parser.add_argument("--most-rows", type=int, default=store.ROWS[-1])
    parser.add_argument("--folder", type=Path, help="where the files are made (on a real disk)")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write growth.json and growth.png")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(found: dict[str, Any]) -> str:
    """The figures in milliseconds."""
    lines = [f"{'lines':>10}{'diagnosed':>11}{'first fix':>11}{'fix p50':>9}{'change':>9}{'MB':>7}"]
    for row in found["file_length"]:
        lines.append(
            f"{row['lines']:>10,}{_ms(row['diagnosed_s']):>11}{_ms(row['first_fix_s']):>11}"
            f"{_ms(row['fix_s']['p50']):>9}{1000 * row['change_s']:>9.2f}{row['memory_mb']:>7.0f}"
        )
    lines += ["", f"{'open files':>10}{'newest p50':>12}{'oldest p50':>12}{'MB':>7}"]
    for row in found["open_files"]:
        lines.append(
            f"{row['open_files']:>10,}{_ms(row['newest_s']['p50']):>12}"
            f"{_ms(row['oldest_s']['p50']):>12}{row['memory_mb']:>7.0f}"
        )
    lines += ["", f"{'stored':>10}{'outcome p50':>13}{'p99':>8}{'disk p99':>10}{'stats':>8}"
              f"{'open':>8}{'MB':>9}"]  # fmt: skip
    for row in found["store"]:
        lines.append(
            f"{row['suggestions']:>10,}{1000 * row['outcome_s']['p50']:>13.2f}"
            f"{1000 * row['outcome_s']['p99']:>8.2f}{1000 * row['disk_sync_s']['p99']:>10.2f}"
            f"{_ms(row['stats_s']):>8}{_ms(row['open_s']):>8}{row['file_mb']:>9,.1f}"
        )
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f}"


def plot(found: dict[str, Any], out: Path) -> None:
    """Three panels, both axes logarithmic: a straight line upwards is growth without bound."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    panels = (
        ("file_length", "lines", "lines of the file", (
            ("diagnosed_s", None, "open to diagnostics"), ("fix_s", "p50", "a fix, median"),
            ("change_s", None, "a change"))),
        ("open_files", "open_files", "open files", (
            ("newest_s", "p50", "a fix in the newest"), ("oldest_s", "p50", "in the oldest"))),
        ("store", "suggestions", "stored suggestions", (
            ("outcome_s", "p99", "an outcome, 99 %"), ("disk_sync_s", "p99", "the disk, 99 %"),
            ("stats_s", None, "statistics"))),
    )  # fmt: skip
    for axis, (part, key, label, series) in zip(axes, panels, strict=True):
        rows = found[part]
        for name, share, legend in series:
            values = [1000 * (row[name][share] if share else row[name]) for row in rows]
            axis.plot([row[key] for row in rows], values, marker="o", markersize=4, label=legend)
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms")
    figure.savefig(out, dpi=150)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
