"""The growth benchmark runs against the real server and the real store."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.growth import store
from benchmarks.growth.server import source
from whetstone import diagnose
from whetstone.preferences import PreferenceStore
from whetstone.problem import Document

ROOT = Path(__file__).parents[2]


def test_it_measures_files_documents_and_rows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", "--most-lines", "100", "--most-files", "1",
         "--most-rows", "100", "--json", "--out", str(tmp_path), "--folder", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "growth.json").read_text())
    assert (tmp_path / "growth.png").stat().st_size > 5_000
    [length] = found["file_length"]
    assert length["lines"] == 100 and length["fix_s"]["p50"] > 0 and length["change_s"] > 0
    assert [row["open_files"] for row in found["open_files"]] == [1]
    assert [row["suggestions"] for row in found["store"]] == [10, 100]
    assert all(row["stats_s"] > 0 and row["outcome_s"]["p99"] > 0 for row in found["store"])
    assert [*tmp_path.glob("whetstone-growth-*")] == []


@pytest.mark.parametrize("lines", [50, 1000])
def test_the_module_is_long_enough_and_has_its_bugs(lines: int) -> None:
    text, bugs = source(lines, bugs=4)
    ast.parse(text)
    assert lines <= text.count("\n") <= lines + 5
    found = diagnose.find(Document(text=text, path=Path("a.py")))
    assert [item.span.start_line for item in found if item.code == "F821"] == bugs


def test_filled_rows_are_whole_suggestions_with_all_that_hangs_on_them(tmp_path: Path) -> None:
    path = tmp_path / "preferences.db"
    with PreferenceStore.open(path) as opened:
        first = store.capture(opened)
    store.fill(path, first, 1, 20)
    store.fill(path, first, 21, 50)
    with PreferenceStore.open(path) as opened:
        stats = opened.stats()
        assert stats.suggestions == 51 and stats.open == 0 and stats.triplets >= 51
        assert 0 < stats.untrained < stats.triplets
        assert len(opened.suggestions(limit=60)) == 51
        assert len(opened.pairs(limit=100)) == stats.triplets
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()
