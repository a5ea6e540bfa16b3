"""Verification of the problem set: the program fails, the fix passes, the hidden tests bite.

Scripts run in one worker process at a time (`problem_worker`); the worker is started anew, from
the script after the one it hung in, when it falls silent.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from trainer.evaluation.problem_mutants import Mutant, mutants
from trainer.evaluation.problem_set import DebugProblem, table

MIN_KILLED = 5
MIN_KILLED_SHARE = 0.7
_LIMIT_S = 5.0
_MUTANT_LIMIT_S = 1.0
_SILENCE_S = 15.0  # a worker that says nothing for so long is killed
_WORKER = Path(__file__).with_name("problem_worker.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verification found out about one problem; no faults means it is sound."""

    id: str
    faults: tuple[str, ...]
    killed: int
    tried: int
    survivors: tuple[Mutant, ...]


class Worker:
    """A process that runs scripts, started when needed and replaced when it hangs."""

    def __init__(self, *, hash_seed: int = 0) -> None:
        self._environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Worker:
        self._folder = tempfile.TemporaryDirectory(prefix="whetstone-problems-")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._kill()
        self._folder.cleanup()

    def run(self, script: str, limit_s: float = _LIMIT_S) -> tuple[str, str]:
        """Name of the exception ("" when all went well) and its line and message."""
        process = self._process or self._start()
        assert process.stdin is not None
        process.stdin.write(json.dumps({"script": script, "limit_s": limit_s}) + "\n")
        process.stdin.flush()
        try:
            answer = self._answers.get(timeout=_SILENCE_S)
        except queue.Empty:
            answer = ""
        if not answer:
            self._kill()
            return "OutOfTime", "the worker hung or died"
        outcome = json.loads(answer)
        return outcome["error"], outcome["detail"]

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # objects of scripts complain when they are collected
            cwd=self._folder.name,
            env=self._environment,
            text=True,
            encoding="utf-8",
        )
        self._process = process
        answers = self._answers = queue.SimpleQueue()

        def pump() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                answers.put(line)
            answers.put("")  # the worker is gone

        threading.Thread(target=pump, daemon=True).start()
        return process

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def verify(problem: DebugProblem, worker: Worker, *, enough: int | None = None) -> Verdict:
    """Run the program, the fix and the mutants of the fix.

    Args:
        enough: stop after so many killed mutants; None tries all and checks their share.
    """
    faults = list(_program_faults(problem, worker))
    killed, survivors = 0, []
    for mutant in _spread(mutants(problem.fix)):
        if enough is not None and killed >= enough:
            break
        error, _ = worker.run(problem.script(mutant.text, problem.hidden), _MUTANT_LIMIT_S)
        killed += bool(error)
        if not error:
            survivors.append(mutant)
    tried = killed + len(survivors)
    if killed < MIN_KILLED:
        faults.append(f"hidden tests kill {killed} mutants of the fix, fewer than {MIN_KILLED}")
    elif enough is None and killed < MIN_KILLED_SHARE * tried:
        faults.append(
            f"hidden tests kill {killed} of {tried} mutants, under {MIN_KILLED_SHARE:.0%}"
        )
    return Verdict(
        id=problem.id, faults=tuple(faults), killed=killed, tried=tried, survivors=tuple(survivors)
    )


def _program_faults(problem: DebugProblem, worker: Worker) -> Iterator[str]:
    error, detail = worker.run(problem.script(problem.buggy, problem.visible))
    if error != problem.fails_with:
        yield (
            f"visible test on the buggy program: {error or 'passes'} {detail}, "
            f"expected {problem.fails_with}"
        )
    error, detail = worker.run(problem.script(problem.buggy, problem.hidden))
    if not error:
        yield "the buggy program passes the hidden tests"
    error, detail = worker.run(problem.script(problem.fix, problem.visible, problem.hidden))
    if error:
        yield f"the fix fails: {error} {detail}"


def _spread(found: list[Mutant]) -> list[Mutant]:
    """Mutants from all over the program first, so that a sample is fair."""
    step = 7
    return [mutant for start in range(step) for mutant in found[start::step]]


def report(problems: Sequence[DebugProblem], *, survivors: bool = False) -> int:
    """Verify under two hash seeds, print one line per problem and the totals; 1 on faults."""
    faulty = killed = tried = 0
    with Worker(hash_seed=0) as worker, Worker(hash_seed=1) as other:
        for problem in problems:
            verdict = verify(problem, worker)
            faults = [*verdict.faults, *(f"seed 1: {f}" for f in _program_faults(problem, other))]
            killed, tried = killed + verdict.killed, tried + verdict.tried
            faulty += bool(faults)
            print(
                f"{problem.id:<36}{verdict.killed:>4} of {verdict.tried:>4} mutants killed",
                flush=True,
            )
            for fault in faults:
                print(f"    FAULT {fault}")
            for mutant in verdict.survivors if survivors else ():
                print(f"    survived: line {mutant.line}: {mutant.change}")
    share = f"{killed / tried:.1%}" if tried else "none"
    print(f"\n{table(problems)}\n\n{len(problems)} problems, {faulty} with faults; ", end="")
    print(f"{killed} of {tried} mutants killed ({share})")
    return 1 if faulty else 0
