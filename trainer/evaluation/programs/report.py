"""What `trainer evaluate` prints and writes of suites of programs."""

from __future__ import annotations

import io
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from rich.table import Table

from trainer.evaluation.programs.suite import SuiteResult
from trainer.evaluation.report import Comparison, counted
from trainer.evaluation.statistics import mcnemar
from whetstone.paths import atomic_write_bytes


def table(results: Sequence[SuiteResult]) -> Table:
    """A row per suite and model."""
    grid = Table(title="Programs with a failing test", title_style="")
    k = results[0].budget.tries
    for name in ("suite", "model"):
        grid.add_column(name)
    for name in (
        "first answer right", f"right of the first {k} that passes", "right of what passes",
        "pass@1", f"pass@{k}", "s each",
    ):  # fmt: skip
        grid.add_column(name, justify="right")
    for result in results:
        grid.add_row(
            result.suite,
            result.model_id,
            counted(sum(result.unproved()), result.total),
            counted(sum(result.proved()), result.total),
            counted(sum(result.proved()), result.shown()),
            f"{result.pass_at(1):.1%}",
            f"{result.pass_at(k):.1%}",
            f"{result.wall_s / max(1, result.total):.1f}",
        )
    return grid


def kinds(results: Sequence[SuiteResult]) -> Table:
    """A row per kind of the first suite: programs mended with proof."""
    same = [result for result in results if result.suite == results[0].suite]
    grid = Table(title=f"{same[0].suite}: right among what passes, per kind", title_style="")
    grid.add_column("kind")
    for result in same:
        grid.add_column(result.model_id, justify="right")
    for kind, row in same[0].by_kind().items():
        cells = [counted(result.by_kind()[kind]["proved"], row["programs"]) for result in same]
        grid.add_row(kind, *cells)
    return grid


def compare(results: Sequence[SuiteResult]) -> list[Comparison]:
    """Every pair of models on the same suite: programs mended with proof, paired."""
    found = []
    for a, b in combinations(results, 2):
        if a.suite == b.suite:
            pairs = list(zip(a.proved(), b.proved(), strict=True))
            only_a = sum(one and not other for one, other in pairs)
            only_b = sum(other and not one for one, other in pairs)
            p = mcnemar(only_a, only_b)
            found.append(Comparison(a=a.model_id, b=b.model_id, only_a=only_a, only_b=only_b, p=p))
    return found


def to_json(results: Sequence[SuiteResult]) -> dict[str, Any]:
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "results": [result.to_json() for result in results],
        "comparisons": [
            {"a": c.a, "b": c.b, "only_a": c.only_a, "only_b": c.only_b, "p": c.p}
            for c in compare(results)
        ],
    }


def write_plot(path: Path, results: Sequence[SuiteResult]) -> None:
    """pass@k over k for every suite and model, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for result in results:
        ks = range(1, result.budget.tries + 1)
        label = f"{result.model_id} on {result.suite}"
        axis.plot(ks, [result.pass_at(k) for k in ks], marker="o", label=label)
    axis.set(xlabel="answers (k)", ylabel="pass@k", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    pyplot.close(figure)
    atomic_write_bytes(path, buffer.getvalue(), mode=0o644)
