"""Beside the training loop: metrics to disk, progress to the user, and sound checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from trainer.run_folder import RunFolder

# Written last into a checkpoint: one without it was cut off by a kill, or holds no numbers.
COMPLETE = "complete"

# (stage, step, steps in all, values of this step)
OnStep = Callable[[str, int, int, dict[str, float]], None]


class RunCallback(TrainerCallback):  # type: ignore[misc]
    """Logs every step of one stage into the run folder and tells `on_step`."""

    def __init__(self, run: RunFolder, stage: str, on_step: OnStep) -> None:
        self._run, self._stage, self._on_step = run, stage, on_step

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return  # the summary after the last step; or another process of the run
        values = {name: float(value) for name, value in logs.items() if name != "epoch"}
        self._run.log(self._stage, state.global_step, values)
        self._on_step(self._stage, state.global_step, state.max_steps, values)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and _is_finite(folder / "adapter_model.safetensors"):
            (folder / COMPLETE).touch()


def _is_finite(adapter: Path) -> bool:
    """A step with a finite loss can still end in weights that are no numbers."""
    weights = load_file(str(adapter)).values()
    return all(bool(torch.isfinite(tensor).all()) for tensor in weights)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` that was written to its end."""
    marks = folder.glob(f"checkpoint-*/{COMPLETE}")
    return max(
        (mark.parent for mark in marks),
        key=lambda path: int(path.name.removeprefix("checkpoint-")),
        default=None,
    )
