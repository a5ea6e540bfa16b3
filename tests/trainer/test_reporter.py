from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

from trainer.reporter import JsonReporter

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert stages == ["sft", "dpo", "merged", "exported", "verified", "gated"], done.stderr
    result = events[-1]
    assert result["event"] == "result" and result["promoted"] == (done.returncode == 0)
    assert result["before"]["total"] == result["after"]["total"] == 1
    assert result["run"].startswith(str(world.runs))


def test_a_reader_that_goes_away_does_not_end_the_run(world: Any) -> None:
    command = [sys.executable, "-m", "trainer", "retrain", "--progress", "json", "--force",
               "--max-steps", "2", *FAST]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=200) == 0, errors
    assert "BrokenPipe" not in errors
    assert world.registry.active_name() != "tiny"
