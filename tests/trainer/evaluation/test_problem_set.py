"""The problem set: its format, its spread, and that every problem is what it claims to be."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from trainer.evaluation import problem_set
from trainer.evaluation.problem_check import MIN_KILLED, Worker, verify
from trainer.evaluation.problem_mutants import mutants
from trainer.evaluation.problem_set import ProblemFileError, parse
from whetstone.errors import UsageError

SMALL = """\
title: Double
kind: boundary
difficulty: 1

=== statement
Doubles a number. Nothing else.
=== buggy
def double(n):
    # 1
    # 2
    # 3
    # 4
    # 5
    # 6
    # 7
    # 8
    return n + 1
=== fix
-     return n + 1
+     return n * 2
=== visible
assert double(3) == 6
=== hidden
assert double(0) == 0
assert double(1) == 2
assert double(2) == 4
assert double(5) == 10
assert double(-1) == -2
"""


def test_every_problem_is_sound() -> None:
    problems = problem_set.load()
    with Worker() as worker:
        verdicts = [verify(problem, worker, enough=MIN_KILLED) for problem in problems]
    assert [(v.id, v.faults) for v in verdicts if v.faults] == []


def test_the_set_is_large_and_spread() -> None:
    problems = problem_set.load()
    kinds = Counter(p.kind for p in problems)
    levels = Counter(p.difficulty for p in problems)
    assert len(problems) >= 100
    assert sum(count >= 3 for count in kinds.values()) >= 15
    assert levels[1] >= 30 and levels[2] >= 35 and levels[3] >= 20
    assert len({p.title for p in problems}) == len({p.buggy for p in problems}) == len(problems)


def test_the_fix_is_the_program_with_the_patch_applied() -> None:
    problem = parse("small-one", SMALL)
    assert problem.fix == problem.buggy.replace("n + 1", "n * 2")
    assert problem.fails_with == "AssertionError"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("title: Double\n", "", "title"),
        ("kind: boundary", "kind: magic", "unknown kind"),
        ("difficulty: 1", "difficulty: 4", "difficulty"),
        ("difficulty: 1", "difficulty: 1\nauthor: me", "author"),
        ("-     return n + 1", "-     return n + 2", "stand 0 times"),
        ("+     return n * 2", "    return n * 2", "stand 0 times"),
        ("assert double(5) == 10\n", "", "4 hidden asserts"),
        ("assert double(0) == 0", "assert double(0 == 0", "hidden: "),
        ("=== visible", "=== visble", "sections must be"),
        (" Nothing else.", "", "1 sentences"),
        ("    # 8\n", "", "9 lines"),
    ],
)
def test_a_broken_file_is_named_with_its_rule(old: str, new: str, rule: str) -> None:
    with pytest.raises(ProblemFileError, match=rule) as caught:
        parse("small-one", SMALL.replace(old, new))
    assert "small-one.problem" in str(caught.value)


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(UsageError, match="no-such-problem"):
        problem_set.load(["no-such-problem"])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("+     return n * 2", "+     return n * 3", "the fix fails"),
        (
            "assert double(3) == 6",
            "assert double(1) == 2",
            "visible test on the buggy program: pas",
        ),
        ("assert double(3) == 6", "assert doubl(3) == 6", "NameError"),
    ],
)
def test_verification_finds(
    old: str, new: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.evaluation.problem_check.MIN_KILLED", 1)
    with Worker() as worker:
        faults = verify(parse("small-one", SMALL.replace(old, new)), worker).faults
    assert any(fault in found for found in faults)


def test_a_worker_outlives_a_script_that_ends_or_hangs() -> None:
    with Worker() as worker:
        assert worker.run("import os; os._exit(3)") == ("OutOfTime", "the worker hung or died")
        assert worker.run("while True: pass", 0.1)[0] == "OutOfTime"
        if sys.platform == "linux":
            assert worker.run("x = bytearray(1 << 31)")[0] == "MemoryError"
        assert worker.run("raise SystemExit(1)")[0] == "SystemExit"
        assert worker.run("assert 1 + 1 == 2") == ("", "")


def test_mutants_change_one_thing_and_leave_annotations_alone() -> None:
    texts = {m.text for m in mutants("def f(a: int | None, b):\n    return a < b\n")}
    assert texts == {
        "def f(a: int | None, b):\n    return a <= b",
        "def f(a: int | None, b):\n    return None",
        "def f(a: int | None, b):\n    pass",
    }
