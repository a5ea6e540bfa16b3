"""Merging tensor by tensor is what PEFT does in one piece."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny_lora
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from export import merge as merging
from export.hf_to_gguf import Weights
from export.merge import merge
from export.shards import save_shards
from whetstone.errors import TrainingError


@pytest.fixture
def adapter(tiny_hf: Path, tmp_path: Path) -> Path:
    return tiny_lora.make(tiny_hf, tmp_path / "adapter")


@pytest.mark.parametrize("options", [{}, {"use_rslora": True}])
def test_equal_to_peft(tiny_hf: Path, tmp_path: Path, options: dict[str, object]) -> None:
    adapter = tiny_lora.make(tiny_hf, tmp_path / "adapter", **options)
    whole = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_hf), adapter)
    expected = whole.merge_and_unload().state_dict()

    merged = Weights(merge(tiny_hf, adapter, tmp_path / "out"))

    assert set(merged) == set(Weights(tiny_hf))
    for name in merged:
        assert torch.allclose(merged.read(name), expected[name], atol=1e-6), name
    changed = [n for n in merged if not torch.equal(merged.read(n), Weights(tiny_hf).read(n))]
    assert len(changed) == 14  # seven matrices in each of two layers


def test_what_was_merged_loads_as_a_model(tiny_hf: Path, adapter: Path, tmp_path: Path) -> None:
    out = merge(tiny_hf, adapter, tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.config.whetstone_prompt_format == "compact"
    assert model.generation_config.eos_token_id == model.config.eos_token_id
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_the_bases_precision_is_kept(tiny_hf: Path, adapter: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(tiny_hf, dtype=torch.bfloat16).save_pretrained(half)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tiny_hf / name, half / name)
    merged = Weights(merge(half, adapter, tmp_path / "out"))
    assert {merged.read(name).dtype for name in merged} == {torch.bfloat16}


def test_shards_hold_what_one_file_held(tiny_hf: Path, tmp_path: Path) -> None:
    whole = load_file(tiny_hf / "model.safetensors")
    (tmp_path / "many").mkdir()
    save_shards(whole.items(), tmp_path / "many", shard_bytes=50_000)
    many = Weights(tmp_path / "many")
    assert len(list((tmp_path / "many").glob("shard-*"))) > 3
    assert set(many) == set(whole)
    assert all(torch.equal(many.read(name), whole[name]) for name in whole)


def test_an_adapter_of_another_model_is_refused(
    tiny_hf: Path, adapter: Path, tmp_path: Path
) -> None:
    weights = load_file(adapter / "adapter_model.safetensors")
    moved = {name.replace("layers.1.", "layers.7."): tensor for name, tensor in weights.items()}
    save_file(moved, adapter / "adapter_model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match=r"layers\.7.*trained on another model"):
        merge(tiny_hf, adapter, tmp_path / "out")


@pytest.mark.parametrize(
    ("key", "value"), [("use_dora", True), ("bias", "all"), ("modules_to_save", ["lm_head"])]
)
def test_more_than_plain_lora_is_refused(
    tiny_hf: Path, adapter: Path, tmp_path: Path, key: str, value: object
) -> None:
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(TrainingError, match=f"{key} is"):
        merge(tiny_hf, adapter, tmp_path / "out")


def test_nan_leaves_the_old_folder(tiny_hf: Path, adapter: Path, tmp_path: Path) -> None:
    weights = load_file(adapter / "adapter_model.safetensors")
    next(iter(weights.values()))[0, 0] = float("nan")
    save_file(weights, adapter / "adapter_model.safetensors", {"format": "pt"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("")
    with pytest.raises(TrainingError, match="NaN"):
        merge(tiny_hf, adapter, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["old"]


def test_a_full_disk_says_so(
    tiny_hf: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merging, "save_shards", full)
    with pytest.raises(TrainingError, match="No space left"):
        merge(tiny_hf, adapter, tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if p.name not in ("adapter",)]
