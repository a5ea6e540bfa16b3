"""Whole runs on the CPU with the tiny model: real GGUF files, real store, real registry."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from retraining import FAST, tools

from export.tokenizer import SPLITTERS
from trainer.errors import AlreadyRunning, Diverged
from trainer.lock import training_lock
from trainer.options import RetrainOptions
from trainer.rehearsal import kinds_of
from trainer.report.content import collect
from trainer.report.page import render as render_page
from trainer.retrain import plan, retrain
from trainer.run_folder import RunFolder, all_runs, unfinished
from whetstone.engine.llama import LlamaEngine
from whetstone.errors import NotEnoughData, TrainingError
from whetstone.models.habits import Habits


def test_a_better_model_is_promoted(world: Any) -> None:
    result = retrain(FAST, tools(world, 5, 5))
    assert result.promoted, result.reason
    active = world.registry.active()
    assert active.name == result.model and active.name.startswith("tiny-")
    assert (active.quantization, active.prompt_format) == ("Q8_0", "compact")
    assert active.metrics["candidate"]["margin"] > active.metrics["active"]["margin"]
    assert [entry.name for entry in world.registry.lineage(active.name)] == [active.name, "tiny"]
    assert world.store.pairs(untrained_only=True) == []
    run = RunFolder(result.run)
    assert run.stage == "promoted"
    steps = [row for row in run.metrics() if row["stage"] == "dpo"]
    assert all(row["beta"] == 0.1 and row["kl"] >= 0 for row in steps)
    # starts at the reference (computed in other batches, so equal up to rounding), then leaves it
    assert steps[0]["kl"] < 1e-5 < steps[-1]["kl"]
    # what the user wrote does not stay behind, nor do the large intermediate files
    assert {path.name for path in run.path.iterdir()} == {
        "config.json", "state.json", "metrics.jsonl", "dpo", "merged",
    }  # fmt: skip
    config = run.read_json("config.json")
    assert config["parent"].startswith("tiny@") and len(config["data_hash"]) == 16


def test_a_file_says_what_its_user_turned_down(world: Any) -> None:
    """There the word of the model counts, and not a rule's (tests/whetstone/test_fixer.py)."""
    result = retrain(FAST, tools(world, 5, 5))
    entries = [world.registry.get(name) for name in ("tiny", result.model)]
    engines = [LlamaEngine(entry.path, model_id=entry.model_id) for entry in entries]
    try:
        taken, down = (kinds_of(world.store.pairs(), side) for side in ("chosen", "rejected"))
        habits = Habits.of_counts(taken, down)
        assert habits.taken and habits.turned_down
        assert [engine.habits for engine in engines] == [None, habits]
    finally:
        for engine in engines:
            engine.close()


def test_learning_rates_grow_with_the_choices_unless_they_are_given() -> None:
    def rates(choices: int, parameters: int = 5_000_000, **given: float) -> list[float | None]:
        options = RetrainOptions(**given).for_run(parameters, choices)  # type: ignore[arg-type]
        return [options.sft_learning_rate, options.dpo_learning_rate]

    assert rates(10) == [1e-3, 5e-4]
    assert rates(90) == [1.5e-3, 7.5e-4]
    assert rates(160) == rates(5000) == [2e-3, 1e-3]
    assert rates(160, sft_learning_rate=3e-4) == [3e-4, 1e-3]
    assert rates(160, parameters=3_000_000_000) == [2e-4, 5e-5]


def test_a_second_generation_trains_from_the_merged_model(world: Any, new_pair: Any) -> None:
    first = retrain(FAST, tools(world, 5, 5))
    world.store.add_pairs(new_pair(number) for number in range(100, 130))
    second = retrain(FAST, tools(world, 5, 5))
    config = RunFolder(second.run).read_json("config.json")
    assert config["training_base"] == str(first.run / "merged")
    assert config["replayed"] > 0
    assert second.model is not None and second.model.count("-") == first.model.count("-")  # type: ignore[union-attr]


def test_a_model_that_fixes_less_is_kept_back(world: Any) -> None:
    result = retrain(FAST, tools(world, 5, 4))
    assert not result.promoted
    assert "fixes 4 of 10" in result.reason
    assert world.registry.active().name == "tiny"
    assert world.registry.get(result.model or "").promoted is False  # there to be looked at
    assert len(world.store.pairs(untrained_only=True)) == 24
    with pytest.raises(NotEnoughData, match="24 more were tried in a run whose model was kept"):
        retrain(FAST, tools(world))


def test_force_promotes_what_the_gate_turned_down(world: Any) -> None:
    result = retrain(FAST, tools(world, 5, 4, gate="force"))
    assert result.promoted and world.registry.active().name == result.model


def test_a_model_that_prefers_no_better_is_kept_back(world: Any) -> None:
    still = dataclasses.replace(FAST, sft_learning_rate=1e-12, dpo_learning_rate=1e-12)
    result = retrain(still, tools(world, 5, 5))
    assert not result.promoted
    assert "preference margin" in result.reason


