"""Versions of programs in a real sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.evaluation.programs.batch import Job, run_batch
from trainer.evaluation.programs.sources import FILE, VISIBLE, own_programs, test_module
from whetstone.locate import parse
from whetstone.settings import Settings
from whetstone.testing.repair import FailingTest

_RIGHT = "def double(x):\n    return 2 * x\n"
_VISIBLE = test_module("visible", "assert double(2) == 4")
_HIDDEN = test_module("hidden", "assert double(3) == 6\nassert double('ab') == 'abab'")


def run(*versions: str):
    job = Job(versions=versions, visible=_VISIBLE, hidden=_HIDDEN, limit_s=5.0, measure=True)
    return run_batch([job])[0]


def test_verdicts_tell_right_from_almost_right_from_wrong_from_endless() -> None:
    found = run(
        _RIGHT,
        _RIGHT.replace("2 * x", "x + 2"),  # right for 2 alone
        _RIGHT.replace("2 * x", "x"),
        "def double(x):\n    while True:\n        pass\n",
        "def double(x):\n    import os\n    os._exit(0)\n",
        "raise SystemExit\n",
        _RIGHT,
    )
    assert [(v.visible, v.hidden) for v in found] == [
        ("passed", "passed"),
        ("passed", "failed"),
        ("failed", ""),
        ("timeout", ""),
        ("timeout", ""),  # it said nothing, so it has passed nothing
        ("failed", ""),
        ("passed", "passed"),  # what the versions before it did is gone
    ]
    assert [v.right for v in found] == [True, False, False, False, False, False, True]


def test_a_version_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run(f"from pathlib import Path\nPath({str(mark)!r}).write_text('x')\n{_RIGHT}")
    assert not mark.exists()


def test_a_failure_reads_as_it_does_in_the_editor(tmp_path: Path) -> None:
    """The problem that training sees is the one that serving asks."""
    programs = own_programs()[3:60:19]
    jobs = [
        Job(
            versions=(program.buggy,),
            visible=program.files()[VISIBLE],
            hidden=program.files()["test_hidden.py"],
        )
        for program in programs
    ]
    for program, (verdict,) in zip(programs, run_batch(jobs), strict=True):
        folder = tmp_path / program.id
        folder.mkdir()
        for name, text in program.files().items():
            (folder / name).write_text(text, encoding="utf-8")
        with FailingTest(
            root=folder, test=f"{VISIBLE}::test_visible", settings=Settings()
        ) as failing:
            shown = failing.baseline().places[0]
        assert shown.path.name == FILE
        failure = parse(verdict.text)[0]
        assert (failure.headline, failure.text) == (shown.diagnostic.message, shown.failure)


def test_no_versions_start_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.evaluation.programs.batch.sandbox", None)
    assert run_batch([Job(versions=(), visible="", hidden="")]) == [[]]
