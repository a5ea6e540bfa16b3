"""What a retraining run can be told, with defaults sized for a few dozen pairs on two CPU cores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from whetstone.errors import UsageError

LOSSES = ("sigmoid", "robust", "hinge", "ipo", "kto")
_SMALL = 100_000_000  # parameters
LEAST_GENERAL = 160  # general problems: fewer did not keep the static cases (personal-loop.md)
_FEW, _MANY = 40, 140  # choices trained on: learning rates grow from once to twice in between


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainOptions:
    """Settings of one run; they are stored with it, and a resumed run keeps them.

    Attributes:
        min_pairs: new triplets that must have come.
        replay: pairs of earlier runs to mix in, as a share of the new ones.
        rehearsal: general problems to mix in, as a share of the triplets and answers trained on
            (compact models only; trainer/rehearsal.py); None mixes in as many, and at least
            LEAST_GENERAL.
        held_out: share of problems that are never trained on.
        max_length: tokens of prompt and answer together; longer prompts lose context lines.
        dpo_epochs: 0 leaves that stage out: SFT alone.
        sft_learning_rate, dpo_learning_rate: None takes what suits the model's size and
            the number of choices (`for_run`).
        loss: one of LOSSES; see trainer/dpo/loss.py. "kto" judges both sides of every pair alone.
        beta: strength of the pull towards the reference model in DPO.
        label_smoothing: share of pairs believed to stand the wrong way round; None takes what
            was measured of each source (trainer/noise.py).
        max_kl: nats per token from the reference at which the run is stopped.
        sft_weight: weight of the chosen answers' own likelihood beside the DPO loss. Without it
            the chosen answers become less likely, too, only less so than the rejected.
        batch_size: examples per step; on a lack of memory they go through in smaller parts.
        qlora: load the base in 4 bit while training; wants a GPU and bitsandbytes.
        adapter: write a LoRA adapter over the active model's file, which stays as it is, and not a
            merged model; None goes on as the active one is.
        preferences: address of pooled pairs (trainer/pool.py) to use instead of one's own.
        max_pairs: of these, how many are trained on at most.
        quantization: of the new file; the active model's when None.
        save_steps: steps between checkpoints: what a kill may cost.
        eval_limit: evaluation problems that the gate uses; all of them when None.
    """

    min_pairs: int = 20
    replay: float = 0.5
    rehearsal: float | None = None
    held_out: float = 0.2
    max_length: int = 1024
    lora_rank: int = 16
    lora_alpha: int = 32
    sft_epochs: float = 2.0
    sft_learning_rate: float | None = None
    dpo_epochs: float = 3.0
    dpo_learning_rate: float | None = None
    loss: str = "sigmoid"
    beta: float = 0.1
    label_smoothing: float | None = None
    max_kl: float = 5.0
    sft_weight: float = 1.0
    batch_size: int = 8
    qlora: bool = False
    max_steps: int = -1
    save_steps: int = 20
    seed: int = 0
    adapter: bool | None = None
    preferences: str | None = None
    max_pairs: int = 10_000
    quantization: str | None = None
    base: str | None = None
    eval_limit: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise UsageError("--held-out must lie between 0 and 1, for example 0.2.")
        if self.min_pairs < 2:
            raise UsageError("--min-pairs must be at least 2: one to train on, one held out.")
        if self.loss not in LOSSES:
            raise UsageError(f"--loss must be one of {', '.join(LOSSES)}.")
        if self.label_smoothing is not None and not 0 <= self.label_smoothing < 0.5:
            raise UsageError("--label-smoothing must lie between 0 and 0.5, for example 0.1.")
        if self.max_pairs < 2:
            raise UsageError("--max-pairs must be at least 2.")
        for name in ("beta", "batch_size", "max_length", "save_steps", "lora_rank", "max_kl"):
            if getattr(self, name) <= 0:
                raise UsageError(f"--{name.replace('_', '-')} must be more than 0.")

    def for_run(self, parameters: int, choices: int) -> RetrainOptions:
        """The same with learning rates for a model of so many parameters and so many choices.

        Measured on the 5 M starter with 50 triplets, on 120 pairs of other problems: 2e-4 and 1e-4,
        right for billions, moved the mean margin from -4.24 to -4.15 nats only; 1e-3 and 5e-4 to
        -3.18. With 160 choices to train on, twice the rates teach more (docs/personal-loop.md);
        with 10 they cost 3 of 12 evaluation problems. So they grow with the choices.
        """
        sft, dpo = (1e-3, 5e-4) if parameters < _SMALL else (2e-4, 5e-5)
        growth = rate_growth(choices) if parameters < _SMALL else 1.0
        return dataclasses.replace(
            self,
            sft_learning_rate=self.sft_learning_rate or sft * growth,
            dpo_learning_rate=self.dpo_learning_rate or dpo * growth,
        )

    def general_problems(self, examples: int) -> int:
        """How many general problems to mix into so many triplets and answers."""
        if self.rehearsal is None:
            return max(examples, LEAST_GENERAL)
        return round(self.rehearsal * examples)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> RetrainOptions:
        """Options as an earlier version wrote them: what is unknown now is left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})


def rate_growth(choices: int) -> float:
    """By what a small model's learning rates are multiplied.

    >>> [rate_growth(count) for count in (10, 40, 90, 140, 1000)]
    [1.0, 1.0, 1.5, 2.0, 2.0]
    """
    return 1.0 + min(1.0, max(0.0, (choices - _FEW) / (_MANY - _FEW)))
