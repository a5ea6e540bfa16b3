"""Every hand-written case is what it says: one bug, a clean repair, and a check that can tell."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path

import pytest

from trainer.evaluation import judge
from trainer.evaluation.cases import SUITES, Case, cases_of, parse_case, spread
from trainer.evaluation.judge import right, run_checks
from whetstone import diagnose
from whetstone.problem import Document

CASES = tuple(case for suite in SUITES for case in cases_of(suite))
# The compiler or ruff code that each kind of bug must show; anything else is a syntax error.
CODES = {
    "near-local": "F821", "near-function": "F821", "near-parameter": "F821",
    "near-loop-variable": "F821", "near-class": "F821", "near-builtin": "F821",
    "decorator-slip": "F821", "missing-import": "F821", "missing-from-import": "F821",
    "missing-self": "F821", "missing-self-attribute": "F821", "foreign-null": "F821",
    "foreign-true": "F821", "foreign-this": "F821", "is-literal": "F632", "equals-none": "E711",
    "equals-true": "E712", "not-in": "E713", "mutable-default": "B006", "unused-import": "F401",
    "unused-from-import": "F401", "unused-variable": "F841", "fstring-empty": "F541",
    "redefinition": "F811", "format-count": "F507", "format-missing": "F524",
    "raise-notimplemented": "F901", "assert-tuple": "F631", "useless-comparison": "B015",
    "type-comparison": "E721", "missing-call": "B018", "not-is": "E714",
}  # fmt: skip


def found(case: Case, text: str) -> set[str]:
    return {item.code for item in diagnose.find(Document(text=text, path=Path(case.file)))}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_bug_shows_one_kind_of_problem_and_the_repair_none(case: Case) -> None:
    codes = found(case, case.buggy)
    expected = CODES.get(case.kind)
    assert codes == {expected} if expected else codes <= {"SyntaxError", "IndentationError"}
    assert len(codes) == 1
    assert found(case, case.fixed) == set()


def test_every_repair_passes_its_check() -> None:
    verdicts = right([(case, case.fixed) for case in CASES])
    assert [case.name for case, good in zip(CASES, verdicts, strict=True) if not good] == []


def test_no_buggy_file_counts_as_repaired() -> None:
    verdicts = right([(case, case.buggy) for case in CASES])
    assert [case.name for case, good in zip(CASES, verdicts, strict=True) if good] == []


def test_no_check_accepts_the_tempting_repair() -> None:
    tempting = [(case, case.wrong) for case in CASES if case.wrong is not None]
    verdicts = right(tempting)
    assert [case.name for (case, _), good in zip(tempting, verdicts, strict=True) if good] == []
    assert len(tempting) >= 60


def test_deleting_or_passing_over_the_flagged_lines_is_no_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge, "CHECK_TIMEOUT_S", 1.0)  # some of these loop for ever
    attempts = [
        (case, text)
        for case in CASES
        if case.kind != "missing-body" and not _repaired_by_deleting(case)
        for text in (_without_bug(case, "pass"), _without_bug(case, None))
    ]
    verdicts = right(attempts)
    assert [case.name for (case, _), good in zip(attempts, verdicts, strict=True) if good] == []


def _changes(case: Case) -> list[tuple[str, int, int, int, int]]:
    matcher = difflib.SequenceMatcher(
        None, case.buggy.splitlines(), case.fixed.splitlines(), autojunk=False
    )
    return [change for change in matcher.get_opcodes() if change[0] != "equal"]


def _repaired_by_deleting(case: Case) -> bool:
    return all(change[0] == "delete" for change in _changes(case))


def _without_bug(case: Case, filler: str | None) -> str:
    lines = case.buggy.splitlines()
    for _, start, stop, _, _ in reversed(_changes(case)):
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        lines[start:stop] = [] if filler is None else [indent + filler]
    return "\n".join(lines) + "\n"


def test_the_suite_is_as_large_and_varied_as_the_report_claims() -> None:
    static, realistic = map(cases_of, SUITES)
    lengths = [case.fixed.count("\n") for case in static]
    assert len(static) >= 60 and len(realistic) >= 60
    assert len({case.kind for case in static}) >= 45 <= len({case.kind for case in realistic})
    assert min(Counter(case.group for case in static).values()) >= 3
    assert min(lengths) >= 20 and max(lengths) <= 90
    assert not {case.file for case in static} & {case.file for case in realistic}


def test_a_check_cannot_be_passed_by_leaving_early_or_printing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge, "CHECK_TIMEOUT_S", 1.0)
    case = next(case for case in CASES if case.file == "gradebook.py")
    early = "import sys\nprint([True] * 9)\nsys.exit(0)\n"
    endless = "while True:\n    pass\n"
    assert run_checks([(case, early), (case, case.fixed)]) == [False, True]
    assert run_checks([(case, endless)]) == [False]


def test_a_case_without_exactly_one_marked_bug_is_refused() -> None:
    with pytest.raises(ValueError, match="one marked bug"):
        parse_case("x", "kind: a\n---- source\npass\n---- check\npass\n")


def test_a_limit_spreads_over_the_kinds_and_is_always_the_same() -> None:
    chosen = spread(CASES, 12)
    assert len(chosen) == 12 == len({case.kind for case in chosen})
    assert chosen == spread(CASES, 12)
