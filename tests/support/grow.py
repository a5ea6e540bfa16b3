"""`warm.start("grow", SHAPE, WORK)`: grow a model of that shape until the process is killed."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import torch

from trainer.starter.config import load_config
from trainer.starter.train import Budget, Process


def main(shape: str, work: Path) -> None:
    torch.compile = lambda module, **arguments: module  # type: ignore[assignment]
    torch.set_num_threads(1)
    config = load_config("nano")
    train = dataclasses.replace(config.train, row_tokens=320, rows=1, processes=1, checkpoint_s=0.0)
    config = dataclasses.replace(config, model=json.loads(shape), train=train)
    process = Process(work, config, 0, 1)
    print("from", process.progress.step, flush=True)
    process.run(Budget(tokens=10**9, seconds=None))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
