"""The editor's search for failing tests, measured: real sandbox, rules alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer.evaluation import mend
from trainer.evaluation.programs.search import Found

BUGGY = "def larger(a, b):\n    if a < b:\n        return a\n    return b\n"
HOPELESS = "def larger(a, b):\n    return hash((a, b)) * 31 + 7\n"
CHECK = (
    "def check(candidate):\n    assert candidate(1, 2) == 2\n    assert candidate(5, 3) == 5\n"
    "    assert candidate(7, 2) == 7\n    assert candidate(1, 4) == 4\n"
)


def row(name: str, buggy: str) -> str:
    given = {"id": name, "kind": "condition", "buggy": buggy, "test": CHECK}
    return json.dumps({**given, "entry_point": "larger"}) + "\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_text(row("flipped", BUGGY) + row("hopeless", HOPELESS), encoding="utf-8")
    return path


def test_a_search_is_measured_once_and_goes_on_where_it_was_stopped(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    asked = [str(out), "--file", str(programs), "--model", "none"]

    assert mend.main(asked) == 0
    printed = capsys.readouterr()
    assert "shown 1 of 2, right 1" in printed.out
    assert "flipped: right" in printed.err and "hopeless: nothing" in printed.err
    rows = [Found(**json.loads(line)) for line in out.read_text().split("\n") if line]
    assert [(each.origin, each.slip, each.right) for each in rows] == [
        ("rule", True, True), ("", False, False),
    ]  # fmt: skip
    assert rows[1].tried > 20

    out.write_text(out.read_text()[:-20])  # killed while it wrote the second
    assert mend.main([*asked, "--json"]) == 0
    printed = capsys.readouterr()
    assert "flipped" not in printed.err and "hopeless" in printed.err
    found = json.loads(printed.out)
    assert (found["programs"], found["right"], found["right_by_slips"]) == (2, 1, 1)
    assert found["by_kind"] == {"condition": {"programs": 2, "right": 1}}


def test_a_file_that_is_no_set_of_programs_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")

    assert mend.main([str(tmp_path / "o"), "--file", str(tmp_path / "x.jsonl")]) == 2
    assert "line 1 is no problem" in capsys.readouterr().err
