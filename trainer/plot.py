"""A picture of one run: losses, reward margin and KL over the steps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from whetstone.paths import atomic_write_bytes

_PANELS = (
    ("SFT: loss on the chosen answers", "sft", "loss", "nats per token"),
    ("DPO: loss", "dpo", "loss", "nats"),
    ("DPO: reward margin", "dpo", "rewards/margins", "beta x nats"),
    ("DPO: KL to the reference", "dpo", "kl", "nats per token"),
)


def write_plot(path: Path, metrics: Sequence[dict[str, Any]], title: str) -> None:
    """Draw the metrics of `RunFolder.metrics` as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for axis, (name, stage, key, unit) in zip(axes.flat, _PANELS, strict=True):
        points = [
            (row["step"], row[key]) for row in metrics if row["stage"] == stage and key in row
        ]
        axis.plot([step for step, _ in points], [value for _, value in points], marker=".")
        axis.set(title=name, xlabel="step", ylabel=unit)
        axis.grid(alpha=0.3)
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    pyplot.close(figure)
    atomic_write_bytes(path, buffer.getvalue(), mode=0o600)
