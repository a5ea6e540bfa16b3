"""TRL's trainers with this project's loss: weighted pairs, and the KL measured at every step.

Configuration names, optimiser, schedule, callbacks and checkpoints are TRL's. Two things of theirs
are replaced: the dataset preparation (rows come tokenized, so nothing is truncated) and the loss.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from trl import DPOTrainer, SFTTrainer
from trl.trainer.utils import use_adapter

from trainer.batches import answer_logits
from trainer.dpo_loss import kl_divergence, preference_loss, token_logprobs, weighted_nll
from trainer.errors import Diverged
from whetstone.errors import TrainingError

REFERENCE_ADAPTER = "ref"  # the name TRL gives to the frozen copy of an adapter trained again


class AnswerTrainer(SFTTrainer):  # type: ignore[misc]
    """Supervised training on the chosen answers: the prompt is read, not learned."""

    loss_is_scaled_for_ga = False  # a micro-batch's mean, whatever the accumulation

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Weighted mean of the negative log-likelihood per answer token."""
        logits, targets, mask = answer_logits(model, inputs)
        logprobs = token_logprobs(logits.float(), targets, mask)
        loss = _finite(weighted_nll(logprobs, mask, inputs["weight"]), self.state.global_step)
        right = ((logits.argmax(dim=-1) == targets) * mask).sum() / mask.sum()
        self._metrics[_mode(self)]["mean_token_accuracy"].append(float(right))
        return (loss, {}) if return_outputs else loss


class PairTrainer(DPOTrainer):  # type: ignore[misc]
    """DPO of an adapter against a frozen copy of itself as it was at the start."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if REFERENCE_ADAPTER not in self.model.peft_config:
            raise TrainingError("TRL made no reference adapter: this version of it is not usable.")
        weights = dict(zip(self.loss_types, self.loss_weights, strict=True))
        self._sft_weight = weights.pop("sft", 0.0)
        if set(weights) != {"sigmoid"}:
            raise TrainingError(f"Only the losses sigmoid and sft are known, not {set(weights)}.")

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False
    ) -> Any:
        logits, targets, mask = answer_logits(model, inputs)  # rows: all chosen, then all rejected
        with (
            torch.no_grad(),
            use_adapter(self.accelerator.unwrap_model(model), adapter_name=REFERENCE_ADAPTER),
        ):
            reference_logits, _, _ = answer_logits(model, inputs)
        logprobs = token_logprobs(logits.float(), targets, mask)
        reference = token_logprobs(reference_logits.float(), targets, mask).sum(dim=-1)
        chosen, rejected = logprobs.sum(dim=-1).chunk(2)
        result = preference_loss(
            chosen,
            rejected,
            *reference.chunk(2),
            weights=inputs["weight"],
            beta=self.beta,
            label_smoothing=self.label_smoothing,
        )
        nll = weighted_nll(logprobs.chunk(2)[0], mask.chunk(2)[0], inputs["weight"])
        loss = _finite(result.loss + self._sft_weight * nll, self.state.global_step)
        margins = result.chosen_rewards - result.rejected_rewards
        self._note(
            {
                "beta": self.beta,
                "kl": kl_divergence(logits, reference_logits, mask),
                "nll_chosen": nll,
                "rewards/chosen": result.chosen_rewards.mean(),
                "rewards/rejected": result.rejected_rewards.mean(),
                "rewards/margins": margins.mean(),
                "rewards/accuracies": (margins > 0).float().mean(),
                "logps/chosen": chosen.mean(),
                "logps/rejected": rejected.mean(),
            }
        )
        return (loss, {}) if return_outputs else loss

    def _note(self, values: dict[str, Tensor | float]) -> None:
        for name, value in values.items():
            number = value.detach() if isinstance(value, Tensor) else value
            self._metrics[_mode(self)][name].append(float(number))


def _mode(trainer: Any) -> str:
    return "train" if trainer.model.training else "eval"


def _finite(loss: Tensor, step: int) -> Tensor:
    if torch.isfinite(loss):
        return loss
    raise Diverged(
        f"The loss became {float(loss.detach())} at step {step}. The active model is untouched. "
        "Lower the learning rate (--sft-learning-rate, --dpo-learning-rate) and start again."
    )
