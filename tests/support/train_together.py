"""`torchrun ... train_together.py RUN`: the training stages of a prepared run, in all processes."""

from __future__ import annotations

import sys
from pathlib import Path

from trainer import team
from trainer.reporter import SilentReporter
from trainer.run_folder import RunFolder
from trainer.stages import TrainingStages


def stages(path: Path):
    made = TrainingStages(RunFolder(path), SilentReporter())
    return {"sft": made.sft, "dpo": made.dpo}


def main(path: Path) -> None:
    if not team.leads():
        team.help_out(stages)
        return
    run, reporter = RunFolder(path), SilentReporter()
    with team.Lead() as lead:
        mine = TrainingStages(run, reporter)
        mine.get_ready()
        for name, train in (("sft", mine.sft), ("dpo", mine.dpo)):
            lead.begin(name, path)
            run.finish(name, **train())
            lead.done(last=name == "dpo")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
