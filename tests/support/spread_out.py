"""`torchrun ... spread_out.py MODEL OUT`: one preference step with the model over all processes.

Writes the loss and the gradients of the adapter, put together. With one process the model stays
whole: what the others are compared with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from accelerate import PartialState
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig

from trainer.dpo.rows import PrefixCollator
from trainer.trainers import PairTrainer

ROWS = [
    {
        "prompt": list(range(20 + i, 60 + i)), "chosen": [100 + i, 101, 11],
        "rejected": [200, 201 + i, 202, 12], "weight": 1.0 + i % 3, "smoothing": 0.0, "index": i,
    }
    for i in range(8)
]  # fmt: skip


def main(folder: str, out: Path) -> None:
    state = PartialState(cpu=True)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lora = LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM")
    collator = PrefixCollator(pad_token_id=0)
    trainer = PairTrainer(
        attention="sdpa", max_kl=1e9, data_collator=collator, model=get_peft_model(model, lora),
        train_dataset=Dataset.from_list(ROWS),
        processing_class=AutoTokenizer.from_pretrained(folder),
        args=DPOConfig(
            output_dir=str(out.parent), use_cpu=True, bf16=False, report_to=[], max_length=None,
            gradient_checkpointing=False, remove_unused_columns=False, beta=0.3,
            loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.5],
        ),
    )  # fmt: skip
    collator.reference = trainer.compute_reference(ROWS)
    for name, weight in trainer.model.named_parameters():
        if "lora_B" in name:  # off the reference
            torch.manual_seed(len(name))
            torch.nn.init.normal_(weight, std=0.05)
    if state.num_processes > 1:
        from torch.distributed.fsdp import fully_shard

        for layer in trainer.model.get_base_model().model.layers:
            fully_shard(layer)
        fully_shard(trainer.model)
    share = len(ROWS) // state.num_processes
    begin = share * state.process_index
    trainer.model.train()
    batch = collator(ROWS[begin : begin + share])
    loss, _ = trainer._compute_loss(trainer.model, batch, return_outputs=True)
    loss.backward()
    mean = trainer.accelerator.reduce(loss.detach(), "mean")
    gradients = {
        name: whole(weight.grad)
        for name, weight in trainer.model.named_parameters()
        if weight.requires_grad
    }
    if state.is_main_process:
        torch.save({"loss": mean, **gradients}, out)
    if state.num_processes > 1:
        torch.distributed.destroy_process_group()


def whole(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
