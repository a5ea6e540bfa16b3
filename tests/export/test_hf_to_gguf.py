from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from export.hf_to_gguf import write_gguf
from export.quantize import QUANTIZATIONS, describe, export_gguf, quantization_of
from export.verify import verify_export
from whetstone.errors import TrainingError
from whetstone.models.gguf_info import read_gguf


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_every_type_passes_verification(tiny_hf: Path, tmp_path: Path, quantization: str) -> None:
    report = export_gguf(tiny_hf, tmp_path / "m.gguf", quantization=quantization)
    verify_export(tiny_hf, report.path, quantization=quantization).raise_for_failure()
    assert quantization_of(report.path) == quantization
    assert [p.name for p in tmp_path.iterdir()] == ["m.gguf"]  # nothing is left beside it


def test_metadata_says_what_serving_needs(tiny_hf: Path, tmp_path: Path) -> None:
    info = read_gguf(write_gguf(tiny_hf, tmp_path / "m.gguf", name="tiny"))
    assert (info.architecture, info.name, info.prompt_format) == ("qwen2", "tiny", "compact")
    assert info.metadata["tokenizer.ggml.pre"] == "qwen2"
    assert info.metadata["tokenizer.ggml.add_bos_token"] is False
    assert "<|im_start|>" in str(info.metadata["tokenizer.chat_template"])
    assert info.vocabulary == 608


def test_tied_and_untied_embeddings(tmp_path: Path) -> None:
    import tiny_qwen

    for tied in (True, False):
        folder = tiny_qwen.make(tmp_path / f"hf-{tied}", tied=tied)
        out = write_gguf(folder, tmp_path / f"{tied}.gguf", width="f32")
        verify_export(folder, out, quantization="f32").raise_for_failure()
    assert read_gguf(tmp_path / "True.gguf").tensors + 1 == read_gguf(out).tensors


def test_rows_that_a_type_cannot_hold_are_named(tiny_hf: Path, tmp_path: Path) -> None:
    report = export_gguf(tiny_hf, tmp_path / "m.gguf", quantization="q4_k_m")
    assert "token_embd.weight" in report.fell_back  # 64 is no multiple of 256
    assert describe(export_gguf(tiny_hf, tmp_path / "m.gguf").path, "q8_0").fell_back == ()


def test_a_splitter_that_is_not_qwens_is_refused(tiny_hf: Path) -> None:
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    from export.tokenizer import to_gguf

    tokenizer = AutoTokenizer.from_pretrained(tiny_hf)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    with pytest.raises(TrainingError, match="does not split text as Qwen2 or"):
        to_gguf(tokenizer, 608)


def test_a_missing_tensor_leaves_no_file(tiny_hf: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_hf, tmp_path / "hf"))
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.norm.weight")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(TrainingError, match=r"lacks 1 tensors, first model\.norm\.weight"):
        write_gguf(folder, tmp_path / "m.gguf")
    assert not (tmp_path / "m.gguf").exists()


def test_nan_weights_leave_the_old_file(tiny_hf: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_hf, tmp_path / "hf"))
    (tmp_path / "m.gguf").write_text("old")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(TrainingError, match="NaN"):
        write_gguf(folder, tmp_path / "m.gguf")
    assert (tmp_path / "m.gguf").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_other_architectures_are_named(tiny_hf: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_hf, tmp_path / "hf"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "gemma"}))
    with pytest.raises(TrainingError, match="is a gemma model"):
        write_gguf(folder, tmp_path / "m.gguf")


def test_an_unwritable_folder_says_so(tiny_hf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be written"):
        write_gguf(tiny_hf, tmp_path / "file" / "m.gguf")
