"""Every architecture says the same in llama.cpp as in transformers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny_families
import torch

from export.architectures import ROPE_FACTORS, rope_factors
from export.gguf_to_hf import gguf_to_hf
from export.hf_to_gguf import Weights, write_gguf
from export.llama_logits import LlamaLogits
from export.quantize import export_gguf
from export.verify import TEXTS, verify_export
from whetstone.errors import TrainingError
from whetstone.models.gguf_info import read_gguf

CONVERTER = Path(os.environ.get("LLAMA_CPP_DIR", "")) / "convert_hf_to_gguf.py"


@pytest.fixture(params=tiny_families.FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny_families.make(tmp_path / "hf", request.param)


def greedy(step, tokens: list[int], count: int) -> list[int]:
    """`count` tokens, each the likeliest after all before it.

    The last token does not count: random models with tied embeddings repeat it for ever.
    """
    tokens = list(tokens)
    for _ in range(count):
        logits = step(tokens).copy()
        logits[tokens[-1]] = -np.inf
        tokens.append(int(logits.argmax()))
    return tokens


def test_ids_logits_and_64_greedy_tokens_are_equal(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = write_gguf(folder, tmp_path / "m.gguf", width="f32")

    verify_export(folder, path, quantization="f32").raise_for_failure()
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    start = AutoTokenizer.from_pretrained(folder)(TEXTS[0], add_special_tokens=False)["input_ids"]

    def theirs(tokens: list[int]) -> np.ndarray:
        with torch.no_grad():
            return model(torch.tensor([tokens])).logits[0, -1].numpy()

    with LlamaLogits(path) as file:
        ours = greedy(lambda tokens: file.logits(tokens)[-1], start, 64)
    assert ours == greedy(theirs, start, 64)
    assert len(set(ours[len(start) :])) > 8  # not one token for ever, which anything would repeat


def test_small_types_verify_too(folder: Path, tmp_path: Path) -> None:
    for quantization in ("bf16", "q8_0"):
        report = export_gguf(folder, tmp_path / "m.gguf", quantization=quantization)
        verify_export(folder, report.path, quantization=quantization).raise_for_failure()


def test_metadata_names_the_family_and_its_tokenizer(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    info = read_gguf(write_gguf(folder, tmp_path / "m.gguf"))
    llama = config["model_type"] == "llama"
    assert info.architecture == config["model_type"]
    assert info.metadata["tokenizer.ggml.pre"] == ("llama-bpe" if llama else "qwen2")
    assert info.metadata["tokenizer.ggml.add_bos_token"] is llama


@pytest.mark.parametrize("name", ["qwen2", "qwen3", "qwen3-tied"])
def test_a_file_read_back_is_the_same_model(name: str, tmp_path: Path) -> None:
    folder = tiny_families.make(tmp_path / "hf", name)
    path = write_gguf(folder, tmp_path / "m.gguf", width="f32")
    back = Weights(gguf_to_hf(path, tmp_path / "back"))
    for tensor in back:
        assert torch.equal(back.read(tensor), Weights(folder).read(tensor)), tensor
    verify_export(tmp_path / "back", path, quantization="f32").raise_for_failure()


def test_a_llama_file_cannot_be_read_back_yet(tmp_path: Path) -> None:
    folder = tiny_families.make(tmp_path / "hf", "llama")
    path = write_gguf(folder, tmp_path / "m.gguf")
    with pytest.raises(TrainingError, match="only qwen2 and qwen3 files"):
        gguf_to_hf(path, tmp_path / "back")


def test_a_tensor_without_a_place_is_never_dropped(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_families.make(tmp_path / "hf", "llama")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.q_norm.extra"] = torch.zeros(4)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match=r"no place for, first model\.layers\.0"):
        write_gguf(folder, tmp_path / "m.gguf")


def test_rope_factors_by_hand() -> None:
    """Heads of 4 give 2 frequencies: wavelengths 2 pi and 2 pi * 100, trained on 100 positions."""
    from transformers import LlamaConfig

    rope = {**tiny_families.LLAMA3_ROPE, "rope_theta": 10_000.0}
    rope["original_max_position_embeddings"] = 100
    config = LlamaConfig(**{**tiny_families.SHAPE, "head_dim": 4}, rope_parameters=rope)
    # 100 / 6.28 = 15.9 is over 4: kept. 100 / 628 is under 1: divided by 8.
    assert rope_factors(config) == pytest.approx([1.0, 8.0])
    # Between: (t / w - 1) / (4 - 1) of the frequency is kept.
    rope["original_max_position_embeddings"] = round(2 * math.pi * 100 * 2.5)
    kept = (rope["original_max_position_embeddings"] / (2 * math.pi * 100) - 1) / 3
    assert rope_factors(config)[1] == pytest.approx(1 / ((1 - kept) / 8 + kept))


# Its vocabulary code wants tokenizers that it knows by a hash; here only tensors are compared.
CONVERT = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
from conversion import llama, qwen
for name, found in [*vars(llama).items(), *vars(qwen).items()]:
    if isinstance(found, type) and hasattr(found, "set_vocab"):
        found.set_vocab = lambda self: None
script, sys.argv = sys.argv[2], ["convert", *sys.argv[3:]]
runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.skipif(not CONVERTER.is_file(), reason="LLAMA_CPP_DIR names no llama.cpp source")
def test_equal_to_llama_cpps_own_converter(folder: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "theirs.gguf")
    arguments = [str(CONVERTER.parent), str(CONVERTER), str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", CONVERT, *arguments, "--outtype", "f32", "--outfile", out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours = gguf.GGUFReader(write_gguf(folder, tmp_path / "ours.gguf", width="f32"))
    mine = {tensor.name: tensor for tensor in ours.tensors}
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(out).tensors}
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        if name == ROPE_FACTORS:  # computed, there in 32 bit
            assert np.allclose(tensor.data, mine[name].data, rtol=1e-6)
        else:
            assert np.array_equal(tensor.data, mine[name].data), name
