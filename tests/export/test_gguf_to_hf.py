from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from export.gguf_to_hf import gguf_to_hf
from export.hf_to_gguf import write_gguf
from export.quantize import export_gguf
from export.verify import TEXTS, verify_export
from whetstone.errors import ModelError, TrainingError


def test_the_way_back_gives_the_same_weights_and_ids(tiny_hf: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoTokenizer

    back = gguf_to_hf(write_gguf(tiny_hf, tmp_path / "m.gguf", width="f32"), tmp_path / "back")
    first = load_file(tiny_hf / "model.safetensors")
    second = load_file(back / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(bool((first[name] == second[name]).all()) for name in first)
    ours, theirs = AutoTokenizer.from_pretrained(tiny_hf), AutoTokenizer.from_pretrained(back)
    assert ours.get_vocab() == theirs.get_vocab()
    assert all(ours(text).input_ids == theirs(text).input_ids for text in TEXTS)
    assert (theirs.eos_token, theirs.pad_token) == (ours.eos_token, ours.pad_token)
    assert theirs.chat_template == ours.chat_template
    assert AutoConfig.from_pretrained(back).whetstone_prompt_format == "compact"


@pytest.mark.parametrize("quantization", ["q8_0", "q4_k_m"])
def test_a_quantized_file_becomes_the_model_it_is(
    tiny_hf: Path, tmp_path: Path, quantization: str
) -> None:
    path = export_gguf(tiny_hf, tmp_path / "m.gguf", quantization=quantization).path
    back = gguf_to_hf(path, tmp_path / "back")
    # llama.cpp multiplies in 8 bit and transformers in 32: a little more than f32 stays.
    verification = verify_export(back, path, quantization="q8_0")
    assert verification.passed, verification.summary


def test_a_truncated_file_is_refused(tiny_hf: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny_hf, tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="truncated"):
        gguf_to_hf(path, tmp_path / "back")


def test_a_tokenizer_that_cannot_be_rebuilt_is_refused(tiny_hf: Path, tmp_path: Path) -> None:
    path = write_gguf(tiny_hf, tmp_path / "m.gguf")
    path.write_bytes(
        path.read_bytes().replace(b"\x05\0\0\0\0\0\0\0qwen2", b"\x05\0\0\0\0\0\0\0gpt-2")
    )
    with pytest.raises((TrainingError, ModelError)):
        gguf_to_hf(path, tmp_path / "back")


def test_a_missing_key_is_a_clear_error(tmp_path: Path) -> None:
    import numpy as np

    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "qwen2")
    writer.add_tensor("token_embd.weight", np.zeros((8, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match=r"no qwen2\.embedding_length"):
        gguf_to_hf(tmp_path / "m.gguf", tmp_path / "back")
