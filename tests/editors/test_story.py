"""The story rests on this: the terminal command proves exactly the fixes that it names."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import story


def test_each_problem_of_the_file_has_exactly_the_fix_of_its_step(tmp_path):
    path = story.write(tmp_path)
    command = [sys.executable, "-m", "whetstone", "fix", str(path), "--json"]
    environment = {**os.environ, **story.ENVIRONMENT}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    found = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        fixes = [candidate["text"] for candidate in answer["candidates"]]
        found[answer["range"]["start"]["line"] - 1] = (answer["diagnostic"]["code"], fixes)
    assert found == {step.line: (step.code, [step.fix]) for step in story.STEPS}
