"""TRL's trainers on packed rows whose prompts are computed once.

Configuration names, optimiser, schedule, callbacks and checkpoints are TRL's. Replaced are the
dataset preparation (rows come tokenized, so nothing is truncated), the batch and the loss.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from trl import DPOTrainer, SFTTrainer

from trainer.dpo.attention import Attention, row_mask
from trainer.dpo.loss import (
    PAIR_LOSSES,
    Margins,
    answer_sums,
    coarse_kl,
    kto_loss,
    weighted_mean,
)
from trainer.dpo.reference import KEPT, Reference
from trainer.dpo.rows import REJECTED
from trainer.dpo.scores import Head, TokenScores, likeliest_tokens, score_tokens
from trainer.errors import Diverged
from whetstone.errors import TrainingError

T = TypeVar("T")


class _PackedRows:
    """What both trainers need of the model: the states at the places that predict answer tokens."""

    loss_is_scaled_for_ga = False  # a micro-batch's mean, whatever the accumulation

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset

    def _adopt(self, model: Any, attention: Attention) -> None:
        """Let the model return its last states: the head is applied to few of them, in chunks."""
        causal_lm = model.get_base_model()
        if "sliding_attention" in (getattr(causal_lm.config, "layer_types", None) or ()):
            raise TrainingError("Models with sliding windows cannot be trained on shared prompts.")
        self._output = causal_lm.get_output_embeddings()
        assert self.head.chunk  # it is frozen
        self.attention = attention
        causal_lm.forward = types.MethodType(_last_states, causal_lm)

    @property
    def head(self) -> Head:
        """Looked up at every use: a model that is spread out puts other tensors there."""
        return Head(weight=self._output.weight, bias=getattr(self._output, "bias", None))

    def _of_states(
        self, model: Any, inputs: Mapping[str, Tensor], work: Callable[[Tensor], T]
    ) -> T:
        """What `work` makes of the states that are scored, (tokens scored, hidden).

        It is done inside the model's own forward pass: there, and only there, the output matrix is
        whole when the model is spread over several GPUs.
        """

        def scored(states: Tensor) -> T:
            return work(states.flatten(0, 1)[inputs["score_at"]])

        made: T = model(
            input_ids=inputs["input_ids"],
            position_ids=inputs["position_ids"],
            attention_mask=row_mask(inputs["example"], inputs["branch"], self.attention),
            work=scored,
        )
        return made

    def _over_all(self, total: Tensor) -> Tensor:
        """A sum of this process as its share of the whole: DDP averages what it is divided by."""
        trainer: Any = self
        if trainer.accelerator.num_processes == 1 or not trainer.model.training:
            return total
        whole: Tensor = trainer.accelerator.reduce(total.detach(), "mean")
        return whole

    def _checked(self, loss: Tensor, kl: Tensor | None = None, limit: float = math.inf) -> Tensor:
        """The loss. Raises Diverged, in all processes, when it is no number or `kl` too large."""
        trainer: Any = self
        seen = torch.stack([loss.detach(), loss.detach() * 0 if kl is None else kl])
        if trainer.accelerator.num_processes > 1 and trainer.model.training:
            seen = trainer.accelerator.reduce(seen, "mean")  # no number in one is none in all
        value, divergence = seen.tolist()
        if not math.isfinite(value):
            raise Diverged(_no_number(value, trainer.state.global_step))
        if divergence > limit:
            raise Diverged(_exploded(divergence, limit, trainer.state.global_step))
        return loss

    def _note(self, values: Mapping[str, Tensor | float]) -> None:
        trainer: Any = self
        mode = "train" if trainer.model.training else "eval"
        for name, value in values.items():
            number = value.detach() if isinstance(value, Tensor) else value
            trainer._metrics[mode][name].append(float(number))


def _last_states(self: Any, *, work: Callable[[Tensor], T], **inputs: Any) -> T:
    """Stands in for the `forward` of a causal language model: `work` on (rows, width, hidden)."""
    return work(self.base_model(**inputs, use_cache=False).last_hidden_state)


class AnswerTrainer(_PackedRows, SFTTrainer):  # type: ignore[misc]
    """Supervised training on the chosen answers: the prompt is read, not learned."""

    def __init__(self, *, attention: Attention, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._adopt(self.model, attention)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Weighted mean of the negative log-likelihood per answer token."""
        scores = self._of_states(
            model, inputs, lambda states: score_tokens(states, self.head, inputs["score_token"])
        )
        weights = inputs["weight"][inputs["score_example"]]
        loss = weighted_mean(-scores.logprobs, weights, self._over_all(weights.sum()))
        self._note({"mean_token_accuracy": scores.likeliest.float().mean()})
        loss = self._checked(loss)
        return (loss, {}) if return_outputs else loss


