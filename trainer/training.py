"""The two training stages: LoRA SFT on the chosen answers, then DPO against the result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import DPOConfig, SFTConfig

from trainer.batches import AnswerCollator, PairCollator
from trainer.callbacks import OnStep, RunCallback, last_checkpoint
from trainer.examples import Example
from trainer.options import RetrainOptions
from trainer.run_folder import RunFolder
from trainer.trainers import AnswerTrainer, PairTrainer

_CHECKPOINTING_FROM = 500_000_000  # parameters: below, memory is no concern and time is


def train_sft(
    run: RunFolder,
    base: Path,
    examples: Sequence[Example],
    options: RetrainOptions,
    on_step: OnStep,
) -> Path:
    """Train a LoRA adapter on the chosen answers; returns its folder."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = SFTConfig(
        **_common(run.path / "sft-checkpoints", base, options),
        num_train_epochs=options.sft_epochs,
        learning_rate=options.sft_learning_rate,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = AnswerTrainer(
        model=_load(base),
        args=config,
        train_dataset=_dataset(examples),
        data_collator=AnswerCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=[RunCallback(run, "sft", on_step)],
        peft_config=LoraConfig(
            r=options.lora_rank,
            lora_alpha=options.lora_alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    return _train(trainer, run.path / "sft")


def train_dpo(
    run: RunFolder,
    base: Path,
    adapter: Path,
    examples: Sequence[Example],
    options: RetrainOptions,
    on_step: OnStep,
) -> Path:
    """Train `adapter` on the pairs, its present state being the reference; returns its folder."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = DPOConfig(
        **_common(run.path / "dpo-checkpoints", base, options),
        num_train_epochs=options.dpo_epochs,
        learning_rate=options.dpo_learning_rate,
        max_length=None,
        beta=options.beta,
        loss_type=["sigmoid", "sft"],
        loss_weights=[1.0, options.sft_weight],
    )
    trainer = PairTrainer(
        model=PeftModel.from_pretrained(_load(base), str(adapter), is_trainable=True),
        args=config,
        train_dataset=_dataset(examples),
        data_collator=PairCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
        callbacks=[RunCallback(run, "dpo", on_step)],
    )
    return _train(trainer, run.path / "dpo")


def _common(output: Path, base: Path, options: RetrainOptions) -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    size = sum(path.stat().st_size for path in base.glob("*.safetensors"))
    return {
        "output_dir": str(output),
        "per_device_train_batch_size": options.batch_size,
        "max_steps": options.max_steps,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,  # below 1: a share of all steps
        "logging_steps": 1,
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_steps": options.save_steps,
        "save_total_limit": 2,
        "seed": options.seed,
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": size > 2 * _CHECKPOINTING_FROM,
        "remove_unused_columns": False,
        "dataloader_pin_memory": cuda,
        "disable_tqdm": True,
        "report_to": [],
    }


def _load(base: Path) -> Any:
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return AutoModelForCausalLM.from_pretrained(base, dtype=dtype)


def _dataset(examples: Sequence[Example]) -> Dataset:
    return Dataset.from_list([asdict(example) for example in examples])


def _train(trainer: Any, out: Path) -> Path:
    """Train from the last sound checkpoint, if there is one, and save the adapter whole."""
    trainer.remove_callback(PrinterCallback)
    resume = last_checkpoint(Path(trainer.args.output_dir))
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    trainer.model.save_pretrained(temporary, selected_adapters=["default"])
    if out.exists():
        shutil.rmtree(out)
    temporary.replace(out)
    return out
