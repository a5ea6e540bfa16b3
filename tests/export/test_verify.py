"""Verification must fail when something is wrong: each test breaks one thing on purpose."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

from export.hf_to_gguf import write_gguf
from export.tokenizer import SPLITTERS
from export.verify import Comparison, Margins, _margin_problems, verify_export
from whetstone.prompt import Prompt


@pytest.fixture
def exported(tiny_hf: Path, tmp_path: Path) -> Path:
    return write_gguf(tiny_hf, tmp_path / "m.gguf", width="f16")


def test_a_wrong_splitter_is_caught(
    tiny_hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.tokenizer.SPLITTERS", {"gpt-2": SPLITTERS["qwen2"]})
    path = write_gguf(tiny_hf, tmp_path / "m.gguf")
    problems = verify_export(tiny_hf, path, quantization="f16").problems
    assert any("llama.cpp numbers" in problem for problem in problems)


def test_a_damaged_tensor_is_caught(tiny_hf: Path, exported: Path) -> None:
    reader = gguf.GGUFReader(exported, "r+")
    tensor = next(t for t in reader.tensors if t.name == "blk.1.ffn_down.weight")
    tensor.data[:] = np.roll(tensor.data, 1, axis=0)  # the right numbers at the wrong places
    reader.data.flush()
    problems = verify_export(tiny_hf, exported, quantization="f16").problems
    assert any("logits diverge" in problem for problem in problems)


def test_margins_of_model_and_file_agree(tiny_hf: Path, exported: Path) -> None:
    prompt = Prompt(text="<|pre|>x = 1<|bug|>y", format="compact", stop="<|end|>")
    pair = Comparison(prompt=prompt, chosen="<|fix|>x", rejected="<|fix|>    return 17")
    margins = verify_export(tiny_hf, exported, quantization="f16", pairs=[pair]).margins
    assert margins is not None
    assert margins.file == pytest.approx(margins.model, abs=0.05)
    assert margins.model > 1  # three more tokens must be less likely


def _margins(*, before: float | None, model: float, file: float, kept: float | None) -> Margins:
    return Margins(
        pairs=1, before=before, model=model, file=file, accuracy_model=1, accuracy_file=1, kept=kept
    )


def test_nine_tenths_of_what_was_learnt_must_be_left() -> None:
    assert _margin_problems(_margins(before=1, model=3, file=2.8, kept=0.9)) == []
    assert "kept 85%" in _margin_problems(_margins(before=1, model=3, file=2.7, kept=0.85))[0]


def test_without_a_margin_from_before_the_whole_margin_counts() -> None:
    assert _margin_problems(_margins(before=None, model=3, file=2.75, kept=None)) == []
    assert "lost 0.50" in _margin_problems(_margins(before=None, model=3, file=2.5, kept=None))[0]


def test_the_command_line_exports_and_verifies(tiny_hf: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "export", str(tiny_hf), str(tmp_path / "m.gguf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "q8_0" in done.stdout and "verified: " in done.stdout
    wrong = subprocess.run(
        [*command[:3], str(tmp_path), command[4]], capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ") and "config.json" in wrong.stderr
