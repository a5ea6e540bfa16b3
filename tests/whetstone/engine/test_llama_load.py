"""Which options a model is loaded with: the settings, else what was tuned, else the defaults."""

from __future__ import annotations

import pytest

from whetstone.engine.load import load_engine, options_for
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import Machine, TuningRecord, write_tuning
from whetstone.models import Registry
from whetstone.settings import Settings


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path))
    options = EngineOptions(threads=3, threads_batch=5, ubatch=128, speculation=False)
    write_tuning(TuningRecord(model_id="m@1", machine=Machine.this(), options=options))
    return options


def test_the_tuning_record_fills_what_the_settings_leave_open(tuned):
    options = options_for(Settings(context_tokens=2048), "m@1")

    assert (options.threads, options.threads_batch, options.ubatch) == (3, 5, 128)
    assert options.context_tokens == 2048
    assert not options.speculation


def test_settings_win_over_the_record(tuned):
    options = options_for(Settings(threads=1, gpu_layers=0, cache_mb=10, cache_on_disk=True), "m@1")

    assert (options.threads, options.threads_batch, options.gpu_layers) == (1, 1, 0)
    assert (options.cache_mb, options.cache_on_disk) == (10, True)
    assert options.ubatch == 128


def test_another_model_has_the_defaults(tuned):
    assert options_for(Settings(), "m@2") == EngineOptions()


def test_a_home_that_cannot_be_written_still_has_a_model(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    registry = Registry(tmp_path / "models")
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "file" / "data"))
    engine = load_engine(Settings(threads=1), registry)

    assert engine.model_id.startswith("starter@")
    engine.close()
