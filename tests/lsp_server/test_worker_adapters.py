"""Folders with adapters of their own, on the real engine: one model in memory, each its adapter."""

import threading
from types import SimpleNamespace

import pytest
import tiny_lora

from export.lora import write_adapter
from lsp_server.parts import Parts
from lsp_server.worker import Job, Worker
from whetstone.engine import load
from whetstone.models import Registry
from whetstone.problem import Diagnostic, Document, Span
from whetstone.prompt import END, Prompt
from whetstone.settings import Settings

SPAN = Span(start_line=0, end_line=0)
PROMPT = Prompt(text="def area(length):\n    return lenght\n" * 4, format="compact", stop=END)


class Shop:
    """A worker whose fixer asks the model that it is given for one likelihood."""

    def __init__(self, registry):
        self.registry, self.loads, self.warnings = registry, [], []
        self.gate, self.running = threading.Event(), threading.Event()
        self.gate.set()
        parts = Parts(
            load_engine=self.load,
            adapt=lambda engine, settings: load.adapt(engine, settings, registry),
            model_stamp=registry.active_stamp,
            make_fixer=lambda engine, settings, beside: SimpleNamespace(
                propose=lambda document, diagnostic, **_: self.ask(engine)
            ),
            find=None,
            open_store=None,
            load_settings=None,
        )
        self.worker = Worker(parts, warn=self.warnings.append)

    def load(self, settings):
        engine = load.load_engine(settings, self.registry)
        self.loads.append(engine.base_id)
        return engine

    def ask(self, engine):
        self.running.set()
        self.gate.wait(60)
        return SimpleNamespace(who=engine.model_id, score=engine.score(PROMPT, "x = 1").logprob)

    def submit(self, adapter, uri="file:///a.py"):
        return self.worker.submit(
            Job(
                uri=uri,
                document=Document(text=f"{uri}{adapter}", version=1),
                diagnostic=Diagnostic(source="t", code="A", message="m", span=SPAN),
                settings=Settings(adapter=adapter, context_tokens=512),
            )
        )

    def answer(self, adapter):
        return self.submit(adapter).future.result(60)


@pytest.fixture
def shop(tiny_hf, tiny_gguf, tmp_path, data_folder):
    registry = Registry()
    base = registry.add(tiny_gguf, name="tiny")
    registry.use("tiny")
    for seed, name in enumerate(("one", "two")):
        peft = tiny_lora.make(tiny_hf, tmp_path / name, seed=seed + 1)
        path = write_adapter(tiny_hf, peft, tmp_path / f"{name}.gguf").path
        registry.add(path, name=name, base=base)
    shop = Shop(registry)
    yield shop
    shop.gate.set()
    shop.worker.close(60)


def alone(registry, adapter):
    """The likelihood by an engine that has no other adapter."""
    engine = load.load_engine(Settings(adapter=adapter, context_tokens=512), registry)
    try:
        return engine.score(PROMPT, "x = 1").logprob
    finally:
        engine.close()


def test_each_folder_is_answered_by_its_adapter_and_the_model_is_loaded_once(shop):
    expected = {name: alone(shop.registry, name) for name in (None, "one", "two")}
    assert len({round(value, 1) for value in expected.values()}) == 3
    for name in (None, "one", "two", "one", None, "two"):
        found = shop.answer(name)
        assert found.who.split("@")[0] == (name or "tiny")
        assert found.score == pytest.approx(expected[name], abs=0.02)
    assert len(shop.loads) == 1
    # The registry's choice changes to an adapter: no reload either, and the folders keep theirs.
    shop.registry.use("two")
    assert shop.answer(None).who.startswith("two@")
    assert shop.answer("tiny").who.startswith("tiny@")  # this folder wants none
    assert shop.registry.rollback().name == "tiny"
    assert shop.answer(None).who.startswith("tiny@")
    assert len(shop.loads) == 1 and shop.warnings == []


def test_a_change_waits_for_the_request_that_runs(shop):
    shop.answer("one")
    shop.running.clear()
    shop.gate.clear()
    first = shop.submit("one", uri="file:///running.py")
    assert shop.running.wait(60)
    second = shop.submit("two", uri="file:///other.py")
    shop.registry.use("two")
    shop.gate.set()
    assert first.future.result(60).who.startswith("one@")
    assert second.future.result(60).who.startswith("two@")


def test_a_folder_whose_adapter_is_missing_is_served_without_it(shop):
    one = shop.answer("one").score
    found = shop.answer("nowhere")
    assert found.who.startswith("tiny@") and abs(found.score - one) > 0.1
    [warning] = shop.warnings
    assert "nowhere: no such model" in warning and "served without it" in warning
    assert shop.answer("one").score == pytest.approx(one, abs=0.02)
    assert len(shop.loads) == 1
