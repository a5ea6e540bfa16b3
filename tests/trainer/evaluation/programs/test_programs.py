"""Programs with failing tests, through the real sandbox, with an engine whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainer.cli import main
from trainer.evaluation.programs import report
from trainer.evaluation.programs.attempt import Attempt, Budget, Try
from trainer.evaluation.programs.sources import own_programs, read_programs
from trainer.evaluation.programs.split import halves
from trainer.evaluation.programs.suite import SuiteResult, run_programs
from whetstone.engine.scripted import ScriptedEngine
from whetstone.errors import UsageError
from whetstone.settings import Settings

BUGGY = "def larger(a, b):\n    if a < b:\n        return a\n    return b\n"
CHECK = (
    "def check(candidate):\n    assert candidate(1, 2) == 2\n    assert candidate(5, 3) == 5\n"
    "    assert candidate(2, 2) == 2\n"
)
ROW = {"id": "x/1", "kind": "condition", "buggy": BUGGY, "test": CHECK, "entry_point": "larger"}


def rows(folder: Path, *given: dict[str, str]) -> Path:
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    return path


def answers(*lines: str) -> ScriptedEngine:
    """Answers these lines in turn wherever the comparison is to be replaced."""
    texts = [f"REPLACE\n```python\n    {line}\n```" for line in lines]

    def script(prompt):
        return texts if "if a < b" in prompt.text.rpartition("to replace:")[2] else ["no answer"]

    return ScriptedEngine(script, prompt_format="chat")


def test_every_other_assertion_is_visible() -> None:
    visible, hidden = halves(CHECK, "larger")
    assert "candidate(1, 2)" in visible and "candidate(2, 2)" in visible
    assert "candidate(5, 3)" in hidden and "candidate(1, 2)" not in hidden
    assert visible.endswith("check(larger)") and "def check" in hidden


def test_what_asserts_nothing_stands_in_both_halves() -> None:
    visible, hidden = halves("r = f(1)\nassert r == 1\nr = f(2)\nfor x in r:\n    assert x\n")
    assert visible == "r = f(1)\nassert r == 1\nr = f(2)"
    assert hidden == "r = f(1)\nr = f(2)\nfor x in r:\n    assert x"
    assert halves("assert f()") == ("assert f()", "assert f()")


def test_calls_of_test_functions_are_split_like_assertions() -> None:
    visible, hidden = halves("def test1():\n    assert f()\ntest1()\ntest2()\n")
    assert visible == "def test1():\n    assert f()\ntest1()"
    assert hidden == "def test1():\n    assert f()\ntest2()"


def test_quixbugs_form_and_setup(tmp_path: Path) -> None:
    whole = "class Node:\n    pass\n\n" + BUGGY + "\nassert larger(1, 2) == 2\n"
    quix = {"id": "q", "buggy": "\n" + BUGGY, "run_buggy": whole}
    setup = {**ROW, "setup": "import math\n", "kind": ""}
    one, other = read_programs(rows(tmp_path, quix, setup))
    assert one.visible == "assert larger(1, 2) == 2" and one.kind == "any"
    assert one.buggy == "class Node:\n    pass\n\n" + BUGGY
    assert other.buggy.startswith("import math\n\n\ndef larger")


@pytest.mark.parametrize("row", [{"id": "x"}, {**ROW, "test": "def ("}, {**ROW, "buggy": 3}])
def test_a_row_that_is_no_problem_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="line 1 is no problem"):
        read_programs(rows(tmp_path, row))


def test_own_problems_are_programs() -> None:
    programs = own_programs()
    assert len(programs) >= 100 and all(p.visible and p.hidden for p in programs)


def test_the_first_answer_the_proved_one_and_the_hidden_test(tmp_path: Path) -> None:
    # wrong; passes what is visible, (1, 2) and (2, 2), but not (5, 3); right
    engine = answers("if a < 1:", "if a < b - a - 9:", "if a > b:")
    programs = read_programs(rows(tmp_path, ROW))
    budget = Budget(tries=3, per_line=3)

    result = run_programs(engine, Settings(), programs, suite="set", budget=budget)

    [attempt] = result.attempts
    assert attempt.lines[0] in (1, 2, 3)
    verdicts = {(each.passes, each.right) for each in attempt.tries}
    assert (True, True) in verdicts and (True, False) in verdicts
    first = next(each for each in attempt.tries if each.passes)
    assert result.proved() == [first.right]
    assert result.shown() == 1 and 0 < result.pass_at(1) < result.pass_at(3) == 1


def test_a_program_whose_visible_half_passes_is_looked_at_with_the_other(tmp_path: Path) -> None:
    check = "def check(c):\n    assert c(2, 2) == 2\n    assert c(1, 2) == 2\n"
    programs = read_programs(rows(tmp_path, {**ROW, "test": check}))
    result = run_programs(answers("if a > b:"), Settings(), programs, suite="set")
    assert result.proved() == [True]


def test_a_program_that_is_right_already_counts_as_not_mended(tmp_path: Path) -> None:
    programs = read_programs(rows(tmp_path, {**ROW, "buggy": BUGGY.replace("<", ">")}))
    result = run_programs(answers("if a > b:"), Settings(), programs, suite="set")
    assert result.attempts[0].tries == () and result.proved() == [False]


def made(model: str, *tries: tuple[bool, bool]) -> SuiteResult:
    """A result in which each program has one try of (passes, right)."""
    attempts = tuple(
        Attempt(
            id=str(n), kind="k", lines=(1,), seconds=1.0,
            tries=(Try(line=1, origin="model", tokens=5, passes=p, right=r),),
        )
        for n, (p, r) in enumerate(tries)
    )  # fmt: skip
    return SuiteResult(
        suite="s", model_id=model, seed=0, budget=Budget(), attempts=attempts, wall_s=2.0
    )


def test_models_are_compared_program_by_program() -> None:
    one = made("a", (True, True), (True, True), (True, False))
    other = made("b", (True, True), (False, False), (False, False))
    [found] = report.compare([one, other])
    assert (found.only_a, found.only_b, found.p) == (1, 0, 1.0)
    facts = report.to_json([one, other])["results"][0]
    assert facts["right_of_shown"]["count"] == 2 and facts["right_of_shown"]["total"] == 3


def test_the_command_takes_files_and_writes_a_plot(tmp_path: Path) -> None:
    path, plot = rows(tmp_path, ROW), tmp_path / "p.png"
    arguments = ["evaluate", "--suite", str(path), "--model", "none", "--plot", str(plot)]
    result = CliRunner().invoke(main, [*arguments, "--kinds"])
    assert result.exit_code == 0, result.output
    assert "Programs with a failing test" in result.output and plot.stat().st_size > 5000
    mixed = CliRunner().invoke(main, [*arguments, "--suite", "static"])
    assert mixed.exit_code == 2 and "run alone" in mixed.output
