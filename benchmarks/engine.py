"""What each part of the in-process engine is worth, and whether it changes answers.

    python -m benchmarks.engine [--model FILE] [--cases 60] [--json]

guessing   the same problems with and without it: passes, tokens, seconds, and equal answers
reuse      the share of a prompt's tokens that a second request on a file computes again
shifting   the same after an edit above, and how often the greedy answer stays what it was
overhead   CPU time of one pass of the engine and of a bare llama_decode, one token each

`benchmarks.serving` compares the engine with others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama
import numpy as np

from benchmarks.editor import machine
from trainer.evaluation.cases import cases_of, spread
from whetstone import context, diagnose, rules
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.llama.context import PROMPT
from whetstone.engine.llama.shift import common, moved
from whetstone.engine.options import EngineOptions
from whetstone.fixer import DRAFTS
from whetstone.models.starter import starter_path
from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement, Span
from whetstone.prompt import Prompt, render

SEED, N, MAX_TOKENS = 1, 4, 96

Asked = tuple[Problem, list[Replacement]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=starter_path())
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    asked = _asked(options.cases)
    found = {
        "machine": machine(),
        "model": options.model.name,
        "guessing": guessing(options.model, asked),
        "reuse": reuse(options.model),
        "shifting": shifting(options.model, [problem for problem, _ in asked]),
        "overhead": overhead(options.model),
    }
    print(json.dumps(found, indent=None if options.json else 2))


def _asked(count: int) -> list[Asked]:
    """Problems, and what the server would guess of their answers."""
    made = []
    for case in spread(cases_of("static"), count):
        document = Document(text=case.buggy, path=Path(case.file))
        for diagnostic in diagnose.find(document)[:1]:
            hints = rules.hints(document, diagnostic)
            problem = context.build_problem(document, diagnostic, hints=hints)
            made.append((problem, rules.propose(document, problem)[:DRAFTS]))
    return made


def _opened(model: Path, **options: Any) -> LlamaEngine:
    return LlamaEngine(model, model_id="benchmark", options=EngineOptions(**options))


def _ask(engine: LlamaEngine, prompt: Prompt, n: int = N) -> tuple[str, set[str]]:
    """The greedy answer, and all of them."""
    found = list(engine.generate(prompt, n=n, max_tokens=MAX_TOKENS, seed=SEED))
    return next(c.text for c in found if c.number == 0), {c.text for c in found}


# -- guessing -----------------------------------------------------------------------------------


def guessing(model: Path, asked: Sequence[Asked]) -> dict[str, Any]:
    """Every prompt is new to all engines; they take turns on each."""
    engines = {
        "without": _opened(model, speculation=False, cache_mb=0),
        "from the lines as they are": _opened(model, cache_mb=0),
        "and from what the rules propose": _opened(model, cache_mb=0),
    }
    plain, _, best = engines
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    answers: dict[str, list[tuple[str, set[str]]]] = {name: [] for name in engines}
    for problem, expected in asked:
        for name, engine in engines.items():
            drafts = expected if name == best else ()
            prompt = render(problem, engine._model.format, expected=drafts)
            begin = time.perf_counter()
            answers[name].append(_ask(engine, prompt))
            seconds[name].append(time.perf_counter() - begin)
    pairs = list(zip(answers[plain], answers[best], strict=True))
    report: dict[str, Any] = {
        "problems": len(asked),
        "greedy_equal": sum(one[0] == other[0] for one, other in pairs),
        "all_equal": sum(one[1] == other[1] for one, other in pairs),
    }
    for name, engine in engines.items():
        report[name] = {
            "median_four_ms": round(1000 * statistics.median(seconds[name]), 2),
            **dataclasses.asdict(engine.stats),
        }
        engine.close()
    return report


# -- reuse --------------------------------------------------------------------------------------


def reuse(model: Path) -> dict[str, Any]:
    """Median share of prompt tokens to compute again, counted on prompts of both formats."""
    import argparse as a
    import json.decoder as b
    import shlex as c
    import tarfile as d
    import textwrap as e

    engine = _opened(model)
    files = [Path(module.__file__).read_text() for module in (a, b, c, d, e)]
    second: dict[str, Callable[[list[str], int], tuple[list[str], int]]] = {
        "asked again": lambda lines, at: (lines, at),
        "flagged line edited": lambda lines, at: (
            [*lines[:at], lines[at] + "  # edited", *lines[at + 1 :]], at,
        ),
        "another line, 20 below": lambda lines, at: (lines, at + 20),
        "line inserted 6 above": lambda lines, at: (
            [*lines[: at - 6], "value = None", *lines[at - 6 :]], at + 1,
        ),
    }  # fmt: skip
    report: dict[str, Any] = {}
    for format in ("compact", "chat"):
        for place, at in (("line 60", 60), ("line 200", 200)):
            for name, change in second.items():
                prefix, shifted = [], []
                for text in files:
                    lines = text.split("\n")
                    old = _tokens(engine, lines, at, format)
                    new = _tokens(engine, *change(lines, at), format)
                    same = min(common(old, new), new.size - 1)
                    runs = moved(old, new, same, most=EngineOptions().sequences)
                    prefix.append((new.size - same) / new.size)
                    shifted.append((new.size - same - sum(run.size for run in runs)) / new.size)
                report[f"{format}, {place}, {name}"] = {
                    "by_prefix": round(statistics.median(prefix), 3),
                    "with_shift": round(statistics.median(shifted), 3),
                }
    engine.close()
    return report


def _tokens(engine: LlamaEngine, lines: list[str], at: int, format: Any) -> Any:
    span = Span(start_line=at, end_line=at, end_column=len(lines[at]))
    diagnostic = Diagnostic(source="ruff", code="F821", message="Undefined name `x`", span=span)
    document = Document(text="\n".join(lines), path=Path("module.py"))
    problem = context.build_problem(document, diagnostic, region=Region(start=at, stop=at + 1))
    return np.array(engine.tokenize(render(problem, format).text), np.int32)


# -- shifting -----------------------------------------------------------------------------------


def shifting(model: Path, problems: Sequence[Problem]) -> dict[str, Any]:
    """The window of each problem is edited above its flagged lines, and asked about again."""
    plain, shifts = _opened(model), _opened(model, context_shift="on")
    total = greedy = everything = 0
    for problem in problems:
        above = problem.above[-8:]
        if len(above) < 6:
            continue
        for edited in (
            (*above[:3], "value = None", *above[3:]),
            (*above[:2], *above[3:]),
            (*above[1:], above[-1]),
        ):
            answers = []
            before = shifts.stats.prompt_tokens_shifted
            for engine in (plain, shifts):
                _ask(engine, render(problem, engine._model.format), n=1)
                changed = dataclasses.replace(problem, above=edited)
                answers.append(_ask(engine, render(changed, engine._model.format)))
            if shifts.stats.prompt_tokens_shifted > before:
                total += 1
                greedy += answers[0][0] == answers[1][0]
                everything += answers[0][1] == answers[1][1]
    plain.close()
    shifts.close()
    return {"edits": total, "greedy_equal": greedy, "all_equal": everything}


# -- overhead -----------------------------------------------------------------------------------


def overhead(model: Path, steps: int = 100, rounds: int = 9) -> dict[str, Any]:
    """Microseconds of CPU time per single-token pass, the smallest of the rounds."""
    engine = _opened(model, threads=1, speculation=False)
    engine._model.ends = lambda token: False  # type: ignore[method-assign]  # never stop early
    prompt = Prompt(text="def area(radius):\n" * 8, format="compact", stop="")
    bare, whole = [], []
    for _ in range(rounds):
        list(engine.generate(prompt, n=1, max_tokens=1))
        begin = time.process_time()
        list(engine.generate(prompt, n=1, max_tokens=steps + 1))
        whole.append(time.process_time() - begin)
        bare.append(_bare(engine, steps))
    engine.close()
    return {
        "bare_us": round(min(bare) / steps * 1e6),
        "engine_us": round(min(whole) / (steps + 1) * 1e6),
        "fraction_of_bare": round(min(bare) / steps / (min(whole) / (steps + 1)), 3),
    }


def _bare(engine: LlamaEngine, steps: int) -> float:
    """Seconds of `steps` passes in the engine's own context, with nothing around llama_decode."""
    held, batch = engine._context, engine._context.batch
    begin_at = engine._cache.live.size
    batch.clear()
    batch.add([5], begin_at, [PROMPT], outputs=1)
    begin = time.process_time()
    for step in range(steps):
        batch._pos[0] = begin_at + step
        if llama.llama_decode(held._handle, batch.struct):
            raise SystemExit("error: llama_decode failed")
    spent = time.process_time() - begin
    held.trim(PROMPT, begin_at)
    return spent


if __name__ == "__main__":
    main()
