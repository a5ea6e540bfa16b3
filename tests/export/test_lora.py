"""An adapter over a file says what PEFT says over the model, for every architecture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny_families
import tiny_lora
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from export.cli import export_command
from export.hf_to_gguf import write_gguf
from export.llama_logits import LlamaLogits
from export.lora import write_adapter
from export.verify import TEXTS, LoraFiles, load_hf, verify_export
from whetstone.errors import ModelError, TrainingError
from whetstone.models.gguf_info import read_gguf
from whetstone.models.habits import Habits, habits_of

CONVERTER = Path(os.environ.get("LLAMA_CPP_DIR", "")) / "convert_lora_to_gguf.py"


@pytest.fixture(params=tiny_families.FAMILIES)
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny_families.make(tmp_path / "hf", request.param)


@pytest.fixture
def qwen(tmp_path: Path) -> Path:
    return tiny_families.make(tmp_path / "hf", "qwen2")


def greedy(step, tokens: list[int], count: int) -> list[int]:
    """`count` tokens, each the likeliest after all before it but the last one's repetition."""
    tokens = list(tokens)
    for _ in range(count):
        logits = step(tokens).copy()
        logits[tokens[-1]] = -np.inf
        tokens.append(int(logits.argmax()))
    return tokens


def test_an_adapter_says_what_its_user_chose(qwen: Path, tmp_path: Path) -> None:
    habits = Habits(taken=frozenset({"ruff:F632 [is > ==]"}))
    folder = tiny_lora.make(qwen, tmp_path / "adapter")
    report = write_adapter(qwen, folder, tmp_path / "adapter.gguf", habits=habits)
    assert habits_of(report.path, "adapter") == habits


def test_logits_and_64_greedy_tokens_are_peft_s(base: Path, tmp_path: Path) -> None:
    folder = tiny_lora.make(base, tmp_path / "adapter")
    report = write_adapter(base, folder, tmp_path / "adapter.gguf")
    path = write_gguf(base, tmp_path / "base.gguf", width="f32")
    assert (report.rank, report.modules) == (4, 14)  # seven matrices in each of two layers

    found = verify_export(
        base, path, quantization="f32", lora=LoraFiles(folder=folder, path=report.path)
    )
    found.raise_for_failure()
    model = load_hf(base, folder)
    start = AutoTokenizer.from_pretrained(base)(TEXTS[0], add_special_tokens=False)["input_ids"]

    def theirs(tokens: list[int]) -> np.ndarray:
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0, -1].numpy()

    with LlamaLogits(path, adapter=report.path) as file, LlamaLogits(path) as alone:
        ours = greedy(lambda tokens: file.logits(tokens)[-1], start, 64)
        without = greedy(lambda tokens: alone.logits(tokens)[-1], start, 64)
    assert ours == greedy(theirs, start, 64)
    assert ours != without


def test_the_root_of_the_rank_and_fewer_modules(qwen: Path, tmp_path: Path) -> None:
    path = write_gguf(qwen, tmp_path / "base.gguf", width="f32")
    some = {"use_rslora": True, "target_modules": ["q_proj", "down_proj"]}
    folder = tiny_lora.make(qwen, tmp_path / "adapter", **some)
    report = write_adapter(qwen, folder, tmp_path / "adapter.gguf")
    lora = LoraFiles(folder=folder, path=report.path)
    assert report.modules == 4
    verify_export(qwen, path, quantization="f32", lora=lora).raise_for_failure()


def test_a_wrong_order_of_rows_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llama = tiny_families.make(tmp_path / "hf", "llama")
    folder = tiny_lora.make(llama, tmp_path / "adapter")
    monkeypatch.setattr("export.lora.to_file_order", lambda a, b, c, tensor: tensor)
    report = write_adapter(llama, folder, tmp_path / "adapter.gguf")
    path = write_gguf(llama, tmp_path / "base.gguf", width="f32")
    lora = LoraFiles(folder=folder, path=report.path)
    found = verify_export(llama, path, quantization="f32", lora=lora)
    assert not found.passed and "diverge" in found.summary


def test_an_adapter_is_no_model_and_a_model_no_adapter(qwen: Path, tmp_path: Path) -> None:
    path = write_gguf(qwen, tmp_path / "base.gguf")
    adapter = write_adapter(qwen, tiny_lora.make(qwen, tmp_path / "a"), tmp_path / "a.gguf").path
    info = read_gguf(adapter, kind="adapter")
    assert (info.architecture, info.metadata["adapter.lora.alpha"]) == ("qwen2", 12.0)
    with pytest.raises(ModelError, match="belongs to another model"):
        read_gguf(adapter)
    with pytest.raises(ModelError, match="no LoRA adapter"):
        read_gguf(path, kind="adapter")
    with pytest.raises(ModelError, match="cannot put this adapter over the model"):
        other = tiny_families.make(tmp_path / "other", "llama")
        LlamaLogits(write_gguf(other, tmp_path / "other.gguf"), adapter=adapter)


def test_another_models_adapter_and_nan_are_refused(qwen: Path, tmp_path: Path) -> None:
    folder = tiny_lora.make(qwen, tmp_path / "adapter")
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    first = next(name for name in weights if "q_proj" in name and "lora_B" in name)

    def attempt(match: str) -> None:
        with pytest.raises(TrainingError, match=match):
            write_adapter(qwen, folder, tmp_path / "out.gguf")
        assert not (tmp_path / "out.gguf").exists()

    save_file({**weights, first: weights[first][:-2]}, file, {"format": "pt"})
    attempt("is .* in the model and .* in the adapter")
    save_file({**weights, first: weights[first] * float("nan")}, file, {"format": "pt"})
    attempt("NaN")
    renamed = {name.replace("layers.1", "layers.7"): value for name, value in weights.items()}
    save_file(renamed, file, {"format": "pt"})
    attempt(r"changes model\.layers\.7")


def test_the_command_writes_and_verifies(qwen: Path, tmp_path: Path) -> None:
    folder = tiny_lora.make(qwen, tmp_path / "adapter")
    out = tmp_path / "adapter.gguf"
    done = CliRunner().invoke(
        export_command, [str(qwen), str(out), "--adapter", str(folder)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert "14 matrices" in done.output and "verified:" in done.output
    base = write_gguf(qwen, tmp_path / "base.gguf")
    over = ["--adapter", str(folder), "--over", str(base), "--json"]
    done = CliRunner().invoke(export_command, [str(qwen), str(out), *over], catch_exceptions=False)
    assert '"passed": true' in done.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "hf", "adapter", "adapter.gguf", "base.gguf",
    }  # fmt: skip


@pytest.mark.skipif(not CONVERTER.is_file(), reason="LLAMA_CPP_DIR names no llama.cpp source")
def test_equal_to_llama_cpps_own_converter(base: Path, tmp_path: Path) -> None:
    folder = tiny_lora.make(base, tmp_path / "adapter")
    out = tmp_path / "theirs.gguf"
    done = subprocess.run(
        [sys.executable, str(CONVERTER), str(folder), "--base", str(base), "--outfile", str(out)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours = gguf.GGUFReader(write_adapter(base, folder, tmp_path / "ours.gguf").path)
    theirs = gguf.GGUFReader(out)
    mine = {tensor.name: tensor for tensor in ours.tensors}
    assert mine.keys() == {tensor.name for tensor in theirs.tensors}
    for tensor in theirs.tensors:
        assert np.array_equal(tensor.data, mine[tensor.name].data), tensor.name
    for key in ("general.type", "general.architecture", "adapter.type", "adapter.lora.alpha"):
        assert ours.get_field(key).contents() == theirs.get_field(key).contents(), key
