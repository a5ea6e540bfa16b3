"""Memory of training the true shape of Qwen2.5-3B, with random weights."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import torch

GB = 1e9


@pytest.fixture(autouse=True)
def enough_memory() -> None:
    free, _ = torch.cuda.mem_get_info()
    if free < 30 * GB:
        pytest.skip(f"the 3B shape beside TRL wants 30 GB of GPU memory; {free / GB:.0f} are free")


def benchmark(*options: str) -> Any:
    """Eight pairs: enough for memory, which is what is looked at here."""
    small = ("--pairs", "8", "--epochs", "1", "--repeats", "1")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dpo", "--shape", "qwen2.5-3b", "--device", "cuda",
         *small, *options, "--json"],
        capture_output=True,
        text=True,
        timeout=590,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.timeout(600)
def test_less_than_trl_takes() -> None:
    found = benchmark("--batch", "4")
    assert found["ratio_peak_memory"] < 0.75
    assert found["max_abs_loss_difference"] < 0.05  # in bf16


@pytest.mark.timeout(600)
def test_4_bit_fits_8_gb() -> None:
    pytest.importorskip("bitsandbytes", reason="QLoRA needs bitsandbytes")
    found = benchmark("--qlora", "--checkpointing", "--batch", "1")
    assert found["16_1"]["ours"]["memory"] < 8 * GB
