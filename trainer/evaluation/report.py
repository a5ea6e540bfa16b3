"""What `trainer evaluate` prints and writes: tables, the comparison of models, JSON, a bar plot."""

from __future__ import annotations

import io
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.table import Table

from trainer.evaluation.static_suite import Outcome, StaticResult
from trainer.evaluation.statistics import mcnemar, wilson
from whetstone.paths import atomic_write_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the same cases, paired; `p` is McNemar's exact test."""

    a: str
    b: str
    only_a: int
    only_b: int
    p: float


def groups(result: StaticResult, *, by: str = "group") -> dict[str, list[Outcome]]:
    """Outcomes per group or kind, by name."""
    rows: dict[str, list[Outcome]] = {}
    for outcome in result.outcomes:
        rows.setdefault(str(getattr(outcome, by)), []).append(outcome)
    return dict(sorted(rows.items()))


def table(results: Sequence[StaticResult], *, by: str = "group") -> Table:
    """A row per group, a column per model: right at the first candidate, with its 95 % interval."""
    title = f"{results[0].suite.capitalize()} suite: right with the first fix shown, per {by}"
    grid = Table(title=title, title_style="")
    grid.add_column(by)
    grid.add_column("cases", justify="right")
    for result in results:
        grid.add_column(result.model_id, justify="right")
    columns = [groups(result, by=by) for result in results]
    for name, outcomes in columns[0].items():
        cells = [counted(_right(column[name]), len(column[name])) for column in columns]
        grid.add_row(name, str(len(outcomes)), *cells)
    grid.add_section()
    totals = [counted(result.solved, result.total) for result in results]
    grid.add_row("all", str(results[0].total), *totals, style="bold")
    return grid


def summary(results: Sequence[StaticResult]) -> Table:
    """One row per measure, one column per model."""
    grid = Table(title="In all", title_style="")
    grid.add_column("measure")
    for result in results:
        grid.add_column(result.model_id, justify="right")
    k = results[0].k
    rows: dict[str, list[str]] = {
        "first fix shown is right (pass@1)": [counted(r.solved, r.total) for r in results],
        f"a right one within {k}": [counted(r.solved_within_k, r.total) for r in results],
        "of what is shown, right": [counted(r.solved, r.shown) for r in results],
        "nothing shown": [counted(r.silent, r.total) for r in results],
        "false alarms on clean files": [
            counted(len(r.false_alarms), r.clean_files) if r.clean_files else "not run"
            for r in results
        ],
        "seconds per file, mean": [f"{_mean_latency(r):.2f}" for r in results],
    }
    for name, cells in rows.items():
        grid.add_row(name, *cells)
    return grid


def compare(results: Sequence[StaticResult]) -> list[Comparison]:
    """Every pair of models, in the order given."""
    return [_compare(a, b) for a, b in combinations(results, 2)]


def _compare(a: StaticResult, b: StaticResult) -> Comparison:
    right_a = {outcome.case for outcome in a.outcomes if outcome.verdict == "right"}
    right_b = {outcome.case for outcome in b.outcomes if outcome.verdict == "right"}
    only_a, only_b = len(right_a - right_b), len(right_b - right_a)
    return Comparison(
        a=a.model_id, b=b.model_id, only_a=only_a, only_b=only_b, p=mcnemar(only_a, only_b)
    )


def sentence(found: Comparison) -> str:
    return (
        f"{found.a} alone solved {found.only_a}, {found.b} alone {found.only_b}: "
        f"p = {found.p:.3g} (McNemar, exact)"
    )


def to_json(results: Sequence[StaticResult]) -> dict[str, Any]:
    """Everything that was measured, for scripts and for the model card."""
    return {
        "suite": results[0].suite,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "models": [_model_json(result) for result in results],
        "comparisons": [
            {"a": c.a, "b": c.b, "only_a": c.only_a, "only_b": c.only_b, "p": c.p}
            for c in compare(results)
        ],
    }


def _model_json(result: StaticResult) -> dict[str, Any]:
    return {
        **result.to_json(),
        "pass_at_1": _share_json(result.solved, result.total),
        "within_k": _share_json(result.solved_within_k, result.total),
        "shown_precision": _share_json(result.solved, result.shown),
        "silent_share": _share_json(result.silent, result.total),
        "by_group": _rows_json(result, "group"),
        "by_kind": _rows_json(result, "kind"),
    }


def _rows_json(result: StaticResult, by: str) -> dict[str, Any]:
    return {
        name: {
            "total": len(outcomes),
            "right": _right(outcomes),
            "within_k": sum(outcome.within_k for outcome in outcomes),
            "silent": sum(outcome.verdict == "silent" for outcome in outcomes),
            "interval": wilson(_right(outcomes), len(outcomes)),
        }
        for name, outcomes in groups(result, by=by).items()
    }


def _share_json(count: int, total: int) -> dict[str, Any]:
    share = count / total if total else None
    return {"count": count, "total": total, "share": share, "interval": wilson(count, total)}


def _right(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.verdict == "right" for outcome in outcomes)


def counted(count: int, total: int) -> str:
    """`59 of 77  77 % (66–84)`."""
    if total == 0:
        return "0 of 0"
    low, high = wilson(count, total)
    return f"{count} of {total}  {count / total:.0%} ({low * 100:.0f}–{high * 100:.0f})"


def _mean_latency(result: StaticResult) -> float:
    return sum(outcome.latency_s for outcome in result.outcomes) / max(1, result.total)


def write_plot(path: Path, results: Sequence[StaticResult]) -> None:
    """Bars of the share right per group with 95 % intervals, one colour per model, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [*groups(results[0]), "all"]
    height = 0.8 / len(results)
    figure, axis = pyplot.subplots(figsize=(8, 1 + 0.45 * len(names)), layout="constrained")
    for number, result in enumerate(results):
        shares, errors = _bars(result)
        places = [row + (number - (len(results) - 1) / 2) * height for row in range(len(names))]
        axis.barh(places, shares, height, xerr=errors, label=result.model_id, capsize=2)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="share of files repaired by the first fix shown (95 % interval)")
    figure.legend(loc="outside upper center", ncols=min(3, len(results)))
    axis.grid(axis="x", alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    pyplot.close(figure)
    atomic_write_bytes(path, buffer.getvalue(), mode=0o644)


def _bars(result: StaticResult) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Shares, and their distances to the lower and upper ends of the intervals."""
    counts = [(_right(rows), len(rows)) for rows in groups(result).values()]
    counts.append((result.solved, result.total))
    shares = [right / total for right, total in counts]
    ends = [wilson(right, total) for right, total in counts]
    below = [max(0.0, share - low) for share, (low, _) in zip(shares, ends, strict=True)]
    above = [max(0.0, high - share) for share, (_, high) in zip(shares, ends, strict=True)]
    return shares, (below, above)
