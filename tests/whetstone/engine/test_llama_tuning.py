"""Tuning records: written whole, read back equal, not used when they are about anything else."""

from __future__ import annotations

import dataclasses
import json

import pytest

from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import Machine, TuningRecord, read_tuning, tuning_path, write_tuning

MACHINE = Machine(system="Linux x86_64", processor="A Fast One", cores=8, engine="0.3.36")


def record(**changes):
    options = EngineOptions(threads=4, kv_type="q8_0", speculation=False)
    found = {"prompt_tokens_per_s": 812.5, "gpu": "none"}
    fresh = TuningRecord(
        model_id="starter@12345678", machine=MACHINE, options=options, measured=found,
        reasons=("4 threads: 812 tokens/s, 2: 500",),
    )  # fmt: skip
    return dataclasses.replace(fresh, **changes)


def test_what_is_written_is_read_back(tmp_path):
    path = write_tuning(record(), tmp_path / "tuning")

    assert read_tuning("starter@12345678", MACHINE, tmp_path / "tuning") == dataclasses.replace(
        record(), made_at=json.loads(path.read_text())["made_at"]
    )


@pytest.mark.parametrize(
    "machine",
    [dataclasses.replace(MACHINE, cores=4), dataclasses.replace(MACHINE, engine="0.3.37")],
)
def test_another_machine_or_build_has_no_record(tmp_path, machine):
    write_tuning(record(), tmp_path)

    assert read_tuning("starter@12345678", machine, tmp_path) is None
    assert read_tuning("starter@87654321", MACHINE, tmp_path) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"model_id": 1}', "[" * 9000, "x" * 200_000],
)
def test_a_damaged_record_is_none(tmp_path, text):
    tuning_path("starter@12345678", MACHINE, tmp_path).write_text(text)

    assert read_tuning("starter@12345678", MACHINE, tmp_path) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("threads", -1), ("threads", "4"), ("batch", 0), ("threads", True), ("kv_type", "f64"),
     ("speculation", 1), ("cache_mb", 10**12), ("flash_attention", None)],
)  # fmt: skip
def test_a_record_with_a_value_out_of_range_is_none(tmp_path, name, value):
    path = write_tuning(record(), tmp_path)
    stored = json.loads(path.read_text())
    stored["options"][name] = value
    path.write_text(json.dumps(stored))

    assert read_tuning("starter@12345678", MACHINE, tmp_path) is None
    with pytest.raises(ValueError, match=name):
        EngineOptions(**{name: value})


def test_quantized_values_need_flash_attention():
    with pytest.raises(ValueError, match="flash_attention"):
        EngineOptions(kv_type="q8_0", flash_attention="off")


def test_this_machine_has_a_name():
    machine = Machine.this()

    assert machine.processor
    assert machine.cores >= 1
    assert machine.engine
