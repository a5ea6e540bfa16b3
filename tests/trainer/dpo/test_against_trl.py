"""Rows with shared prompts give TRL's own DPO loss, and its gradients, on a tiny Qwen2."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from trainer.dpo.rows import PrefixCollator
from trainer.trainers import PairTrainer

MIXES = [
    (["sigmoid"], None, 0.0),
    (["ipo"], None, 0.0),
    (["hinge"], None, 0.0),
    (["robust"], None, 0.2),
    (["sigmoid", "sft"], [1.0, 0.7], 0.0),
    (["ipo", "sigmoid", "sft"], [0.5, 0.25, 1.0], 0.0),
]


def random_rows(seed: int, count: int = 6) -> list[dict[str, Any]]:
    """Prompts of 1 to 60 tokens, answers of 1 to 12; some answers begin alike."""
    rng = random.Random(seed)

    def tokens(least: int, most: int) -> list[int]:
        return [rng.randrange(20, 560) for _ in range(rng.randint(least, most))]

    rows = []
    for index in range(count):
        common = tokens(0, 3) if rng.random() < 0.6 else []
        rows.append(
            {
                "prompt": tokens(1, 60),
                "chosen": [*common, *tokens(0, 9), 11],  # the ends differ: so do the answers
                "rejected": [*common, *tokens(0, 9), 12],
                "weight": 1.0,
                "smoothing": 0.0,
                "index": index,
            }
        )
    return rows


@pytest.fixture(scope="module")
def build(tiny_hf: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A trainer, ours or TRL's, whose adapter has moved away from its reference."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(tiny_hf)
    folder = tmp_path_factory.mktemp("trl")

    class Stock(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    def make(ours: bool, rows: list[dict[str, Any]], mix: Any, capacity: int | None = None) -> Any:
        losses, weights, smoothing = mix
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_pretrained(tiny_hf, dtype=torch.float32)
        lora = LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM")
        arguments: dict[str, Any] = {
            "model": get_peft_model(model, lora),
            "args": DPOConfig(
                output_dir=str(folder), use_cpu=True, bf16=False, report_to=[], max_length=None,
                gradient_checkpointing=False, remove_unused_columns=False, beta=0.3,
                loss_type=losses, loss_weights=weights, label_smoothing=smoothing,
            ),
            "processing_class": tokenizer,
        }  # fmt: skip
        if ours:
            collator = PrefixCollator(pad_token_id=0, capacity=capacity)
            trainer: Any = PairTrainer(
                attention="sdpa", max_kl=1e9, data_collator=collator,
                train_dataset=Dataset.from_list(rows), **arguments,
            )  # fmt: skip
            collator.reference = trainer.compute_reference(rows)
        else:
            ids = [{f"{k}_ids": row[k] for k in ("prompt", "chosen", "rejected")} for row in rows]
            trainer = Stock(train_dataset=Dataset.from_list(ids), **arguments)
        for name, weight in trainer.model.named_parameters():
            if ".default." in name and "lora_B" in name:  # off the reference
                torch.manual_seed(len(name))
                weight.data.normal_(std=0.05)
        trainer.model.eval()
        return trainer

    return make


def loss_and_gradient(trainer: Any) -> tuple[float, torch.Tensor]:
    loss = trainer.compute_loss(trainer.model, trainer.data_collator(list(trainer.train_dataset)))
    loss.backward()
    named = sorted(trainer.model.named_parameters(), key=lambda item: item[0])
    gradients = [w.grad.flatten() for n, w in named if ".default." in n and w.grad is not None]
    return float(loss.detach()), torch.cat(gradients)


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "+".join(mix[0]))
@pytest.mark.parametrize("seed", [1, 2])
def test_the_loss_and_its_gradient_are_trls(build: Any, mix: Any, seed: int) -> None:
    rows = random_rows(seed)
    for row in rows:
        row["smoothing"] = mix[2]
    theirs, their_gradient = loss_and_gradient(build(False, rows, mix))
    for capacity in (None, 400):  # rows as long as the longest pair, and all in one row
        ours, our_gradient = loss_and_gradient(build(True, rows, mix, capacity))
        assert ours == pytest.approx(theirs, abs=1e-5)
        scale = float(their_gradient.abs().max())
        assert torch.allclose(our_gradient, their_gradient, atol=1e-4 * scale)


def test_a_left_out_rejected_changes_nothing_for_the_pairs(build: Any) -> None:
    """Answers alone are counted beside the pairs, each by its weight."""
    rows = random_rows(5, count=3)
    alone = [
        {**random_rows(6, count=1)[0], "rejected": None, "index": 3},
        {**random_rows(7, count=1)[0], "chosen": None, "index": 4, "weight": 0.5},
    ]
    mix = (["sigmoid"], None, 0.0)
    pairs, _ = loss_and_gradient(build(True, rows, mix))
    trainer = build(True, [*rows, *alone], mix)
    losses: list[torch.Tensor] = []
    from trainer import trainers

    whole = trainers.weighted_mean

    def spy(values: torch.Tensor, weights: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
        if len(values) == 5:
            losses.append(values.detach())
        return whole(values, weights, total)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainers, "weighted_mean", spy)
        mixed, gradient = loss_and_gradient(trainer)
    assert float(losses[0][:3].mean()) == pytest.approx(pairs, abs=1e-5)
    kto = losses[0][3:].tolist()
    assert all(0 < value < 1 for value in kto)
    assert mixed == pytest.approx((3 * pairs + kto[0] + 0.5 * kto[1]) / 4.5, abs=1e-5)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


def test_parts_of_a_batch_add_up_to_the_batch(build: Any) -> None:
    """What happens after memory ran out: the same step in two halves."""
    rows = random_rows(8)
    mix = (["sigmoid"], None, 0.0)
    whole = build(True, rows, mix)
    _, expected = loss_and_gradient(whole)
    halves = build(True, rows, mix)
    halves.current_gradient_accumulation_steps = 2
    for part in (rows[:3], rows[3:]):
        halves.training_step(halves.model, halves.data_collator(part))
    named = sorted(halves.model.named_parameters(), key=lambda item: item[0])
    got = torch.cat([w.grad.flatten() for n, w in named if w.grad is not None])
    assert torch.allclose(got, expected, atol=1e-5 * float(expected.abs().max()))


def test_kto_judges_both_sides_of_a_pair_as_if_they_stood_alone(build: Any) -> None:
    rows = random_rows(9, count=4)
    alone = [
        {**row, side: None, "index": 2 * number + place}
        for number, row in enumerate(rows)
        for place, side in enumerate(("chosen", "rejected"))
    ]
    expected, gradient = loss_and_gradient(build(True, alone, (["sigmoid"], None, 0.0)))
    loss, found = loss_and_gradient(build(True, rows, (["kto"], None, 0.0)))
    assert loss == pytest.approx(expected, abs=1e-5)
    assert torch.allclose(found, gradient, atol=1e-4 * float(gradient.abs().max()))
