"""Random LoRA adapters over the tiny models, as PEFT saves them."""

from __future__ import annotations

from pathlib import Path


def make(base: Path, folder: Path, *, seed: int = 1, **options: object) -> Path:
    """Save an adapter of the model in `base` into `folder`; `options` are LoraConfig's."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    given = {"r": 4, "lora_alpha": 12, "target_modules": "all-linear", **options}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**given))
    for name, weight in model.named_parameters():
        if "lora_" in name:  # B starts as zeros, which would hide everything
            torch.nn.init.normal_(weight, std=0.1)
    model.save_pretrained(folder)
    return folder
