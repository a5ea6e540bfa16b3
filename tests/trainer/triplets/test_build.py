"""Whole builds: real programs in the real sandbox, the tiny model, a real store."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from datasets import load_dataset
from trl import is_conversational

from trainer.cli import main
from trainer.triplets import build as build_module
from trainer.triplets.card import read_parquet


def data_build(out: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["data", "build", "--out", str(out), "--static", "0", *more])


def card(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_triplets_of_programs_are_verified_capped_and_loadable(
    tmp_path: Path, programs_file: Path
) -> None:
    out = tmp_path / "out"
    made = card(data_build(out, "--programs", str(programs_file), "--per-problem", "4", "--json"))
    found = read_parquet(out / "triplets.parquet")
    assert len(found) == made["triplets"] >= 30
    assert made["largest_group"] <= 4
    assert made["noise"] == {"checked": len(found), "wrong": 0, "store": {}}
    assert "totals/7" not in {each.group for each in found}  # it fails its own tests
    assert {each.rejected_is for each in found} == {"near miss", "unchanged"}
    assert all(each.chosen != each.rejected for each in found)
    assert {each.licence for each in found} == {"MIT"}
    held = [json.loads(line) for line in (out / "held-out.jsonl").read_text().splitlines()]
    assert not {row["program"] for row in held} & {each.group for each in found}
    assert "# Preference triplets" in (out / "card.md").read_text()
    # What TRL reads: an explicit prompt, and two answers that end where the model is to stop.
    cache = str(tmp_path / "cache")
    table = load_dataset("parquet", data_files=str(out / "triplets.parquet"), cache_dir=cache)
    first = table["train"][0]
    assert not is_conversational(first) and not first["chosen"].startswith(first["prompt"])
    assert all(first[side].endswith("<|end|>") for side in ("chosen", "rejected"))


def test_a_build_goes_on_where_it_was_stopped(
    tmp_path: Path, programs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "_PER_PART", 2)
    out = tmp_path / "out"
    whole = build_module.break_programs
    calls: list[int] = []

    def stop_at_the_third(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*given, **named)

    monkeypatch.setattr(build_module, "break_programs", stop_at_the_third)
    arguments = ("--programs", str(programs_file), "--limit", "8")
    stopped = data_build(out, *arguments)
    assert stopped.exit_code == 130 and "goes on" in stopped.output
    kept = len(list((out / "parts").glob("broken-*")))
    assert kept < 4
    calls[:] = [1, 1, 1]
    assert data_build(out, *arguments).exit_code == 0
    assert len(calls) - 3 == 4 - kept
    changed = data_build(out, *arguments, "--per-problem", "3")
    assert changed.exit_code == 2 and "other settings (per_problem)" in changed.output


def test_evaluation_problems_are_kept_out(tmp_path: Path, programs_file: Path, code: str) -> None:
    suite = tmp_path / "suite.jsonl"
    renamed = code.replace("value", "number").replace("total", "amount")
    suite.write_text(json.dumps({"id": "a", "buggy": renamed, "fixed": renamed}) + "\n")
    result = data_build(tmp_path / "out", "--programs", str(programs_file), "--against", str(suite))
    assert result.exit_code == 3  # the same program under other names: nothing is left
    assert "0 triplets came" in result.output


def test_too_few_triplets_are_told_by_the_status(tmp_path: Path, programs_file: Path) -> None:
    arguments = ("--programs", str(programs_file), "--limit", "2", "--at-least", "500")
    assert data_build(tmp_path / "out", *arguments).exit_code == 3


def test_the_models_own_answers_are_run_and_the_wrong_ones_rejected(
    tmp_path: Path, programs_file: Path, tiny_gguf: Path
) -> None:
    """The tiny model knows nothing; what it says in the format is wrong, and that is found out."""
    out = tmp_path / "out"
    arguments = ("--programs", str(programs_file), "--limit", "4", "--model", str(tiny_gguf))
    made = card(data_build(out, *arguments, "--asked", "12", "--samples", "6", "--json"))
    assert made["model"].startswith("tiny")
    policies = list((out / "parts").glob("policy-*.jsonl"))
    rows = [json.loads(line) for path in policies for line in path.read_text().splitlines()]
    assert {row["chosen_is"] for row in rows} <= {"original", "own"}
    assert {row["rejected_is"] for row in rows} <= {"own wrong", "looks right", "unchanged"}


def test_the_users_own_repository_with_its_own_tests(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    repository.mkdir()
    (repository / "prices.py").write_text(
        "def gross(net, rate):\n    if rate < 0:\n        raise ValueError(rate)\n"
        "    return net + net * rate\n"
    )
    test = "from prices import gross\n\n\ndef test_gross():\n    assert gross(10, 2) == 30\n"
    (repository / "test_prices.py").write_text(test)
    before = {path.name: path.read_text() for path in repository.iterdir()}
    out = tmp_path / "out"
    command = f"{sys.executable} -m pytest -q -p no:cacheprovider"
    arguments = ("--from-repo", str(repository), "--test", command, "--repo-mutants", "3")
    made = card(data_build(out, *arguments, "--json"))
    assert made["counts"]["source"] == {"repository": made["triplets"]}
    found = read_parquet(out / "triplets.parquet")
    assert {each.problem.name for each in found} == {"prices.py"}
    assert all(each.problem.diagnostic.source == "test" for each in found)
    assert {path.name: path.read_text() for path in repository.iterdir()} == before


def test_a_repository_whose_tests_fail_is_told_so(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    repository.mkdir()
    (repository / "test_it.py").write_text("def test_it():\n    assert 1 == 2\n")
    command = f"{sys.executable} -m pytest -q -p no:cacheprovider"
    result = data_build(tmp_path / "out", "--from-repo", str(repository), "--test", command)
    assert result.exit_code == 2 and "does not pass as the repository stands" in result.output


def test_code_and_test_command_go_together(tmp_path: Path) -> None:
    result = data_build(tmp_path / "out", "--from-repo", str(tmp_path))
    assert result.exit_code == 2 and "go together" in result.output
