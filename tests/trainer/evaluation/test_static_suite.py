"""The suite counts what a user would see, with an engine whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainer.evaluation import run_static, static_suite
from trainer.evaluation.cases import Case, cases_of
from trainer.evaluation.cli import evaluate
from whetstone.engine.scripted import ScriptedEngine
from whetstone.errors import UsageError
from whetstone.prompt import FIX, Prompt
from whetstone.settings import Settings

# Files that the rules do not repair: whatever is right here came from the engine.
LAMBDA = "lambda-slip-inventory_sort"
WALRUS = "walrus-slip-chunk_reader"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Sequence[Case]:
    chosen = tuple(case for case in cases_of("static") if case.name in (LAMBDA, WALRUS))
    monkeypatch.setattr(static_suite, "cases_of", lambda suite: chosen)
    for name in ("propose", "last_resort"):
        monkeypatch.setattr(f"whetstone.rules.{name}", lambda document, problem: [])
    return chosen


def engine(*answers: str) -> ScriptedEngine:
    """Gives the same answers to every prompt about the walrus, and none to others."""

    def script(prompt: Prompt) -> list[str]:
        return [FIX + answer for answer in answers] if "stream.read" in prompt.text else []

    return ScriptedEngine(script, gap=10.0)  # likelihood decides, whatever the size of an edit


RIGHT = "    while chunk := stream.read(size):"
WRONG = "    while stream.read(size):"
BROKEN = "    while chunk = stream.read(size) and:"


def run(model: ScriptedEngine, **options: int) -> tuple[static_suite.StaticResult, str, bool]:
    result = run_static(model, Settings(), **options)
    [walrus] = [outcome for outcome in result.outcomes if outcome.case == WALRUS]
    return result, walrus.verdict, walrus.within_k


@pytest.mark.usefixtures("only")
def test_a_right_first_candidate_counts_and_silence_is_not_wrong() -> None:
    result, verdict, within = run(engine(RIGHT))
    assert (verdict, within) == ("right", True)
    assert (result.solved, result.shown, result.silent, result.total) == (1, 1, 1, 2)


@pytest.mark.usefixtures("only")
def test_what_does_not_parse_is_never_shown() -> None:
    _, verdict, within = run(engine(BROKEN))
    assert (verdict, within) == ("silent", False)


@pytest.mark.usefixtures("only")
def test_a_right_second_candidate_counts_within_k_only() -> None:
    wrong_but_clean = "    for chunk in [stream.read(size)]:"
    _, verdict, within = run(engine(wrong_but_clean, RIGHT))
    assert (verdict, within) == ("wrong", True)
    _, verdict, within = run(engine(wrong_but_clean, RIGHT), k=1)
    assert (verdict, within) == ("wrong", False)


def test_rules_alone_repair_most_files_and_offer_nothing_on_clean_ones() -> None:
    result = run_static(None, Settings(), limit=20, clean=True)
    assert result.model_id == "rules"
    assert result.total == 20 == result.clean_files
    assert result.solved >= 10
    assert result.false_alarms == ()


def test_the_command_compares_models_and_writes_its_results(
    tmp_path: Path, tiny_gguf: Path
) -> None:
    out, plot = tmp_path / "r.json", tmp_path / "r.png"
    done = CliRunner().invoke(
        evaluate,
        ["--model", "none", "--model", str(tiny_gguf), "--limit", "3", "--json",
         "--out", str(out), "--plot", str(plot)],
        catch_exceptions=False,
    )  # fmt: skip
    printed = json.loads(done.stdout)
    assert printed == json.loads(out.read_text())
    assert [model["model_id"].split("@")[0] for model in printed["models"]] == ["rules", "tiny"]
    assert printed["models"][0]["pass_at_1"]["total"] == 3
    assert set(printed["comparisons"][0]) == {"a", "b", "only_a", "only_b", "p"}
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_table_names_groups_totals_and_measures() -> None:
    done = CliRunner().invoke(
        evaluate, ["--engine", "rules-only", "--limit", "6"], catch_exceptions=False
    )
    assert done.exit_code == 0
    for words in ("rules", "of 6", "nothing shown", "within 4", "false alarms"):
        assert words in done.stdout


def test_a_missing_folder_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its folder does not exist"):
        evaluate.main(["--out", str(tmp_path / "no" / "r.json")], standalone_mode=False)
