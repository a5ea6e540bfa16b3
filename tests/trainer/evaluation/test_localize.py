from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from trainer.evaluation.localize import Located, fault_lines, summary


def test_the_lines_that_a_fix_changes_or_stands_beside() -> None:
    assert fault_lines("a\nb\nc\n", "a\nB\nc\n") == {1}
    assert fault_lines("a\nb\nc\n", "a\nc\n") == {1}
    assert fault_lines("a\nb\n", "a\nx\nb\n") == {0, 1}


def test_counts_are_of_places_from_one() -> None:
    rows = [Located(id="x", kind="k", place=place, lines=10) for place in (1, 3, 9, 0)]
    facts = summary(rows)
    assert facts["first"] == {"1": 1, "3": 2, "5": 2}
    assert facts["ranked_at_all"] == 3


def test_programs_of_others_are_read_from_a_file(tmp_path: Path) -> None:
    buggy = "def size(x):\n    n = len(x)\n    return n + 1\n"
    row = {"id": "a", "setup": "import math\n", "buggy": buggy, "entry_point": "size",
           "fixed": buggy.replace(" + 1", ""),
           "test": "def check(f):\n    assert f([]) == 0\n    assert f([1]) == 1\n"}  # fmt: skip
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps(row) + "\n")
    command = [sys.executable, "-m", "trainer.evaluation.localize", "--json", "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert [row["place"] for row in json.loads(done.stdout)["rows"]] == [1], done.stderr


def test_the_command_runs_real_problems() -> None:
    ids = ["archive-page-numbers", "aquarium-dict-changes-size"]
    command = [sys.executable, "-m", "trainer.evaluation.localize", "--json", *ids]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout)
    assert {row["id"]: row["place"] for row in found["rows"]} == {
        "aquarium-dict-changes-size": 1,  # raised there
        "archive-page-numbers": 2,
    }
