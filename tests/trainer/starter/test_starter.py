"""Growing a model, at a size that takes seconds: it learns, resumes after a kill, and exports."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import warm

from trainer.data import templates
from trainer.data.samples import make_samples
from trainer.starter import data
from trainer.starter.cli import write_gguf
from trainer.starter.config import load_config, sizes
from trainer.starter.model import save_hf
from trainer.starter.optim import Masters, rate
from trainer.starter.pack import IGNORED, Packer
from trainer.starter.train import Budget, Process, Progress
from whetstone.errors import TrainingError
from whetstone.prompt import COMPACT_TOKENS, END, QWEN_TOKENS

SHAPE = {
    "vocab_size": 512,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 128,
    "max_position_embeddings": 512,
}


@pytest.fixture(scope="module")
def config():
    whole = load_config("nano")
    train = dataclasses.replace(
        whole.train, tokens=40_000, row_tokens=320, rows=2, processes=1, checkpoint_s=0.0
    )
    return dataclasses.replace(whole, model=SHAPE, train=train)


@pytest.fixture(scope="module")
def work(tmp_path_factory, config):
    """A work folder up to the token arrays."""
    out = tmp_path_factory.mktemp("starter")
    folder = out / "samples"
    folder.mkdir()
    samples = make_samples(templates.units("train", 60, seed=3), 200, seed=4)
    rows = [{"kind": s.kind, "prompt": s.prompt, "answer": s.answer} for s in samples]
    (folder / "train-00.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data.make_tokenizer(config, out, lambda text: None)
    data.make_tokens(out, lambda text: None)
    return out


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """Compiling takes longer than these runs."""
    monkeypatch.setattr(torch, "compile", lambda module, **arguments: module)


def test_special_tokens_stand_where_serving_expects_them(work):
    tokenizer = data.load_tokenizer(work / "tokenizer")
    ids = [tokenizer.token_to_id(token) for token in (*QWEN_TOKENS, *COMPACT_TOKENS)]

    assert None not in ids
    assert tokenizer.encode("<|fix|>x" + END, add_special_tokens=False).ids[-1] == ids[-1]


def test_digits_are_split_one_by_one_as_qwen2_does(work):
    tokens = data.load_tokenizer(work / "tokenizer").encode("2026", add_special_tokens=False).tokens

    assert tokens == ["2", "0", "2", "6"]


def test_packed_samples_do_not_see_each_other(work):
    packer = Packer(work / "tokens.npz", width=320, rows=2, prompt_loss=0.0, seed=1, pad=0)
    batch = packer.next()
    starts = (batch.positions[0] == 0).nonzero()[:, 0]
    second = int(starts[1])

    assert not batch.mask[0, 0, second, :second].any()
    assert batch.mask[0, 0, second - 1, second - 1]
    assert not batch.mask[0, 0, 0, 1:].any()


def test_without_prompt_loss_only_answers_are_learned(work):
    packer = Packer(work / "tokens.npz", width=320, rows=2, prompt_loss=0.0, seed=1, pad=0)
    batch = packer.next()

    assert bool(((batch.targets != IGNORED) == batch.answer).all())
    with np.load(work / "tokens.npz") as arrays:
        assert batch.tokens <= int(arrays["ends"][-1])


def test_the_rate_warms_up_holds_and_falls_to_zero(config):
    options = dataclasses.replace(config.train, warmup_steps=10, decay=0.5)

    assert rate(0.0, 0, options) == pytest.approx(0.1)
    assert rate(0.4, 100, options) == 1.0
    assert rate(0.75, 100, options) == pytest.approx(0.5)
    assert rate(1.0, 100, options) == 0.0


def test_the_first_budget_to_run_out_ends_the_run():
    budget = Budget(tokens=100, seconds=10.0)

    assert budget.used(Progress(tokens=50, seconds=2.0)) == 0.5
    assert budget.used(Progress(tokens=50, seconds=9.0)) == 0.9


def test_masters_keep_what_16_bits_would_lose(config):
    model = torch.nn.Linear(4, 4).bfloat16()
    masters = Masters(model, config.train)
    before = masters.weights["weight"].clone()
    masters.step(torch.full((20,), 1e-4), share=0.01)

    assert not torch.equal(masters.weights["weight"], before)


def test_the_loss_falls_and_the_result_runs_in_llama_cpp(work, config):
    process = Process(work, config, rank=0, world=1)
    process.run(Budget(tokens=40_000, seconds=None))
    rows = [json.loads(line) for line in (work / "train.jsonl").read_text().splitlines()]

    assert rows[-1]["loss"] < rows[0]["loss"] - 0.3
    save_hf(config, work)
    assert write_gguf(work, "f16").stat().st_size > 100_000  # verified against the weights


def test_kill_9_costs_at_most_the_last_steps(work, tmp_path):
    out = tmp_path / "work"
    out.mkdir()
    (out / "tokens.npz").write_bytes((work / "tokens.npz").read_bytes())
    checkpoint = out / "checkpoint.pt"

    def killed(said: Path) -> int:
        """The step that a process began with; it is killed once it has written a checkpoint."""
        said.mkdir()
        stdout = said / "stdout"
        before = checkpoint.stat().st_mtime if checkpoint.exists() else 0.0
        child = warm.start("grow", json.dumps(SHAPE), str(out), into=said)
        wait_for(lambda: stdout.exists() and stdout.read_text().endswith("\n"), child)
        wait_for(lambda: checkpoint.exists() and checkpoint.stat().st_mtime > before, child)
        child.kill()
        child.join()
        return int(stdout.read_text().split()[1])

    starts = [killed(tmp_path / name) for name in ("first", "second")]
    assert starts[0] == 0
    assert starts[1] > 0


def wait_for(condition, process):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.exitcode is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_size_has_a_sound_configuration():
    for size in sizes():
        shape = load_config(size).model
        assert shape["hidden_size"] % 256 == 0  # K-quants need rows of multiples of 256
        assert shape["intermediate_size"] % 256 == 0


def test_another_folder_s_weights_are_taken_once_with_progress_at_zero(work, config, tmp_path):
    from trainer.starter.cli import continue_from

    source, out = tmp_path / "source", tmp_path / "out"
    for folder in (source, out):
        folder.mkdir()
    (source / "tokens.npz").write_bytes((work / "tokens.npz").read_bytes())
    shutil.copytree(work / "tokenizer", source / "tokenizer")
    Process(source, config, rank=0, world=1).run(Budget(tokens=1_000, seconds=None))
    continue_from(source, out, config)
    taken = (out / "checkpoint.pt").read_bytes()
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    continue_from(source, out, config)

    assert (state["step"], state["tokens"]) == (0, 0)
    assert (out / "tokenizer" / "tokenizer.json").exists()
    assert (out / "checkpoint.pt").read_bytes() == taken


def test_a_folder_without_weights_is_refused(tmp_path):
    from trainer.starter.cli import continue_from

    with pytest.raises(TrainingError, match="no checkpoint"):
        continue_from(tmp_path / "nothing", tmp_path, load_config("nano"))
