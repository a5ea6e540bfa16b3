"""Training on CUDA: whole runs, what bf16 costs, and 4 bit."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from retraining import FAST, tools

from trainer.dpo.attention import choose_attention
from trainer.retrain import retrain
from trainer.run_folder import RunFolder


def test_a_whole_run(world: Any) -> None:
    torch.cuda.reset_peak_memory_stats()
    result = retrain(FAST, tools(world, 5, 5))
    run = RunFolder(result.run)
    assert torch.cuda.max_memory_allocated() > 0  # it did train there
    assert run.state["attention"] == choose_attention()
    assert run.state["verification"]["passed"], run.state["verification"]
    steps = [row for row in run.metrics() if row["stage"] == "dpo"]
    assert steps[0]["kl"] < 1e-2  # begins at the reference, computed in other batches
    assert all(math.isfinite(row["loss"]) for row in steps)
    verdict = run.state["verdict"]
    assert verdict["candidate"]["margin"] > verdict["active"]["margin"]


def test_an_adapter_run(world: Any) -> None:
    result = retrain(dataclasses.replace(FAST, adapter=True), tools(world, 5, 5))
    assert RunFolder(result.run).state["verification"]["passed"]


def losses(folder: Path, out: Path, *, bf16: bool) -> list[float]:
    """Of some preference steps with the mask and rows that a GPU gets."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
    from trl import DPOConfig

    from trainer.trainers import PairTrainer
    from trainer.training import row_collator

    rows = [
        {
            "prompt": [20 + (i * 7 + j) % 500 for j in range(90 + i)],
            "chosen": [100 + i, 101, 102 + i % 3, 11], "rejected": [200, 201 + i, 12],
            "weight": 1.0, "smoothing": 0.0, "index": i,
        }
        for i in range(32)
    ]  # fmt: skip
    attention = choose_attention()
    set_seed(0)
    dtype = torch.bfloat16 if bf16 else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    collator = row_collator(tokenizer.pad_token_id, attention)
    trainer = PairTrainer(
        attention=attention, max_kl=1e9, data_collator=collator, processing_class=tokenizer,
        model=get_peft_model(model, lora), train_dataset=Dataset.from_list(rows),
        args=DPOConfig(
            output_dir=str(out), bf16=bf16, report_to=[], max_length=None, learning_rate=1e-3,
            per_device_train_batch_size=8, num_train_epochs=3, logging_steps=1, beta=0.1,
            gradient_checkpointing=False, remove_unused_columns=False, save_strategy="no",
            loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5], disable_tqdm=True,
        ),
    )  # fmt: skip
    collator.reference = trainer.compute_reference(rows)
    trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


def test_bf16_has_the_loss_of_32_bit(tiny_hf: Path, tmp_path: Path) -> None:
    exact = losses(tiny_hf, tmp_path / "32", bf16=False)
    rounded = losses(tiny_hf, tmp_path / "16", bf16=True)
    assert len(exact) == 12 and exact[-1] < exact[0] - 0.1  # something was learnt meanwhile
    # 8 bits of mantissa: 0.4 % of each product, and the steps go on from what was rounded
    assert rounded == pytest.approx(exact, rel=0.03, abs=0.02)


def test_a_run_on_a_base_in_4_bit(world: Any) -> None:
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes")
    result = retrain(dataclasses.replace(FAST, qlora=True), tools(world, 5, 5))
    run = RunFolder(result.run)
    assert run.stage in ("promoted", "kept")
    rows = run.metrics()
    assert rows and all(math.isfinite(row["loss"]) for row in rows)
