"""`whetstone tune` on a real model: what it measures, stores and leaves alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from whetstone.cli import main
from whetstone.engine.load import options_for
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import read_tuning
from whetstone.models import Registry
from whetstone.settings import Settings
from whetstone.tuning import search
from whetstone.tuning.probe import Rates, sample_prompts
from whetstone.tuning.search import Search, thread_counts


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def tune(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tune", *arguments])


def test_it_stores_what_the_engine_then_uses(tiny_gguf: Path) -> None:
    result = tune("--model", str(tiny_gguf), "--seconds", "6", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    record = read_tuning(told["model_id"])
    assert record is not None and Path(told["path"]).is_file()
    assert record.options.to_json() == told["options"]
    settings = Settings()
    used = options_for(settings, told["model_id"])
    assert dataclasses.replace(used, context_tokens=4096) == record.options
    assert record.reasons and record.measured["single_tokens_per_s"] > 0
    rows = {(row["what"], row["value"]): row for row in told["rows"]}
    first = rows["defaults", ""]
    assert first["prompt_tokens_per_s"] > 0 and first["four_answers_tokens_per_s"] > 0
    assert all(row["fix_s"] is not None or row["note"] for row in rows.values())


def test_without_time_the_defaults_stay(tiny_gguf: Path) -> None:
    result = tune("--model", str(tiny_gguf), "--seconds", "0.5")
    assert result.exit_code == 0, result.output
    assert "no time left" in result.stdout and "Stored in" in result.stdout


def test_a_remote_model_is_not_ours_to_tune(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHETSTONE_ENGINE", "openai")
    result = tune()
    assert result.exit_code == 2 and "another server" in result.stderr


def test_an_unknown_model(tmp_path: Path) -> None:
    result = tune("--model", "nobody")
    assert result.exit_code == 2 and "nobody: no such model" in result.stderr


def test_an_interrupt_stores_nothing(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "_speculation", stop)
    assert tune("--model", str(tiny_gguf), "--seconds", "2").exit_code == 130
    assert not (tmp_path / "data" / "tuning").exists()


# -- choosing ---------------------------------------------------------------------------------


class _Machine:
    """A machine on which the given options are the fastest."""

    def __init__(self, best: EngineOptions) -> None:
        self.best = best

    def measure(self, options: EngineOptions) -> Rates:
        wrong = sum(
            getattr(options, name) != getattr(self.best, name)
            for name in ("threads", "threads_batch", "ubatch", "flash_attention", "kv_type")
        )
        return Rates(prompt=1000 / (1 + wrong), single=100, four=300, prompt_tokens=1000)


@pytest.mark.parametrize(
    "best",
    [
        EngineOptions(),
        EngineOptions(threads=6, threads_batch=6),
        EngineOptions(threads=6, threads_batch=8, ubatch=512, batch=512, flash_attention="on"),
        EngineOptions(kv_type="q8_0", ubatch=1024, batch=1024),
    ],
)
def test_the_fastest_values_are_found_one_by_one(
    best: EngineOptions, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "Probe", lambda _model: _Machine(best))
    monkeypatch.setattr(search.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(Search, "_speculation", lambda self: None)
    found = Search(entry=Registry().resolve(str(tiny_gguf)), seconds=60)
    assert found.run().options == best
    chosen = [row for row in found.rows if row.chosen]
    assert len(found.reasons) == len(chosen)


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, ()), (2, (2,)), (4, (1, 3, 4)), (8, (1, 6, 8)), (64, (1, 32, 48, 64))]
)
def test_thread_counts(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


@pytest.mark.parametrize("format", ["chat", "compact"])
def test_sample_prompts_are_different_and_can_be_short(format: str) -> None:
    whole = sample_prompts(format)  # type: ignore[arg-type]
    short = sample_prompts(format, lines=5)  # type: ignore[arg-type]
    assert len({prompt.text for prompt in whole}) == len(whole) >= 3
    assert all(len(a.text) < len(b.text) for a, b in zip(short, whole, strict=True))
