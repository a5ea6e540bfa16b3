"""Options and parts for whole training runs of the tiny model, shared by their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainer.options import RetrainOptions
from trainer.reporter import SilentReporter
from trainer.retrain import GateMode, Tools

FAST = RetrainOptions(
    sft_epochs=1,
    dpo_epochs=2,
    sft_learning_rate=2e-3,
    dpo_learning_rate=2e-3,
    save_steps=2,
    rehearsal=0.25,
)


@dataclass(frozen=True)
class Case:
    case: str
    kind: str
    verdict: str


@dataclass(frozen=True)
class Fixed:
    """Of ten problems, the first `solved` are right."""

    solved: int

    @property
    def outcomes(self) -> list[Case]:
        return [
            Case(f"case-{n}", "missing-colon", "right" if n < self.solved else "wrong")
            for n in range(10)
        ]


class Evaluation:
    """Stands for the static suite: the n-th model measured solves `solved[n]` problems."""

    def __init__(self, *solved: int) -> None:
        self.solved = list(solved)
        self.models: list[str] = []

    def __call__(self, engine: Any, limit: int | None) -> Fixed:
        self.models.append(engine.model_id)
        return Fixed(self.solved.pop(0))


def tools(world: Any, *solved: int, gate: GateMode = "judge") -> Tools:
    return Tools(
        preferences=world.store,
        registry=world.registry,
        evaluate=Evaluation(*solved),
        reporter=SilentReporter(),
        gate=gate,
    )
