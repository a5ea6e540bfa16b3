"""The statistics, worked by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from trainer.recipes.config import load_recipe, names, shrunk
from trainer.recipes.folder import RecipeFolder
from trainer.recipes.report import Experiment, table, write_report
from trainer.recipes.results import by_kind, difference, share
from whetstone.errors import UsageError


def scores(**right: bool) -> dict[str, dict[str, object]]:
    kinds = {case: case[0] for case in right}
    return {"problems": {"right": right, "kinds": kinds}}


BEFORE = scores(a1=True, a2=False, b1=False, b2=False)
ONE = scores(a1=True, a2=True, b1=True, b2=False)
TWO = scores(a1=False, a2=True, b1=False, b2=False)


def test_seeds_are_pooled_and_cases_counted_once() -> None:
    found = difference([BEFORE], [ONE, TWO], "problems")
    # seed 1 gains a2 and b1; seed 2 gains a2 and loses a1
    assert (found.gained, found.lost) == (3, 1)
    assert found.p == pytest.approx(0.625)  # 2 (C(4,0) + C(4,1)) / 2^4
    assert found.p_cases == pytest.approx(1.0)  # up: a2, b1; down: a1; 2 (1 + 3) / 2^3
    assert found.difference == pytest.approx((3 - 1) / 8)
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_more_seeds_are_no_more_cases() -> None:
    one, two = share([ONE], "problems"), share([ONE, ONE], "problems")
    assert (two.fixed, two.total) == (6, 8)
    assert one.interval == two.interval


def test_kinds_are_counted_over_seeds() -> None:
    assert by_kind([ONE, TWO], "problems") == {"a": (3, 4), "b": (1, 4)}


def test_recipes_of_the_study_and_the_starter_are_there() -> None:
    assert names() == ["llama-3.1-8b", "llama-3.2-3b", "qwen2.5-3b", "starter"]
    for name in names():
        found = load_recipe(name)
        assert len(found.seeds) >= 3
        assert found.train.for_seed(1).seed == 1
        assert shrunk(found).small == found.small
    with pytest.raises(UsageError, match="Choose one of llama"):
        load_recipe("gpt")


def test_a_step_is_done_once_and_other_options_are_told(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out", {"a": 1})
    calls = []

    def work() -> dict[str, int]:
        calls.append(1)
        return {"found": 7}

    assert folder.step("one", work)["found"] == 7
    assert RecipeFolder(tmp_path / "out", {"a": 1}).step("one", work)["found"] == 7
    assert len(calls) == 1
    with pytest.raises(UsageError, match="begun with other options"):
        RecipeFolder(tmp_path / "out", {"a": 2})


def test_the_report_has_table_results_and_plots(tmp_path: Path) -> None:
    recipe = dataclasses.replace(load_recipe("starter"), seeds=(0, 1))
    trained = {"train_s": 3.0, "train_cpu_s": 2.0}
    steps = {
        f"seed {seed}: {name}": {**trained, **facts}
        for seed in (0, 1)
        for name, facts in {
            "sft": {"triplets": 40},
            "dpo": {"pairs": 20, "beta": 0.1, "kl": 0.02, "margin": 0.3, "preferred": 0.75},
            "control": {"answers": 20},
        }.items()
    }
    metrics = [
        {"stage": "dpo", "step": n, "loss": 1 / n, "kl": 0.01 * n, "rewards/margins": 0.1 * n}
        for n in (1, 2, 3)
    ]
    runs = {"before": [BEFORE], "sft": [ONE, TWO], "dpo": [ONE, ONE], "control": [TWO, ONE]}
    experiment = Experiment(
        recipe=recipe,
        runs=runs,
        steps=steps,
        metrics={0: metrics, 1: metrics},
        facts={"command": "trainer recipe run starter", "base": "b", "seeds": [0, 1],
               "written": "now"},
    )  # fmt: skip
    text = write_report(experiment, tmp_path / "report").read_text()
    assert "| problems | 1 of 4, 25.0%" in text and "6 of 8, 75.0%" in text
    assert "before → after DPO | +50.0 points" in text
    assert "| 0 | 40 answers, 3 s | 20 pairs, 3 s | 0.1 | 0.0200 | 0.300 | 75.0% |" in text
    found = json.loads((tmp_path / "report" / "results.json").read_text())
    early = dataclasses.replace(experiment, runs={"before": [BEFORE], "sft": [ONE]}, steps={})
    assert "| 1 | not yet |" in table(early) and "after DPO" not in table(early)
    assert len(found["differences"]) == 4 and found["machine"]
    for plot in ("curves", "suites", "kinds"):
        assert (tmp_path / "report" / f"{plot}.png").stat().st_size > 5000
