"""Is a repair right? No finding is left, and the case's own check passes on it.

The checks are ours, but the code that they import was written by a model: it runs in the sandbox.
One sandbox run judges many repairs, each in a process and a folder of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainer.evaluation.cases import Case
from whetstone import diagnose, sandbox

CHECK_TIMEOUT_S = 5.0
_START_S = 30.0  # for the sandbox and a loaded machine

# Runs inside the sandbox. Statuses come from exit codes, so printing cannot forge them.
_RUNNER = """\
import json, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

def passes(number):
    try:
        done = subprocess.run(
            [sys.executable, "-B", "_check.py"], cwd=Path.cwd() / str(number),
            timeout=float(sys.argv[2]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == int(sys.argv[3])

with ThreadPoolExecutor(2) as pool:
    print(json.dumps(list(pool.map(passes, range(int(sys.argv[1]))))))
"""
# Reached only when the check ran to its end: code that calls sys.exit(0) has not passed.
_PASSED = 117
_CHECK = """\
import os, sys
sys.path.insert(0, os.getcwd())
{check}
os._exit({status})
"""


def right(repairs: Sequence[tuple[Case, str]]) -> list[bool]:
    """For each case and whole new text of its file: is that a right repair?

    Raises:
        SandboxError: the checks could not be run.
    """
    clean = _clean([text for _, text in repairs])
    checked = iter(run_checks([repair for repair, ok in zip(repairs, clean, strict=True) if ok]))
    return [ok and next(checked) for ok in clean]


def _clean(texts: Sequence[str]) -> list[bool]:
    """What `diagnose.find` would say of each, with one ruff for all."""
    parsing = {
        f"f{number}.py": text
        for number, text in enumerate(texts)
        if diagnose.syntax_error(text) is None
    }
    with tempfile.TemporaryDirectory(prefix="whetstone-judge-") as name:
        for file, text in parsing.items():
            Path(name, file).write_text(text, encoding="utf-8")
        found = diagnose.ruff_folder(Path(name)) if parsing else {}
    return [
        f"f{number}.py" in parsing and not found.get(f"f{number}.py")
        for number in range(len(texts))
    ]


def run_checks(repairs: Sequence[tuple[Case, str]]) -> list[bool]:
    """Run only the checks: does each text behave as its case wants?"""
    if not repairs:
        return []
    with tempfile.TemporaryDirectory(prefix="whetstone-judge-") as name:
        root = Path(name)
        for number, (case, text) in enumerate(repairs):
            folder = root / str(number)
            folder.mkdir()
            (folder / case.file).write_text(text, encoding="utf-8")
            program = _CHECK.format(check=case.check, status=_PASSED)
            (folder / "_check.py").write_text(program, encoding="utf-8")
        (root / "_runner.py").write_text(_RUNNER, encoding="utf-8")
        arguments = [str(len(repairs)), str(CHECK_TIMEOUT_S), str(_PASSED)]
        result = sandbox.run(
            [sys.executable, "-I", "_runner.py", *arguments],
            cwd=root,
            limits=sandbox.Limits(timeout_s=_START_S + CHECK_TIMEOUT_S * len(repairs)),
        )
    if not result.passed:
        # Something a model wrote took the whole run with it: judge one by one to find it.
        if len(repairs) == 1:
            return [False]
        half = len(repairs) // 2
        return run_checks(repairs[:half]) + run_checks(repairs[half:])
    return [bool(item) for item in json.loads(result.stdout.splitlines()[-1])]
