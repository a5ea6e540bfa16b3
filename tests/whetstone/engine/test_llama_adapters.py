"""LoRA adapters over one loaded model: each answers as in an engine of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tiny_lora

from export.lora import write_adapter
from whetstone.engine.base import Cancel
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.llama import adapters as loaded_adapters
from whetstone.engine.options import EngineOptions
from whetstone.errors import Cancelled, EngineError, ModelError
from whetstone.prompt import END, Prompt

OPTIONS = EngineOptions(context_tokens=512, threads=1)


@pytest.fixture(scope="module")
def adapters(tiny_hf: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | None]:
    folder = tmp_path_factory.mktemp("adapters")
    found: dict[str, Path | None] = {"base": None}
    for seed, name in enumerate("abcdef"):
        peft = tiny_lora.make(tiny_hf, folder / name, seed=seed + 1)
        found[name] = write_adapter(tiny_hf, peft, folder / f"{name}.gguf").path
    return found


def opened(path, adapter=None, name="base", state_folder=None, **changes):
    return LlamaEngine(
        path,
        model_id=f"{name}@1",
        base_id="base@1",
        adapter=adapter,
        options=dataclasses.replace(OPTIONS, **changes),
        state_folder=state_folder,
    )


def prompt(text="def area(length):\n    return lenght\n" * 8):
    return Prompt(text=text, format="compact", stop=END)


def ask(engine):
    """The greedy answer of three, and likelihoods: drawn ones would follow every rounding."""
    found = {c.number: c.text for c in engine.generate(prompt(), n=3, max_tokens=16, seed=5)}
    scores = [engine.score(prompt(), answer) for answer in ("return length", "import os", found[0])]
    return found[0], [score.logprob for score in scores]


@pytest.fixture(scope="module")
def expected(tiny_gguf, adapters):
    """What an engine that never had another adapter answers."""
    found = {}
    for name, path in adapters.items():
        engine = opened(tiny_gguf, path, name, cache_mb=0)
        found[name] = ask(engine)
        engine.close()
    assert len({repr(each) for each in found.values()}) == len(found)  # all differ
    return found


def check(engine, expected):
    answer, likelihoods = ask(engine)
    assert answer == expected[0]
    assert likelihoods == pytest.approx(expected[1], abs=0.02)  # adapters differ by nats


@pytest.fixture
def engine(tiny_gguf):
    engine = opened(tiny_gguf)
    yield engine
    engine.close()


def test_every_adapter_answers_as_in_an_engine_of_its_own(engine, adapters, expected):
    handle = engine._model.handle
    for name in ("base", "a", "b", "a", "base", "c", "b", "base"):
        engine.use_adapter(adapters[name], model_id=f"{name}@1")
        assert engine.model_id == f"{name}@1"
        check(engine, expected[name])
    assert engine._model.handle is handle  # the model was not loaded again


def test_more_adapters_than_stay_in_memory(engine, adapters, expected):
    for _ in range(2):
        for name, path in adapters.items():
            engine.use_adapter(path, model_id=f"{name}@1")
            check(engine, expected[name])
            assert len(engine._model.adapters._loaded) <= loaded_adapters._LOADED


def test_what_was_computed_is_kept_for_the_adapter_that_computed_it(engine, adapters):
    def recomputed(name):
        engine.use_adapter(adapters[name], model_id=f"{name}@1")
        before = engine.stats
        ask(engine)
        return (engine.stats - before).prompt_tokens_recomputed

    whole = recomputed("a")
    assert whole > 50
    assert recomputed("b") == whole  # the very same prompt, but another adapter's
    assert recomputed("a") <= 4 and recomputed("b") <= 4  # known again


def test_a_change_while_answers_are_decoded_ends_the_request(engine, adapters, expected):
    running = engine.generate(prompt(), n=3, max_tokens=16, seed=5)
    next(running)
    engine.use_adapter(adapters["a"], model_id="a@1")
    with pytest.raises(EngineError, match="later request ended this one"):
        list(running)
    check(engine, expected["a"])


class Soon(Cancel):
    """Set when it has been asked a few times: in the middle of the answers."""

    asked = 0

    def is_set(self):
        self.asked += 1
        return self.asked > 6


def test_a_change_after_a_request_was_stopped(engine, adapters, expected):
    with pytest.raises(Cancelled):
        list(engine.generate(prompt(), n=3, max_tokens=40, seed=5, cancel=Soon()))
    engine.use_adapter(adapters["b"], model_id="b@1")
    check(engine, expected["b"])


def test_a_bad_adapter_changes_nothing(engine, adapters, expected, tmp_path):
    engine.use_adapter(adapters["a"], model_id="a@1")
    ask(engine)
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(adapters["b"].read_bytes()[:-5000])
    with pytest.raises(ModelError, match="made for another one, or is damaged"):
        engine.use_adapter(damaged, model_id="b@1")
    with pytest.raises(ModelError, match="no such adapter file"):
        engine.use_adapter(tmp_path / "nowhere.gguf", model_id="b@1")
    assert engine.model_id == "a@1"
    check(engine, expected["a"])


def test_an_engine_that_cannot_load_its_adapter_frees_the_model(tiny_gguf, tmp_path):
    with pytest.raises(ModelError, match="no such adapter file"):
        opened(tiny_gguf, tmp_path / "nowhere.gguf")


def test_prompts_on_disk_belong_to_one_adapter(tiny_gguf, adapters, expected, tmp_path):
    def session(names):
        engine = opened(tiny_gguf, state_folder=tmp_path, cache_on_disk=True)
        spent = []
        for name in names:
            engine.use_adapter(adapters[name], model_id=f"{name}@1")
            before = engine.stats
            check(engine, expected[name])
            spent.append((engine.stats - before).prompt_tokens_recomputed)
        engine.close()
        return spent

    first = session("ab")
    again = session("bca")
    assert again[0] <= 4 and again[2] <= 4  # read from the disk
    assert again[1] == first[0]  # never computed before
