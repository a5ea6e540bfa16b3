"""The two training stages: LoRA SFT on the chosen answers, then DPO against the result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, set_seed
from trl import DPOConfig, SFTConfig

from trainer import team
from trainer.callbacks import RunCallback, last_checkpoint
from trainer.dpo.attention import BLOCK, Attention, choose_attention
from trainer.dpo.reference import Reference, reference_key
from trainer.dpo.rows import PrefixCollator
from trainer.errors import Diverged
from trainer.examples import Example
from trainer.memory import with_less_memory
from trainer.options import RetrainOptions
from trainer.reporter import Reporter
from trainer.run_folder import RunFolder
from trainer.trainers import AnswerTrainer, PairTrainer
from whetstone.errors import TrainingError, UsageError

_CHECKPOINTING_FROM = 500_000_000  # parameters: below, memory is no concern and time is
_FLEX_ROW = 16_384  # tokens: usually the whole batch


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """What both stages work with."""

    run: RunFolder
    base: Path
    examples: Sequence[Example]
    options: RetrainOptions
    reporter: Reporter
    adapter: Path | None = None  # the active model's, to train further; None begins a new one


def train_sft(job: TrainingJob, stage: str = "sft") -> Path:
    """Train a LoRA adapter on the chosen answers; returns its folder, `stage` of the run."""
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    attention = choose_attention()
    rows = [{**row, "rejected": None} for row in _rows(job.examples) if row["chosen"] is not None]

    def build(micro_batch: int) -> AnswerTrainer:
        config = SFTConfig(
            **_common(job, stage, micro_batch),
            num_train_epochs=job.options.sft_epochs,
            learning_rate=job.options.sft_learning_rate,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        return AnswerTrainer(
            attention=attention,
            model=_started(job, attention),
            args=config,
            train_dataset=Dataset.from_list(rows),
            data_collator=row_collator(tokenizer.pad_token_id, attention),
            processing_class=tokenizer,
            callbacks=[RunCallback(job.run, stage, job.reporter.step)],
            peft_config=_new_adapter(job.options) if job.adapter is None else None,
        )

    return _train(job, stage, build)


def train_dpo(job: TrainingJob, adapter: Path) -> dict[int, float]:
    """Train `adapter` on the pairs, its present state being the reference, into the run's `dpo`.

    Returns:
        By pair, how much further apart its answers are than the reference has them, in nats.
    """
    if job.options.dpo_epochs == 0:
        if team.leads():
            shutil.copytree(adapter, job.run.path / "dpo", dirs_exist_ok=True)
        return {}
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    attention = choose_attention()
    rows = _rows(job.examples)
    key = reference_key(job.base, adapter, rows, f"{_dtype()} {job.options.qlora}")
    margins: dict[int, float] = {}

    def build(micro_batch: int) -> PairTrainer:
        collator = row_collator(tokenizer.pad_token_id, attention)
        config = DPOConfig(
            **_common(job, "dpo", micro_batch),
            num_train_epochs=job.options.dpo_epochs,
            learning_rate=job.options.dpo_learning_rate,
            max_length=None,
            beta=job.options.beta,
            loss_type=[job.options.loss, "sft"],
            loss_weights=[1.0, job.options.sft_weight],
        )
        model = PeftModel.from_pretrained(_load(job, attention), str(adapter), is_trainable=True)
        trainer = PairTrainer(
            attention=attention,
            max_kl=job.options.max_kl,
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows),
            data_collator=collator,
            processing_class=tokenizer,
            callbacks=[RunCallback(job.run, "dpo", job.reporter.step)],
        )
        trainer.margins = margins
        path = job.run.path / "reference.safetensors"
        with trainer.accelerator.main_process_first():  # the others read what the first computed
            collator.reference = Reference.load(path, key)
            if collator.reference is None:
                collator.reference = trainer.compute_reference(rows)
                if team.leads():
                    collator.reference.save(path, key)
        return trainer

    _train(job, "dpo", build)
    seen = team.collected(margins)
    return {job.examples[index].pair_id: margin for index, margin in seen.items()}


def _rows(examples: Sequence[Example]) -> list[dict[str, Any]]:
    return [{**asdict(example), "index": index} for index, example in enumerate(examples)]


def row_collator(pad_token_id: int, attention: Attention) -> PrefixCollator:
    """Rows of the width that suits the mask: one row of blocks, or several dense ones."""
    if attention == "flex_attention":
        return PrefixCollator(pad_token_id=pad_token_id, capacity=_FLEX_ROW, multiple=BLOCK)
    return PrefixCollator(pad_token_id=pad_token_id)


def _common(job: TrainingJob, stage: str, micro_batch: int) -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    size = sum(path.stat().st_size for path in job.base.glob("*.safetensors"))
    options = job.options
    return {
        "output_dir": str(job.run.path / f"{stage}-checkpoints"),
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": -(-options.batch_size // (micro_batch * team.size())),
        "max_steps": options.max_steps,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,  # below 1: a share of all steps
        "logging_steps": 1,
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_steps": options.save_steps,
        "save_total_limit": 2,
        "seed": options.seed,
        "ddp_find_unused_parameters": False,
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": size > 2 * _CHECKPOINTING_FROM,
        "remove_unused_columns": False,
        "dataloader_pin_memory": cuda,
        "disable_tqdm": True,
        "report_to": [],
    }


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _load(job: TrainingJob, attention: Attention) -> Any:
    quantized = {"quantization_config": nf4()} if job.options.qlora else {}
    return AutoModelForCausalLM.from_pretrained(
        job.base, dtype=_dtype(), attn_implementation=attention, **quantized
    )


def _started(job: TrainingJob, attention: Attention) -> Any:
    """The base; with the active model's adapter where there is one, to be trained further."""
    model = _load(job, attention)
    if job.adapter is None:
        return model
    return PeftModel.from_pretrained(model, str(job.adapter), is_trainable=True)


