"""Fold a LoRA adapter into its base model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from whetstone.errors import TrainingError


def merge(base: Path, adapter: Path, out: Path) -> Path:
    """Write the Hugging Face folder `out` = `base` with `adapter` added, in the base's precision.

    Raises:
        TrainingError: `out` cannot be written.
    """
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload(safe_merge=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        merged.save_pretrained(temporary)
        AutoTokenizer.from_pretrained(base).save_pretrained(temporary)
        if out.exists():
            shutil.rmtree(out)
        temporary.replace(out)
    except OSError as error:
        raise TrainingError(f"{out}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out
