"""The simulated user: problems and judges that are what they say, and the whole thing, tiny."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.personal import figures
from benchmarks.personal.judging import Judge
from benchmarks.personal.problems import Family, Task, aspects, families, fill, tasks
from benchmarks.personal.tastes import REPORTED, TASTES, style
from trainer.evaluation.judge import run_checks
from whetstone import diagnose
from whetstone.problem import Document

ROOT = Path(__file__).parents[2]


def one_of(aspect: str, number: int = 1) -> Task:
    [family] = [each for each in families() if each.name == f"{aspect}-{number}"]
    return fill(family, "task", Random(0))


def lines(task: Task, new: str) -> str:
    """The file with another line in place of the flagged one, at the same margin."""
    old = task.text.split("\n")
    margin = old[task.line][: len(old[task.line]) - len(old[task.line].lstrip())]
    return "\n".join([*old[: task.line], margin + new, *old[task.line + 1 :]])


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_a_problem_has_one_finding_and_its_fixes_leave_none(family: Family) -> None:
    task = fill(family, "task", Random(1))
    [finding] = diagnose.find(task.document)
    assert finding.span.start_line == task.line
    assert len(task.fixed) == 2
    for option, text in task.fixed.items():
        assert diagnose.find(Document(text=text)) == []
        assert style(task, text) == option


def test_every_fix_of_every_family_is_right() -> None:
    answers = [
        (task, text)
        for family in families()
        for task in [fill(family, family.name, Random(2))]
        for text in task.fixed.values()
    ]
    right = run_checks([(task.case(), text) for task, text in answers])
    wrong = [task.family for (task, _), good in zip(answers, right, strict=True) if not good]
    assert wrong == []


def test_no_unseen_family_is_trained_on() -> None:
    trained = {task.family for task in tasks("train", 60, 0)}
    unseen = {task.family for task in tasks("unseen", 60, 0)}
    assert not trained & unseen
    assert {task.aspect for task in tasks("unseen", 12, 0)} == set(aspects())


def test_the_same_seed_gives_the_same_problems() -> None:
    assert tasks("train", 15, 4) == tasks("train", 15, 4)
    assert tasks("train", 15, 4) != tasks("train", 15, 5)


def test_tastes_differ_and_choose_in_every_aspect() -> None:
    for taste in TASTES.values():
        assert set(taste.wants) == set(aspects())
    for one, other in (REPORTED[:2], REPORTED[1:]):
        wants = (TASTES[one].wants, TASTES[other].wants)
        assert sum(wants[0][aspect] != wants[1][aspect] for aspect in aspects()) >= 5


def test_a_wrong_fix_in_the_right_style_does_not_please() -> None:
    task = one_of("type")
    judge = Judge(TASTES["explicit"])
    mended = task.fixed["exact"]
    inverted = mended.replace(" is str", " is not str")
    assert style(task, inverted) == "exact"
    assert judge.keeps([(task, mended), (task, inverted)]) == [True, False]


def test_a_right_fix_in_another_style_does_not_please() -> None:
    task = one_of("none")
    judge = Judge(TASTES["terse"])
    assert judge.right([(task, task.fixed["identity"])]) == [True]
    keeps = judge.keeps([(task, task.fixed["identity"]), (task, task.fixed["truth"])])
    assert keeps == [False, True]


def test_a_lost_comment_and_a_name_of_one_letter_do_not_please() -> None:
    task = one_of("none", 3)
    taste = TASTES["modern"]
    kept = task.fixed["identity"]
    assert task.comment == "# nothing stored yet" and taste.pleases(task, kept)
    assert not taste.pleases(task, kept.replace(f"  {task.comment}", ""))
    task = one_of("step")
    taste = TASTES["explicit"]
    assert taste.pleases(task, task.fixed["plain"])
    assert not taste.pleases(task, lines(task, "v = 1"))


@pytest.mark.timeout(3600)
def test_a_tiny_run_from_the_server_to_the_plot_and_again(tmp_path: Path) -> None:
    """Real server, store, training, engine and gate; so little of each that nothing is learnt."""
    work, out = tmp_path / "work", tmp_path / "out"
    command = [
        sys.executable, "-m", "benchmarks.personal", "--work", str(work), "--tastes", "terse",
        "--seeds", "0", "--points", "12", "--problems", "4", "--methods", "sft-dpo", "kto",
        "--no-static", "--set", "max_steps=1", "--set", "eval_limit=1", "--set", "min_pairs=4",
        "--set", "rehearsal=0", "--json", "--out", str(out),
    ]  # fmt: skip
    environment = {**os.environ, "WHETSTONE_DATA": str(tmp_path / "unused")}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=1700
        )

    done = run()
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found == json.loads((out / "personal.json").read_text())
    assert (out / "personal.png").stat().st_size > 5_000
    [part] = found["parts"]
    assert sum(part["steps"]["choices"]["outcomes"].values()) == 12
    assert set(part["steps"]["choices"]["outcomes"]) <= {
        "accepted", "amended", "superseded", "rejected",
    }  # fmt: skip
    assert {row["method"] for row in found["curves"]} == {
        figures.BASE, figures.AGAIN, figures.LOOP, "SFT, then DPO", "SFT, then KTO",
    }  # fmt: skip
    assert part["steps"]["loop"]["rounds"][0]["choices"] == 12

    (work / "terse-0" / "kto-12.json").unlink()  # as if killed in that step
    stamp = (work / "terse-0" / "loop.json").stat().st_mtime_ns
    again = run()
    assert again.returncode == 0, again.stderr[-3000:]
    assert (work / "terse-0" / "kto-12.json").exists()
    assert (work / "terse-0" / "loop.json").stat().st_mtime_ns == stamp


def test_figures_compare_problem_by_problem() -> None:
    def step(method: str, kept: list[str]) -> dict[str, object]:
        unseen = {"problems": 4, "kept": len(kept), "kept_problems": kept}
        return {"method": method, "choices": 50, "unseen": unseen}

    rounds = [
        {"choices": 50, "unseen": {"problems": 4, "kept": 2, "kept_problems": ["a", "b"]}},
        {"choices": 100, "unseen": {"problems": 4, "kept": 3, "kept_problems": ["b", "c", "d"]}},
    ]
    steps = {
        "sft-dpo-50": step("sft-dpo", ["a", "b", "c"]),
        "sft-accepted-50": step("sft-accepted", ["a", "d"]),
        "again": {"rounds": rounds},
    }
    parts = [{"taste": "terse", "seed": 0, "steps": steps}]
    [row] = figures._comparisons(parts)
    assert (row["gained"], row["lost"], row["choices"]) == (2, 1, 50)  # b, c against d
    [forgotten] = figures._forgotten(parts)
    assert (forgotten["lost"], forgotten["won"]) == (1, 2)  # a against c, d
    curve = {row["method"]: row["mean"] for row in figures._curves(parts)}
    assert curve["SFT, then DPO"] == 0.75 and curve["SFT on the accepted"] == 0.5
