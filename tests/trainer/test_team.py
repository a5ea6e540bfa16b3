"""One run in two processes (gloo, on the CPU) trains as one process does."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import warm
import yaml
from retraining import FAST, tools
from safetensors.torch import load_file

import trainer
from trainer.retrain import _begin
from trainer.run_folder import RunFolder, all_runs

CONFIGS = Path(trainer.__file__).parent / "configs"
OPTIONS = [
    "--no-promote", "--eval-limit", "1", "--batch-size", "8", "--sft-epochs", "1",
    "--dpo-epochs", "2", "--sft-learning-rate", "2e-3", "--dpo-learning-rate", "2e-3",
    "--rehearsal", "0.25",
]  # fmt: skip
TIMEOUT_S = 900  # three interpreters that import torch, on a machine that may be busy
pytestmark = pytest.mark.timeout(2 * TIMEOUT_S + 60)
LAUNCH = ["accelerate.commands.launch", "--config_file", str(CONFIGS / "ddp-cpu.yaml")]


def start(data: Path, *launch: str, options: list[str] = OPTIONS) -> Any:
    command = [sys.executable, *(["-m", *launch] if launch else []), "-m", "trainer", "retrain"]
    env = {**os.environ, "WHETSTONE_DATA": str(data), "MASTER_PORT": "0"}
    return subprocess.run(
        [*command, *options, "--json"], capture_output=True, text=True, timeout=TIMEOUT_S, env=env
    )


def losses(run: RunFolder) -> dict[tuple[str, int], float]:
    return {(row["stage"], row["step"]): row["loss"] for row in run.metrics()}


def test_two_processes_have_the_loss_of_one(world: Any, tmp_path: Path) -> None:
    options = dataclasses.replace(FAST, rehearsal=0.0, save_steps=3)
    found = []
    for count in (1, 2):
        root = tmp_path / f"{count}"
        root.mkdir()
        run = _begin(root, options, tools(world), again=False)
        warm.team("train_together", str(run.path), count=count, timeout_s=TIMEOUT_S)
        assert run.stage == "dpo"
        found.append(run)
    alone, together = found
    expected = losses(alone)
    assert len(expected) >= 6
    assert losses(together) == pytest.approx(expected, abs=1e-4)
    assert set(together.state["learnt"]) == set(alone.state["learnt"])  # of both processes' pairs
    one, two = (load_file(run.path / "dpo" / "adapter_model.safetensors") for run in found)
    assert all(torch.allclose(two[name], value, atol=1e-3) for name, value in one.items())


def test_too_few_triplets_end_all_processes(world: Any) -> None:
    done = start(world.data, *LAUNCH, "--main_process_port", "0", options=["--min-pairs", "99"])
    assert done.returncode != 0
    assert done.stderr.count("75 more are needed") == 1


def test_a_model_that_is_spread_out_has_the_same_loss_and_gradients(
    tiny_hf: Path, tmp_path: Path
) -> None:
    """FSDP 2 as torch has it: accelerate has no FSDP without GPUs."""
    found = []
    for count in (1, 2):
        out = tmp_path / f"{count}.pt"
        warm.team("spread_out", str(tiny_hf), str(out), count=count, timeout_s=TIMEOUT_S)
        found.append(torch.load(out, weights_only=True))
    one, two = found
    assert one.keys() == two.keys() and len(one) == 1 + 2 * 14
    for name, value in one.items():
        assert torch.allclose(two[name], value, atol=1e-5), name


def test_two_processes_finish_a_run(world: Any) -> None:
    """From the launch to the gate; the first process alone exports, verifies and compares."""
    done = start(world.data, *LAUNCH, "--main_process_port", "0")
    (run,) = all_runs(world.data / "runs")
    assert run.stage == "kept", done.stderr[-3000:]
    assert run.state["verification"]["passed"]
    assert {row["stage"] for row in run.metrics()} == {"sft", "dpo"}


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are not two NVIDIA GPUs")
@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_two_gpus_finish_a_run(world: Any, name: str) -> None:
    launch = ["accelerate.commands.launch", "--config_file", str(CONFIGS / f"{name}.yaml")]
    done = start(world.data, *launch, "--main_process_port", "0")
    run = next(all_runs(world.data / "runs"))
    assert run.stage == "kept", done.stderr[-3000:]
    assert run.state["verification"]["passed"]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_takes_the_configurations(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.distributed_type == yaml.safe_load(path.read_text())["distributed_type"]
