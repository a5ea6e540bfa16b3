"""The table of types, and importance matrices, on a small model whose rows K-quants can hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_qwen
import torch
from click.testing import CliRunner

from export.choice import importance_that_pays
from export.cli import export_command, split_texts
from export.comparison import compare_types, table
from export.importance import measure_importance
from export.quantize import export_gguf, full_file, quantize
from export.verify import TEXTS, Comparison, compare_logits, file_margin
from whetstone.errors import TrainingError
from whetstone.prompt import END, Prompt

CORPUS = [text[at : at + 600] for text in tiny_qwen.corpus() for at in range(0, 6_000, 600)]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen.make(tmp_path_factory.mktemp("wide") / "hf", hidden=256, layers=1)


def test_kl_and_agreement_by_hand() -> None:
    one = np.log(np.array([[0.5, 0.25, 0.25], [0.2, 0.7, 0.1]], np.float32))
    other = np.log(np.array([[0.25, 0.5, 0.25], [0.2, 0.7, 0.1]], np.float32))
    largest, kl, same = compare_logits(one, other)
    # 0.5 log 2 + 0.25 log 0.5 + 0
    assert kl == pytest.approx([0.25 * np.log(2), 0.0], abs=1e-6)
    assert largest == pytest.approx(np.log(2)) and same.tolist() == [False, True]


def test_smaller_types_are_further_from_f16(wide: Path, tmp_path: Path) -> None:
    with full_file(wide, tmp_path / "m.gguf") as full:
        rows = {row.quantization: row for row in compare_types(full)}
    names = ["q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16"]
    assert sorted(names, key=lambda n: -rows[n].mean_kl) == names
    sizes = [rows[n].size for n in names]
    assert sizes == sorted(sizes) and rows["f16"].mean_kl == 0
    assert rows["f16"].top1_agreement == 1 and rows["q4_k_m"].top1_agreement < 1
    assert list(tmp_path.iterdir()) == []  # every scratch file is gone
    text = table(list(rows.values()), "q8_0")
    assert "* q8_0" in text and "  q4_k_m" in text


def test_the_share_of_the_margin_that_a_type_keeps(wide: Path, tmp_path: Path) -> None:
    prompt = Prompt(text="def f(x):\n", format="compact", stop=END)
    pairs = [Comparison(prompt=prompt, chosen="    return x", rejected="    pass")]
    with full_file(wide, tmp_path / "m.gguf") as full:
        now = file_margin(quantize(full, tmp_path / "f16.gguf", "f16").path, pairs)
        q4 = file_margin(quantize(full, tmp_path / "q4.gguf", "q4_k_m").path, pairs)
        [row] = compare_types(full, ["q4_k_m"], pairs=pairs, margin_before=now - 2)
    assert row.margin_kept == pytest.approx((q4 - now + 2) / 2, abs=1e-6)


def test_importance_is_the_mean_square_of_each_input(tiny_hf: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = measure_importance(tiny_hf, CORPUS[:2])
    model = AutoModelForCausalLM.from_pretrained(tiny_hf)
    seen = []
    model.model.layers[1].mlp.down_proj.register_forward_pre_hook(lambda _, x: seen.append(x[0][0]))
    tokenizer = AutoTokenizer.from_pretrained(tiny_hf)
    with torch.no_grad():
        for text in CORPUS[:2]:
            model(torch.tensor([tokenizer(text)["input_ids"][:512]]))
    expected = torch.cat(seen).square().mean(dim=0).numpy()
    assert np.allclose(found["blk.1.ffn_down.weight"], expected, rtol=1e-4)
    assert len(found) == 14 and "token_embd.weight" not in found


def test_importance_brings_a_type_closer_where_columns_differ(tmp_path: Path) -> None:
    """A model whose matrices see some columns a hundred times stronger than others."""
    from safetensors.torch import load_file, save_file

    folder = tiny_qwen.make(tmp_path / "hf", hidden=256, layers=1, tied=False)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if name.endswith("layernorm.weight"):
            weights[name] = torch.logspace(-2, 0.5, 256)[torch.randperm(256)]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    importance, note = importance_that_pays(folder, tmp_path / "m.gguf", "q4_k_m", CORPUS)

    assert importance is not None and "Importance matrix used" in note, note
    plain = export_gguf(folder, tmp_path / "plain.gguf", quantization="q4_k_m")
    weighted = export_gguf(
        folder, tmp_path / "weighted.gguf", quantization="q4_k_m", importance=importance
    )
    assert plain.size == weighted.size
    assert plain.path.read_bytes() != weighted.path.read_bytes()


def test_importance_wants_a_type_that_uses_it_and_enough_texts(wide: Path, tmp_path: Path) -> None:
    found = importance_that_pays(wide, tmp_path / "m.gguf", "q8_0", CORPUS)
    assert found == (None, "q8_0 rounds all columns alike: no importance matrix is used.")
    with pytest.raises(TrainingError, match="2 texts are too few"):
        importance_that_pays(wide, tmp_path / "m.gguf", "q4_k_m", CORPUS[:2])


def test_the_command_prints_the_table(wide: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.write_text("\n---\n".join(TEXTS), encoding="utf-8")
    arguments = [str(wide), str(tmp_path / "m.gguf"), "--quantization", "q4_k_m"]
    result = CliRunner().invoke(export_command, [*arguments, "--texts", str(texts)])
    assert result.exit_code == 0, result.output
    assert "Importance matrix" in result.output and "* q4_k_m" in result.output
    result = CliRunner().invoke(export_command, [*arguments, "--no-table", "--json"])
    assert json.loads(result.stdout)["table"] == []


def test_texts_of_a_file() -> None:
    assert split_texts("a\nb\n---\n\n---\nc") == ["a\nb", "c"]