def _new_adapter(options: RetrainOptions) -> LoraConfig:
    return LoraConfig(
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def nf4() -> Any:
    """The 4 bit type of QLoRA (Dettmers et al., arXiv 2305.14314).

    Raises:
        UsageError: there is no GPU, or bitsandbytes is not installed.
    """
    import importlib.util

    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(
            "--qlora needs an NVIDIA GPU and the package bitsandbytes (`pip install bitsandbytes`)."
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _train(job: TrainingJob, stage: str, build: Callable[[int], Any]) -> Path:
    """Train from the last sound checkpoint, if there is one, and save the adapter whole."""

    def attempt(micro_batch: int) -> Path:
        set_seed(job.options.seed)  # of the adapter's first weights, alike in all processes
        trainer = build(micro_batch)
        trainer.remove_callback(PrinterCallback)
        resume = last_checkpoint(Path(trainer.args.output_dir))
        try:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
            return _save(trainer, job.run.path / stage)
        except Diverged as error:
            raise Diverged(f"{error} {_good(Path(trainer.args.output_dir))}") from error

    def smaller(micro_batch: int) -> None:
        if team.size() > 1:
            raise TrainingError(
                "Memory ran out in one of several processes, which cannot go on without it. Start "
                "again with a smaller --batch-size or --max-length, or with more processes."
            )
        job.run.note(micro_batch=micro_batch)
        job.reporter.say(
            f"Memory ran out; going on from the last checkpoint with {micro_batch} examples at a "
            f"time. A step still takes {job.options.batch_size}."
        )

    share = -(-job.options.batch_size // team.size())  # of a step, for each process
    begin = job.run.state.get("micro_batch", share)
    return with_less_memory(attempt, begin, smaller)


def _good(checkpoints: Path) -> str:
    found = last_checkpoint(checkpoints)
    return f"The last good checkpoint is {found}." if found else "There is no checkpoint yet."


def _save(trainer: Any, out: Path) -> Path:
    model, state = trainer.accelerator.unwrap_model(trainer.model), None
    if trainer.is_fsdp_enabled:
        state = trainer.accelerator.get_state_dict(trainer.model)  # put together by all processes
    weights = [value for value in model.parameters() if value.requires_grad]
    if state is not None:
        weights = list(state.values())  # of none in the other processes
    if not all(bool(torch.isfinite(value).all()) for value in weights):
        raise Diverged("The last step left weights that are no numbers. Lower the learning rate.")
    if team.leads():
        temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
        given = {} if state is None else {"state_dict": state}
        model.save_pretrained(temporary, selected_adapters=["default"], **given)
        if out.exists():
            shutil.rmtree(out)
        temporary.replace(out)
    trainer.accelerator.wait_for_everyone()
    return out
