"""One training run of either side: same model, pairs, seeds, LoRA and batch."""

from __future__ import annotations

import platform
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback, Qwen2Tokenizer
from trl import DPOConfig, DPOTrainer

from benchmarks.dpo.shapes import SHAPES, load_nf4, make_model, make_pairs
from trainer.dpo.attention import choose_attention
from trainer.trainers import PairTrainer
from trainer.training import row_collator

Name = Literal["ours", "trl", "trl-precomputed"]

_CLEAR = Path("/proc/self/clear_refs")  # Linux: writing 5 sets the peak back


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is trained, and how."""

    shape: str
    device: str
    ratio: int
    pairs: int
    batch: int
    epochs: int
    seed: int
    qlora: bool
    checkpointing: bool
    lora_rank: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run. Time covers everything after the model is built: reference, steps, optimizer.

    `cpu_seconds` is the processor time of this process: on a busy machine it tells more than the
    clock. `tokens` are those of prompt + chosen and prompt + rejected, however often they are
    computed. `memory` is the peak over what was there before the model, in bytes.
    """

    seconds: float
    cpu_seconds: float
    pairs: int
    tokens: int
    flops: int
    losses: tuple[float, ...]
    memory: int


class _Recorded:
    """Keeps every step's loss; the log would round it."""

    recorded: list[float]

    def compute_loss(self, *arguments: Any, **named: Any) -> Any:
        loss = super().compute_loss(*arguments, **named)  # type: ignore[misc]
        self.recorded.append(float(loss.detach()))
        return loss


class _Ours(_Recorded, PairTrainer):  # type: ignore[misc]
    pass


class _Stock(_Recorded, DPOTrainer):  # type: ignore[misc]
    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # tokens already; nothing is cut off


def measure(name: Name, setting: Setting) -> Measured:
    """Build the model, train, and look at the clock and the memory."""
    shape = SHAPES[setting.shape]
    rows = make_pairs(shape, setting.ratio, setting.pairs, setting.seed)
    before = _reset_peak(setting.device)
    with tempfile.TemporaryDirectory(prefix="whetstone-dpo-") as folder:
        flexible = name == "ours" and setting.device == "cuda"
        attention = choose_attention() if flexible else "sdpa"
        model = (
            load_nf4(shape, Path(folder) / "model", attention=attention, seed=setting.seed)
            if setting.qlora
            else make_model(shape, setting.device, attention=attention, seed=setting.seed)
        )
        begin, cpu = time.perf_counter(), time.process_time()  # TRL precomputes in its constructor
        trainer = _build(name, setting, model, rows, attention, folder)
        trainer.recorded = []
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        if setting.device == "cuda":
            torch.cuda.synchronize()
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    tokens = sum(2 * len(r["prompt"]) + len(r["chosen"]) + len(r["rejected"]) for r in rows)
    return Measured(
        seconds=seconds,
        cpu_seconds=cpu,
        pairs=setting.epochs * setting.pairs,
        tokens=setting.epochs * tokens,
        flops=_flops(name, setting, rows),
        losses=tuple(trainer.recorded),
        memory=_peak(setting.device) - before,
    )


def _build(
    name: Name, setting: Setting, model: Any, rows: Sequence[dict[str, Any]], attention: Any,
    folder: str,
) -> Any:  # fmt: skip
    cuda = setting.device == "cuda"
    arguments: dict[str, Any] = {
        "model": model,
        "args": DPOConfig(
            output_dir=folder,
            per_device_train_batch_size=setting.batch,
            num_train_epochs=setting.epochs,
            learning_rate=1e-4,
            max_length=None,
            seed=setting.seed,
            use_cpu=not cuda,
            bf16=cuda,
            gradient_checkpointing=setting.checkpointing,
            precompute_ref_log_probs=name == "trl-precomputed",
            remove_unused_columns=False,
            dataloader_pin_memory=cuda,
            save_strategy="no",
            disable_tqdm=True,
            report_to=[],
        ),
        "processing_class": _tokenizer(),
        "peft_config": LoraConfig(
            r=setting.lora_rank,
            lora_alpha=2 * setting.lora_rank,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    }
    if name != "ours":
        named = [{f"{k}_ids": row[k] for k in ("prompt", "chosen", "rejected")} for row in rows]
        return _Stock(train_dataset=Dataset.from_list(named), **arguments)
    collator = row_collator(0, attention)
    trainer = _Ours(
        attention=attention,
        max_kl=float("inf"),
        data_collator=collator,
        train_dataset=Dataset.from_list(list(rows)),
        **arguments,
    )
    collator.reference = trainer.compute_reference(rows)
    return trainer


def _tokenizer() -> Any:
    """TRL wants one; the rows are token ids, so nothing is ever tokenized."""
    return Qwen2Tokenizer(
        vocab={"<pad>": 0, "<end>": 1}, merges=[], pad_token="<pad>", eos_token="<end>"
    )


def _flops(name: Name, setting: Setting, rows: Sequence[dict[str, Any]]) -> int:
    """Of the matrices that a run has to multiply, without attention, padding and optimizer.

    The weights are frozen: the backward pass computes the states' gradients only. Recomputation
    (checkpointing) counts where it is done. The head is applied to answer tokens.
    """
    shape = SHAPES[setting.shape]
    attention = (
        shape.hidden * (shape.hidden // shape.heads) * (2 * shape.heads + 2 * shape.kv_heads)
    )
    body = shape.layers * (attention + 3 * shape.hidden * shape.intermediate)
    head = shape.hidden * shape.vocabulary
    answers = sum(len(row["chosen"]) + len(row["rejected"]) for row in rows)
    prompts = sum(len(row["prompt"]) for row in rows)
    tokens = answers + prompts * (1 if name == "ours" else 2)
    forward = 2 * (tokens * body + answers * head)
    step = forward * 2 + (2 * tokens * body if setting.checkpointing else 0)
    return setting.epochs * step + forward * (setting.epochs if name == "trl" else 1)


def _reset_peak(device: str) -> int:
    """Bytes in use now; what was in use before no longer counts for the peak."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if _CLEAR.exists():
        _CLEAR.write_text("5", encoding="ascii")
        return _status("VmRSS")
    return _peak(device)


def _peak(device: str) -> int:
    """The most bytes that were in use since `_reset_peak`; without Linux, since the start."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if _CLEAR.exists():
        return _status("VmHWM")
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