def test_too_few_triplets_say_how_many_are_missing(world: Any) -> None:
    with pytest.raises(NotEnoughData, match=r"There are 24 new triplets; 6 more are needed"):
        retrain(dataclasses.replace(FAST, min_pairs=30), tools(world))
    assert list(all_runs(world.runs)) == []


def test_a_second_run_at_the_same_time_leaves(world: Any) -> None:
    with training_lock(world.runs), pytest.raises(AlreadyRunning, match=r"process \d+"):
        retrain(FAST, tools(world))


def test_a_failed_verification_is_never_promoted(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.tokenizer.SPLITTERS", {"gpt-2": SPLITTERS["qwen2"]})
    result = retrain(FAST, tools(world, gate="force"))
    assert not result.promoted and result.model is None
    assert "llama.cpp numbers" in result.reason
    assert world.registry.active().name == "tiny"


def test_nan_ends_the_run_for_good(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def broken(*_: Any, **__: Any) -> torch.Tensor:
        return torch.tensor(float("nan"), requires_grad=True)

    monkeypatch.setattr("trainer.trainers.weighted_mean", broken)
    with pytest.raises(Diverged, match="became nan at step 0"):
        retrain(FAST, tools(world))
    assert unfinished(world.runs) is None  # resuming would only repeat it
    assert next(all_runs(world.runs)).state["reason"].startswith("The loss became nan")


def test_running_out_of_memory_halves_the_parts_and_goes_on(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from trainer.trainers import PairTrainer

    sizes: list[int] = []
    compute = PairTrainer._compute_loss

    def scarce(self: Any, model: Any, inputs: Any, return_outputs: bool = False) -> Any:
        sizes.append(len(inputs["weight"]))
        if len(sizes) == 4:  # after the checkpoint of step 2
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return compute(self, model, inputs, return_outputs)

    monkeypatch.setattr(PairTrainer, "_compute_loss", scarce)
    result = retrain(dataclasses.replace(FAST, rehearsal=0.0), tools(world, 5, 5))
    run = RunFolder(result.run)
    assert sizes[0] == 8 and set(sizes[4:]) == {4}
    assert run.state["micro_batch"] == 4
    steps = [row["step"] for row in run.metrics() if row["stage"] == "dpo"]
    assert steps == list(range(1, len(steps) + 1))  # a step still takes 8 examples
    # steps 3 and 4 again after the checkpoint of step 2, two parts each
    assert len(sizes) == 4 + 2 * (len(steps) - 2)
    assert result.promoted, result.reason


def test_a_model_that_leaves_its_reference_is_stopped(world: Any) -> None:
    wild = dataclasses.replace(
        FAST, dpo_epochs=20, dpo_learning_rate=5e-2, max_kl=0.01, save_steps=1
    )
    with pytest.raises(Diverged, match=r"divergence was .* nats per token") as caught:
        retrain(wild, tools(world))
    assert unfinished(world.runs) is None
    run = next(all_runs(world.runs))
    kept = str(caught.value).split("The last good checkpoint is ")[1].rstrip(".")
    assert kept.startswith(str(run.path)) and (world.runs / kept / "complete").exists()
    assert not (run.path / "pairs.json").exists()
    assert world.registry.active().name == "tiny"


def test_too_little_to_tell_is_an_answer(world: Any) -> None:
    few = world.store.pairs()[10:]
    world.store.delete_pairs([pair.id for pair in few])
    result = retrain(dataclasses.replace(FAST, min_pairs=8), tools(world, 5, 5))
    assert (result.answer, result.promoted) == ("undecided", False)
    assert result.reason.startswith("not enough data to tell")
    assert world.registry.active().name == "tiny"
    assert world.registry.get(result.model or "").data["sources"] == {"imported": 6}


def test_answers_without_a_partner_are_learnt_from(world: Any, new_pair: Any) -> None:
    alone = [
        dataclasses.replace(new_pair(number), **{side: None})
        for number in range(200, 212)
        for side in ("chosen", "rejected")
    ]
    world.store.add_pairs(alone)
    result = retrain(FAST, tools(world, 5, 5))
    state = RunFolder(result.run).state
    assert (state["encoded"]["chosen_alone"], state["encoded"]["rejected_alone"]) == (12, 12)
    assert world.store.pairs(kind="all", untrained_only=True) == []


def test_a_stage_that_fails_is_resumed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trainer.stages.merge", lambda *_: (_ for _ in ()).throw(OSError(28, "x")))
        with pytest.raises(TrainingError, match="the disk is full"):
            retrain(FAST, tools(world))
    run = unfinished(world.runs)
    assert run is not None and run.stage == "dpo"
    before = (run.path / "dpo" / "adapter_model.safetensors").read_bytes()
    result = retrain(FAST, tools(world, 5, 5))
    assert result.run == run.path and result.promoted
    assert (run.path / "dpo" / "adapter_model.safetensors").read_bytes() == before


def test_a_disk_without_room_is_foreseen(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 1 << 20))
    with pytest.raises(TrainingError, match="1 MB are free"):
        retrain(FAST, tools(world))
    assert list(all_runs(world.runs)) == []


def test_a_plan_changes_nothing(world: Any) -> None:
    made = plan(FAST, tools(world))
    assert made["train"] + made["held_out"] == 24
    assert json.dumps(made)
    assert not list(world.runs.glob("*"))


def test_a_type_that_swallows_what_was_learnt_gives_way_to_a_larger(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.verify.MARGIN_KEPT", 1.5)  # no type can satisfy this
    result = retrain(FAST, tools(world))
    assert not result.promoted and result.model is None
    state = RunFolder(result.run).state
    assert state["export"]["quantization"] == "f32"  # q8_0, f16 and f32 were tried
    assert "quantization kept" in result.reason


def test_a_light_tune_of_a_quantized_model_is_not_lost(world: Any) -> None:
    """The base was read from Q8_0 and lies on its grid: small steps would be rounded back."""
    light = dataclasses.replace(FAST, sft_learning_rate=2e-4, dpo_learning_rate=2e-4)
    result = retrain(light, tools(world, 5, 5))
    margins = RunFolder(result.run).state["verification"]["margins"]
    assert margins["kept"] is None or margins["kept"] >= 0.9
    assert world.registry.get(result.model or "").quantization in ("Q8_0", "F16")


def test_a_run_that_is_given_up_leaves_nothing_large(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trainer.stages.merge", lambda *_: (_ for _ in ()).throw(OSError(28, "x")))
        with pytest.raises(TrainingError):
            retrain(FAST, tools(world))
    old = unfinished(world.runs)
    assert old is not None
    result = retrain(FAST, tools(world, 5, 5), fresh=True)
    assert result.run != old.path and result.promoted
    assert old.state["reason"] == "given up for a fresh run"
    assert not (old.path / "pairs.json").exists() and not (old.path / "base").exists()


def test_a_base_that_is_not_there_is_named(world: Any, tmp_path: Any) -> None:
    with pytest.raises(TrainingError, match=r"--base .*nowhere: neither a folder"):
        retrain(dataclasses.replace(FAST, base=str(tmp_path / "nowhere")), tools(world))


def test_sft_alone_leaves_the_adapter_as_it_is(world: Any) -> None:
    options = dataclasses.replace(FAST, dpo_epochs=0)
    run = RunFolder(retrain(options, tools(world, 5, 5, gate="force")).run)
    assert {row["stage"] for row in run.metrics()} == {"sft"}
    assert run.state["learnt"] == {}


def test_kto_learns_without_pairs(world: Any) -> None:
    result = retrain(dataclasses.replace(FAST, loss="kto"), tools(world, 5, 5))
    assert result.promoted, result.reason


def test_general_problems_are_mixed_in(world: Any) -> None:
    run = RunFolder(retrain(dataclasses.replace(FAST, rehearsal=0.5), tools(world, 5, 5)).run)
    encoded = run.state["encoded"]
    assert encoded["rehearsal"] == round(0.5 * encoded["pairs"])
    assert all(int(pair) > 0 for pair in run.state["learnt"])


def test_the_table_of_types_is_shown_and_in_the_report(world: Any) -> None:
    said: list[str] = []
    parts = tools(world, 5, 5)
    parts.reporter.say = said.append  # type: ignore[method-assign]
    result = retrain(FAST, parts)
    run = RunFolder(result.run)
    types = {row["quantization"]: row for row in run.state["types"]}
    assert list(types) == ["q4_k_m", "q5_k_m", "q6_k", "q8_0", "bf16", "f16"]
    assert types["q4_k_m"]["mean_kl"] > types["q8_0"]["mean_kl"] > types["f16"]["mean_kl"]
    assert types["f16"]["margin_kept"] == pytest.approx(1)
    assert any("margin kept" in text and "* q8_0" in text for text in said)
    page = render_page(collect(run, world.store.pairs(kind="all")))
    assert "<strong>q8_0</strong> (written)" in page and "same top 1" in page


def test_a_small_type_is_made_with_the_users_own_prompts(world: Any) -> None:
    said: list[str] = []
    parts = tools(world, 5, 5)
    parts.reporter.say = said.append  # type: ignore[method-assign]
    result = retrain(dataclasses.replace(FAST, quantization="q4_k_m"), parts)
    verdicts = [text for text in said if text.startswith("Importance matrix")]
    assert verdicts and "held-out texts" in verdicts[0]
    state = RunFolder(result.run).state
    # of random weights 4 bits swallow much: then the run goes on by itself and says so
    kept = state["verification"]["margins"]["kept"]
    assert kept is None or kept >= 0.9
    if state["export"]["quantization"] != "q4_k_m":
        assert any("q4_k_m swallows what was learnt: trying q5_k_m" in text for text in said)
