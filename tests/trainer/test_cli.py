"""The command as a process: exit status, and what survives kill -9."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import warm

from trainer.run_folder import STAGES, RunFolder, unfinished

TIMEOUT_S = 900  # of one run, on a machine that may be busy
pytestmark = pytest.mark.timeout(2 * TIMEOUT_S)

FAST = [
    "--eval-limit", "1", "--rehearsal", "0.25",
    "--sft-learning-rate", "2e-3", "--dpo-learning-rate", "2e-3",
]  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.run("trainer", *arguments, timeout_s=TIMEOUT_S)


def wait_for(root: Path, pattern: str, process: BaseProcess) -> Path:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        found = next(root.glob(pattern), None)
        if found:
            return found
        assert process.exitcode is None, "it ended too early"
        time.sleep(0.01)
    raise AssertionError(f"{pattern} never came")


def test_killed_in_the_middle_it_resumes(world: Any) -> None:
    arguments = ("retrain", *FAST, "--max-steps", "40", "--save-steps", "4")
    process = warm.start("trainer", *arguments)
    try:
        wait_for(world.runs, "*/dpo-checkpoints/checkpoint-*/complete", process)
        other = run("retrain")
        assert other.returncode == 4
        assert f"(process {process.pid})" in other.stderr
    finally:
        process.kill()
        process.join()
    broken = unfinished(world.runs)
    assert broken is not None and broken.stage == "sft"
    assert world.registry.active().name == "tiny"
    before = len((broken.path / "metrics.jsonl").read_text().splitlines())

    done = run("retrain", "--json", "--max-steps", "7")  # a resumed run keeps its own options
    assert done.returncode in (0, 1), done.stderr
    result = json.loads(done.stdout)
    assert result["run"] == str(broken.path) and result["model"]
    assert "Resuming" in done.stderr
    lines = [json.loads(x) for x in (broken.path / "metrics.jsonl").read_text().splitlines()]
    again = [line["step"] for line in lines[before:]]
    assert again[0] > 1 and again[-1] == 40  # on from the checkpoint, not from the start
    assert [row["step"] for row in RunFolder(broken.path).metrics()].count(40) == 2  # sft and dpo
    (log,) = [entry for entry in world.registry.list() if entry.name == result["model"]]
    assert log.metrics["candidate"]["total"] == 1


@pytest.mark.parametrize(
    ("moment", "behind"),
    [
        ("*/sft-checkpoints/checkpoint-*", "prepared"),  # while a checkpoint is written
        ("*/model.gguf", "merged"),  # whole, but not recorded
    ],
    ids=["checkpoint", "exported"],
)
def test_killed_at_any_moment_it_is_finished(world: Any, moment: str, behind: str) -> None:
    arguments = ("retrain", *FAST, "--max-steps", "2", "--save-steps", "1")
    process = warm.start("trainer", *arguments)
    try:
        wait_for(world.runs, moment, process)
    finally:
        process.kill()
        process.join()
    broken = unfinished(world.runs)
    assert broken is not None
    assert STAGES.index(broken.stage) >= STAGES.index(behind)  # type: ignore[arg-type]
    assert world.registry.active().name == "tiny"

    done = run("retrain", "--json")
    assert done.returncode in (0, 1, 5), done.stderr
    result = json.loads(done.stdout)
    assert result["run"] == str(broken.path) and result["model"]
    assert world.registry.verify(world.registry.get(result["model"]))
    assert unfinished(world.runs) is None
    left = {path.name for path in broken.path.iterdir()}
    assert left <= {"config.json", "state.json", "metrics.jsonl", "dpo", "merged"}
    names = [entry.name for entry in world.registry.list()]
    assert names.count(result["model"]) == 1 and len(names) == 3  # starter, tiny, and this one


def test_too_few_is_status_three_or_quiet(world: Any) -> None:
    few = run("retrain", "--min-pairs", "99")
    assert few.returncode == 3
    assert few.stderr.strip().startswith("error: There are 24 new triplets; 75 more are needed")
    quiet = run("retrain", "--min-pairs", "99", "--if-enough")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("answer", "promoted", "status"),
    [("better", True, 0), ("worse", False, 1), ("undecided", False, 5)],
)
def test_the_status_says_how_it_ended(
    world: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, promoted: bool, status: int
) -> None:
    from click.testing import CliRunner

    from trainer.cli import main
    from trainer.retrain import Result

    result = Result(
        run=world.runs / "r", promoted=promoted, reason="so", model="m", answer=answer,
        before=None, after=None,
    )  # fmt: skip
    monkeypatch.setattr("trainer.retrain.retrain", lambda *_, **__: result)
    done = CliRunner().invoke(main, ["retrain", "--json"])
    assert done.exit_code == status
    assert json.loads(done.stdout)["answer"] == answer
    assert CliRunner().invoke(main, ["retrain", "--if-enough"]).exit_code == 0


def test_a_dry_run_prints_the_plan(world: Any) -> None:
    done = run("retrain", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parent"].startswith("tiny@")


def test_an_unusable_data_folder_is_one_line(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.data / "file").write_text("")
    monkeypatch.setenv("WHETSTONE_DATA", str(world.data / "file"))
    done = run("retrain")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from trainer.cli import main;"
        "r = CliRunner().invoke(main, ['retrain', '--help']); assert r.exit_code == 0, r.output;"
        "assert not {'torch', 'transformers', 'llama_cpp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
