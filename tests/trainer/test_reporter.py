from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm

from trainer.reporter import JsonReporter

TIMEOUT_S = 900  # of one run, at a low priority, on a machine that may be busy
pytestmark = pytest.mark.timeout(2 * TIMEOUT_S)

FAST = [
    "--eval-limit", "1", "--rehearsal", "0.25",
    "--sft-learning-rate", "2e-3", "--dpo-learning-rate", "2e-3",
]  # fmt: skip


def test_a_line_is_an_object_and_numbers_are_numbers() -> None:
    stream = io.StringIO()
    reporter = JsonReporter(stream)
    reporter.say("two\nlines")
    reporter.step("sft", 1, 4, {"loss": 0.5, "kl": float("nan")})
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "say", "text": "two\nlines"},
        {"event": "step", "stage": "sft", "step": 1, "total": 4, "values": {"loss": 0.5}},
    ]


def test_a_run_tells_every_stage_and_its_result(world: Any) -> None:
    command = [
        sys.executable, "-m", "trainer", "retrain", "--progress", "json", "--low-priority",
        "--max-steps", "2", *FAST,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages == ["sft", "dpo", "merged", "exported", "verified", "gated"], done.stderr
    result = events[-1]
    assert result["event"] == "result" and result["promoted"] == (done.returncode == 0)
    assert result["before"]["total"] == result["after"]["total"] == 1
    assert result["run"].startswith(str(world.runs))


def test_a_reader_that_goes_away_does_not_end_the_run(world: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stdout")
    process = warm.start(
        "trainer", "retrain", "--progress", "json", "--force", "--max-steps", "2", *FAST,
        into=tmp_path,
    )  # fmt: skip
    with (tmp_path / "stdout").open() as reader:
        assert reader.readline()
    process.join(TIMEOUT_S)
    errors = (tmp_path / "stderr").read_text()
    assert process.exitcode == 0, errors
    assert "BrokenPipe" not in errors
    assert world.registry.active_name() != "tiny"