class PairTrainer(_PackedRows, DPOTrainer):  # type: ignore[misc]
    """Preference training of an adapter against what the reference model said of each example."""

    def __init__(self, *, attention: Attention, max_kl: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        if "ref" in self.model.peft_config:  # TRL's frozen copy: its answers are stored instead
            self.model.delete_adapter("ref")
        weights = dict(zip(self.loss_types, self.loss_weights, strict=True))
        self._sft_weight = weights.pop("sft", 0.0)
        self._judged_alone = "kto" in weights
        if not weights or set(weights) - {"kto", *PAIR_LOSSES}:
            known = ", ".join((*PAIR_LOSSES, "kto"))
            raise TrainingError(f"The losses are {known}, and sft beside one; not {set(weights)}.")
        self._pair_weights = weights
        self._max_kl = max_kl
        self.margins: dict[int, float] = {}  # nats over the reference, by index, as last seen
        self._adopt(self.model, attention)

    @torch.no_grad()
    def compute_reference(self, rows: Sequence[Mapping[str, Any]]) -> Reference:
        """What the model says as it is now, example by example in the order of `rows`."""
        loader: Any = DataLoader(
            rows,  # type: ignore[arg-type]
            batch_size=self.args.per_device_train_batch_size,
            collate_fn=self.data_collator,
        )
        self.model.eval()
        sums: list[tuple[Tensor, Tensor]] = []
        kept: list[tuple[Tensor, Tensor]] = []
        counts: list[Tensor] = []
        device = next(self.model.parameters()).device  # not yet spread over GPUs
        for batch in loader:
            batch = {name: value.to(device) for name, value in batch.items()}
            with self.accelerator.autocast():  # the precision of the training steps
                states = self._of_states(self.model, batch, lambda states: states)
            scores = score_tokens(states, self.head, batch["score_token"])
            sums.append(_sums(scores.logprobs, batch))
            kept.append(likeliest_tokens(states, self.head, KEPT))
            counts.append(batch["score_example"].bincount(minlength=len(batch["weight"])))
        self.model.train()
        chosen, rejected = (torch.cat(side).cpu() for side in zip(*sums, strict=True))
        ids, logprobs = (torch.cat(part).cpu() for part in zip(*kept, strict=True))
        return Reference(
            chosen=chosen,
            rejected=rejected,
            offsets=torch.cat(
                [torch.zeros(1, dtype=torch.long), torch.cat(counts).cpu().cumsum(0)]
            ),
            kept_ids=ids.to(torch.int32),
            kept_logprobs=logprobs,
        )

    def _compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False
    ) -> Any:
        scores = self._of_states(
            model,
            inputs,
            lambda states: score_tokens(
                states, self.head, inputs["score_token"], inputs["kept_ids"]
            ),
        )
        chosen, rejected = _sums(scores.logprobs, inputs)
        chosen_ratio = chosen - inputs["reference_chosen"]
        rejected_ratio = rejected - inputs["reference_rejected"]
        kl = self._divergence(scores, inputs)
        loss = self._preference_loss(chosen_ratio, rejected_ratio, kl, inputs)
        learned = inputs["score_side"] != REJECTED
        weights = inputs["weight"][inputs["score_example"]] * learned
        nll = weighted_mean(-scores.logprobs, weights, self._over_all(weights.sum()))
        self._report(chosen_ratio, rejected_ratio, inputs)
        self._note({"beta": self.beta, "kl": kl.mean(), "nll_chosen": nll})
        loss = self._checked(loss + self._sft_weight * nll, kl.mean(), self._max_kl)
        return (loss, {}) if return_outputs else loss

    def _divergence(self, scores: TokenScores, inputs: Mapping[str, Tensor]) -> Tensor:
        """KL to the reference per scored token, (tokens,)."""
        assert scores.kept is not None
        return coarse_kl(scores.kept, inputs["kept_logprobs"])

    def _preference_loss(
        self, chosen: Tensor, rejected: Tensor, kl: Tensor, inputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Weighted mean over pairs and answers without a partner; arguments are log-ratios."""
        if self._judged_alone:
            return self._kto(chosen, rejected, kl, inputs)
        both = inputs["has_chosen"] & inputs["has_rejected"]
        ones = torch.ones_like(inputs["score_token"], dtype=torch.float32)
        chosen_tokens, rejected_tokens = _sums(ones, inputs)
        margins = Margins(
            chosen=chosen[both],
            rejected=rejected[both],
            chosen_tokens=chosen_tokens[both],
            rejected_tokens=rejected_tokens[both],
            smoothing=inputs["smoothing"][both],
            beta=self.beta,
        )
        losses = torch.zeros_like(chosen)
        for name, weight in self._pair_weights.items():
            losses[both] = losses[both] + weight * PAIR_LOSSES[name](margins)
        z = self._reference_point(kl, inputs)  # asked in all processes, or in none
        alone = ~both
        if alone.any():
            wanted = inputs["has_chosen"][alone]
            ratio = torch.where(wanted, chosen[alone], rejected[alone])
            losses[alone] = kto_loss(ratio, wanted, z, self.beta)
        weights = inputs["weight"]
        return weighted_mean(losses, weights, self._over_all(weights.sum()))

    def _kto(
        self, chosen: Tensor, rejected: Tensor, kl: Tensor, inputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Both sides of every pair judged alone: the weighted mean over answers."""
        has = torch.cat([inputs["has_chosen"], inputs["has_rejected"]])
        wanted = torch.cat(
            [torch.ones_like(inputs["has_chosen"]), torch.zeros_like(has[: len(chosen)])]
        )
        z = self._reference_point(kl, inputs)
        losses = kto_loss(torch.cat([chosen, rejected]), wanted, z, self.beta)
        weights = torch.cat([inputs["weight"]] * 2) * has
        return weighted_mean(losses, weights, self._over_all(weights.sum()))

    def _reference_point(self, kl: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """z of KTO's eq. 7: what an answer's tokens diverge by together, averaged over the step."""
        chosen, rejected = _sums(kl, inputs)
        answers = torch.cat([chosen[inputs["has_chosen"]], rejected[inputs["has_rejected"]]])
        sums = self._over_all(torch.stack([answers.sum(), torch.ones_like(answers).sum()]))
        return sums[0] / sums[1]

    def _report(self, chosen: Tensor, rejected: Tensor, inputs: Mapping[str, Tensor]) -> None:
        """Rewards of the pairs, by TRL's names; and each pair's margin for the report."""
        both = inputs["has_chosen"] & inputs["has_rejected"]
        if not both.any():
            return
        chosen, rejected = chosen.detach()[both], rejected.detach()[both]
        margins = chosen - rejected
        self._note(
            {
                "rewards/chosen": self.beta * chosen.mean(),
                "rewards/rejected": self.beta * rejected.mean(),
                "rewards/margins": self.beta * margins.mean(),
                "rewards/accuracies": (margins > 0).float().mean(),
            }
        )
        if self.model.training:
            numbers = inputs["index"][both].tolist()
            self.margins.update(zip(numbers, margins.tolist(), strict=True))


def _sums(values: Tensor, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    return answer_sums(values, inputs["score_example"], inputs["score_side"], len(inputs["weight"]))


def _no_number(loss: float, step: int) -> str:
    return (
        f"The loss became {loss} at step {step}. The active model is untouched. "
        "Lower the learning rate (--sft-learning-rate, --dpo-learning-rate) and start again."
    )


def _exploded(kl: float, limit: float, step: int) -> str:
    return (
        f"The model left its reference: their divergence was {kl:.1f} nats per token at step "
        f"{step}, more than {limit:g}. The active model is untouched. Lower the learning rate "
        "(--dpo-learning-rate) or raise --beta, and start again."
    )
