"""The arithmetic, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.dpo_loss import kl_divergence, preference_loss, token_logprobs, weighted_nll


def _loss(chosen: list[float], rejected: list[float], weights: list[float], **more: float) -> float:
    zeros = torch.zeros(len(chosen))
    result = preference_loss(
        torch.tensor(chosen),
        torch.tensor(rejected),
        zeros - 2.0,  # the reference: -2 nats for every chosen answer
        zeros - 1.0,  # and -1 for every rejected one
        weights=torch.tensor(weights),
        beta=more.pop("beta", 0.5),
        **more,
    )
    return float(result.loss)


def test_at_the_reference_the_loss_is_log_two() -> None:
    assert _loss([-2.0], [-1.0], [1.0]) == pytest.approx(math.log(2))


def test_sigmoid_loss_of_one_pair() -> None:
    # log-ratios: chosen -1 - -2 = 1, rejected -4 - -1 = -3; beta 0.5 x (1 - -3) = 2
    assert _loss([-1.0], [-4.0], [1.0]) == pytest.approx(math.log(1 + math.exp(-2)))


def test_weights_average_the_pairs() -> None:
    a = math.log(1 + math.exp(-2))  # as above
    b = math.log(2)
    expected = (1.0 * a + 0.25 * b) / 1.25
    assert _loss([-1.0, -2.0], [-4.0, -1.0], [1.0, 0.25]) == pytest.approx(expected)
    assert _loss([-1.0, -2.0], [-4.0, -1.0], [4.0, 1.0]) == pytest.approx(expected)


def test_label_smoothing_adds_the_flipped_pair() -> None:
    right, flipped = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    smoothed = _loss([-1.0], [-4.0], [1.0], label_smoothing=0.1)
    assert smoothed == pytest.approx(0.9 * right + 0.1 * flipped)


def test_rewards_are_beta_times_the_log_ratios() -> None:
    result = preference_loss(
        torch.tensor([-1.0]), torch.tensor([-4.0]), torch.tensor([-2.0]), torch.tensor([-1.0]),
        weights=torch.ones(1), beta=0.5,
    )  # fmt: skip
    assert float(result.chosen_rewards) == 0.5
    assert float(result.rejected_rewards) == -1.5


def test_token_logprobs_by_hand() -> None:
    # one row, two tokens, vocabulary of two: p = (3/4, 1/4) and (1/2, 1/2)
    logits = torch.tensor([[[math.log(3), 0.0], [7.0, 7.0]]])
    got = token_logprobs(logits, torch.tensor([[1, 0]]), torch.tensor([[1, 0]]))
    assert got.tolist() == [[pytest.approx(math.log(1 / 4)), 0.0]]


def test_nll_counts_tokens_by_their_rows_weight() -> None:
    logprobs = torch.tensor([[-1.0, -3.0], [0.0, -6.0]])
    mask = torch.tensor([[1, 1], [0, 1]])
    # (1 x 4 + 0.5 x 6) / (1 x 2 + 0.5 x 1) = 7 / 2.5
    assert float(weighted_nll(logprobs, mask, torch.tensor([1.0, 0.5]))) == pytest.approx(2.8)


def test_kl_of_two_coins() -> None:
    policy = torch.tensor([[[math.log(3), 0.0], [5.0, 0.0]]])  # (3/4, 1/4), and one masked
    reference = torch.zeros(1, 2, 2)
    expected = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)
    got = kl_divergence(policy, reference, torch.tensor([[1, 0]]))
    assert float(got) == pytest.approx(expected)
    assert not got.requires_grad


def test_the_loss_agrees_with_trl(tiny_hf, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """One batch of unequal lengths: ours with equal weights is TRL's DPOTrainer's."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from trainer.batches import PairCollator
    from trainer.trainers import PairTrainer

    rows = [
        {"prompt": [20, 21, 22, 23], "chosen": [30, 31, 4], "rejected": [40, 4], "weight": 1.0},
        {"prompt": [50, 51], "chosen": [60, 4], "rejected": [60, 61, 62, 63, 4], "weight": 1.0},
    ]

    def value(kind):  # type: ignore[no-untyped-def]
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_pretrained(tiny_hf, dtype=torch.float32)
        lora = LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM")
        lora.init_lora_weights = "gaussian"
        model = get_peft_model(model, lora)
        tokenizer = AutoTokenizer.from_pretrained(tiny_hf)
        config = DPOConfig(
            output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], max_length=None,
            gradient_checkpointing=False, remove_unused_columns=False, beta=0.3,
            loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5],
        )  # fmt: skip
        more = {"data_collator": PairCollator(0)} if kind is PairTrainer else {}

        class Trainer(kind):  # type: ignore[misc]
            def _prepare_dataset(self, dataset, *_, **__):  # type: ignore[no-untyped-def]
                return dataset

        data = Dataset.from_list(
            rows if more else [{f"{k}_ids": v for k, v in r.items() if k != "weight"} for r in rows]
        )
        trainer = Trainer(
            model=model, args=config, train_dataset=data, processing_class=tokenizer, **more
        )
        for name, weight in trainer.model.named_parameters():
            if ".default." in name and "lora_B" in name:  # off the reference
                torch.manual_seed(len(name))
                weight.data.normal_(std=0.3)
        batch = trainer.data_collator(list(data))
        trainer.model.eval()
        return float(trainer.compute_loss(trainer.model, batch).detach())

    assert value(PairTrainer) == pytest.approx(value(DPOTrainer), abs=1e-5)
