"""Runs that leave the model's file as it is and write an adapter over it."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_lora
from click.testing import CliRunner
from retraining import FAST, tools

from export.lora import write_adapter
from trainer.retrain import retrain
from trainer.run_folder import RunFolder
from whetstone.engine.load import load_engine
from whetstone.errors import ModelError, TrainingError
from whetstone.models.cli import models
from whetstone.preferences.records import Pair
from whetstone.prompt import answer_text, render
from whetstone.settings import Settings

ADAPTER = dataclasses.replace(FAST, adapter=True)


def margin(world: Any, name: str | None, pairs: list[Pair]) -> float:
    """Of what serves when the settings name this adapter, in nats."""
    engine = load_engine(Settings(adapter=name), world.registry)
    try:
        total = 0.0
        for pair in pairs:
            prompt = render(pair.problem, "compact")
            for sign, side in ((1, pair.chosen), (-1, pair.rejected)):
                assert side is not None
                score = engine.score(prompt, answer_text(pair.problem, side, "compact"))
                assert score is not None
                total += sign * score.logprob
        return total / len(pairs)
    finally:
        engine.close()


def test_an_adapter_is_trained_verified_gated_and_served(world: Any, new_pair: Any) -> None:
    base = world.registry.active()
    before = base.path.read_bytes()
    result = retrain(ADAPTER, tools(world, 5, 5))
    assert result.promoted, result.reason
    active = world.registry.active()
    assert (active.base, active.kind, active.parent) == (base.model_id, "adapter", base.model_id)
    assert active.size < base.size and active.parameters == base.parameters
    assert base.path.read_bytes() == before
    run = RunFolder(result.run)
    assert run.state["verification"]["passed"] and run.state["export"]["modules"] == 14
    # nothing is rounded, so nothing that was learnt is lost
    assert run.state["verification"]["margins"]["kept"] == pytest.approx(1, abs=0.05)
    assert not (run.path / "merged").exists()
    pairs = world.store.pairs()
    assert margin(world, None, pairs) > margin(world, "tiny", pairs) + 0.1

    # The next run trains that adapter further, over the same base, without being told.
    world.store.add_pairs(new_pair(number) for number in range(100, 130))
    second = retrain(FAST, tools(world, 5, 5))
    assert second.promoted, second.reason
    newest = world.registry.active()
    assert newest.base == base.model_id
    chain = world.registry.lineage(newest.name)
    assert [entry.name for entry in chain] == [newest.name, active.name, "tiny"]
    config = RunFolder(second.run).read_json("config.json")
    assert config["parent_adapter"] == str(result.run / "dpo")
    margins = RunFolder(second.run).state["verification"]["margins"]
    first = run.state["verification"]["margins"]
    assert margins["before"] > first["before"]  # it began where the first had ended

    start = time.process_time()
    assert world.registry.rollback().name == active.name
    assert time.process_time() - start < 1
    with pytest.raises(ModelError, match="is put over it"):
        world.registry.remove("tiny")


def test_a_merged_model_is_made_of_an_adapter_on_request(world: Any, new_pair: Any) -> None:
    retrain(ADAPTER, tools(world, 5, 5))
    world.store.add_pairs(new_pair(number) for number in range(100, 130))
    result = retrain(dataclasses.replace(FAST, adapter=False), tools(world, 5, 5))
    active = world.registry.active()
    assert result.promoted and active.base is None and active.kind == "model"
    assert (result.run / "merged" / "config.json").is_file()
    margins = RunFolder(result.run).state["verification"]["margins"]
    assert margins["model"] > margins["before"]


def test_an_adapter_without_its_folder_says_what_to_do(world: Any, new_pair: Any) -> None:
    first = retrain(ADAPTER, tools(world, 5, 5))
    (first.run / "dpo" / "adapter_config.json").unlink()
    (first.run / "dpo" / "adapter_model.safetensors").unlink()
    (first.run / "dpo").rename(first.run / "moved")
    world.store.add_pairs(new_pair(number) for number in range(100, 130))
    with pytest.raises(TrainingError, match=r"models use tiny.*retrain --adapter --fresh"):
        retrain(FAST, tools(world, 5, 5))


def add_adapter(world: Any, tiny_hf: Path, tmp_path: Path) -> Any:
    path = write_adapter(tiny_hf, tiny_lora.make(tiny_hf, tmp_path / "peft"), tmp_path / "a.gguf")
    return world.registry.add(path.path, name="mine", base=world.registry.get("tiny"))


def test_the_list_shows_what_an_adapter_is_put_over(
    world: Any, tiny_hf: Path, tmp_path: Path
) -> None:
    entry = add_adapter(world, tiny_hf, tmp_path)
    shown = CliRunner().invoke(models, ["list", "--json"], catch_exceptions=False).output
    assert f'"base": "{world.registry.get("tiny").model_id}"' in shown
    wide = CliRunner(env={"COLUMNS": "200"})
    assert "adapter over tiny@" in wide.invoke(models, ["list"]).output
    assert CliRunner().invoke(models, ["verify"]).exit_code == 0
    pull = ["pull", str(entry.path), "--name", "copy", "--over", "tiny"]
    assert CliRunner().invoke(models, pull, catch_exceptions=False).exit_code == 0
    assert world.registry.active().base == entry.base
    refused = CliRunner().invoke(models, ["pull", str(entry.path), "--name", "model"])
    assert "belongs to another model" in str(refused.exception)


def test_an_adapter_of_another_model_is_refused(world: Any, tiny_hf: Path, tmp_path: Path) -> None:
    adapter = add_adapter(world, tiny_hf, tmp_path)
    with pytest.raises(ModelError, match=r"belongs to tiny@\w+, and starter@\w+ serves"):
        load_engine(Settings(model="starter", adapter="mine"), world.registry)
    with pytest.raises(ModelError, match="is an adapter itself"):
        world.registry.add(adapter.path, name="again", base=adapter)
    other = dataclasses.replace(world.registry.get("tiny"), architecture="llama")
    with pytest.raises(ModelError, match="made for another"):
        world.registry.add(adapter.path, name="again", base=other)
    # Its model is not the one it was trained on any more.
    entry = world.registry.root / "entries" / "tiny.json"
    entry.write_text(entry.read_text().replace(world.registry.get("tiny").sha256, "0" * 64))
    with pytest.raises(ModelError, match=r"trained on tiny@\w+, and tiny is another model now"):
        world.registry.use("mine")
