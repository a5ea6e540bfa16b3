"""`trainer evaluate`: measure models on the path that serves the editor."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.evaluation import report as file_report
from trainer.evaluation.cases import SUITES, SuiteName
from trainer.evaluation.programs import report as program_report
from trainer.evaluation.programs.attempt import Budget
from trainer.evaluation.programs.sources import own_programs, read_programs
from trainer.evaluation.programs.suite import SuiteResult, run_programs
from trainer.evaluation.static_suite import StaticResult, run_static
from whetstone.engine.base import Engine
from whetstone.engine.load import load_engine
from whetstone.errors import UsageError
from whetstone.models import Registry
from whetstone.paths import atomic_write_text
from whetstone.settings import Settings, load_settings

_RULES_ONLY = "none"
_OWN = "problems"
_Tick = Callable[[int, int], None]


@click.command()
@click.option(
    "--suite",
    "suites",
    multiple=True,
    default=["static"],
    show_default=True,
    metavar="NAME|FILE",
    help="`static` or `realistic`: files with a finding. `problems` (our own), or a file of JSON "
    "lines as HumanEvalFix, QuixBugs and DebugBench have them: programs with a failing test.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|PATH",
    help="A model of the registry or a GGUF file; `none` is the rules alone. Repeat to compare. "
    "Default: the active model.",
)
@click.option(
    "--engine",
    type=click.Choice(["llama", "openai", "rules-only"]),
    help="`openai` asks the configured server; `rules-only` is the same as --model none.",
)
@click.option(
    "-k",
    type=click.IntRange(1, 64),
    help="Candidates among which a right one counts. [default: 4; 8 for programs with tests]",
)
@click.option("-n", "candidates", type=click.IntRange(1, 64), help="Answers asked of the model.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many cases, of all kinds.")
@click.option("--kinds", is_flag=True, help="A row per kind of bug instead of per group.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write JSON there.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a PNG there.")
def evaluate(
    suites: tuple[str, ...],
    models: tuple[str, ...],
    engine: str | None,
    k: int | None,
    candidates: int | None,
    seed: int,
    limit: int | None,
    kinds: bool,
    as_json: bool,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Measure how many of the suite's bugs a model fixes, and how often what it shows is right.

    Each bug goes through the path that serves the editor. A repair of a finding is right when none
    is left and the bug's own check passes; a repair of a failing test, when hidden tests pass too.
    """
    for path in (out, plot):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path}: its folder does not exist. Make it, or choose another.")
    subjects = _subjects(models, engine)
    measure = _programs if not set(suites) & set(SUITES) else _files
    report = measure(
        suites,
        subjects,
        _settings(engine, candidates),
        candidates=candidates,
        k=k,
        limit=limit,
        seed=seed,
    )
    if out is not None:
        atomic_write_text(out, json.dumps(report.json, indent=1) + "\n", mode=0o644)
    if plot is not None:
        report.plot(plot)
    if as_json:
        click.echo(json.dumps(report.json))
    else:
        report.print(Console(), kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What was measured, and how to show it."""

    json: dict[str, Any]
    plot: Callable[[Path], None]
    print: Callable[[Console, bool], None]


def _settings(engine: str | None, candidates: int | None) -> Settings:
    overrides: dict[str, Any] = {} if engine in (None, "rules-only") else {"engine": engine}
    settings, problems = load_settings(None, overrides=overrides)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    return settings


def _subjects(models: Sequence[str], engine: str | None) -> list[str | None]:
    """What to measure: names and paths, `none` for rules, None for the active model."""
    chosen: list[str | None] = [*models]
    if engine == "rules-only" and _RULES_ONLY not in chosen:
        chosen.append(_RULES_ONLY)
    return chosen or [None]


@contextmanager
def _opened(model: str | None, settings: Settings) -> Iterator[tuple[Engine | None, _Tick]]:
    """The engine of a model, and a bar to move; None for the rules alone."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    engine = None
    if model != _RULES_ONLY:
        engine = load_engine(dataclasses.replace(settings, model=model), Registry())
    try:
        with bar:
            task = bar.add_task(engine.model_id if engine else "rules", total=None)
            yield engine, lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        if engine is not None:
            engine.close()


def _files(
    suites: Sequence[str],
    subjects: Sequence[str | None],
    settings: Settings,
    *,
    candidates: int | None,
    k: int | None,
    limit: int | None,
    seed: int,
) -> _Report:
    """One suite of files with a finding each."""
    if len(suites) > 1:
        raise UsageError(f"--suite {' --suite '.join(suites)}: static and realistic run alone.")
    suite, k = cast(SuiteName, suites[0]), k or 4
    wanted = candidates or max(k, settings.candidates)
    settings = dataclasses.replace(settings, candidates=wanted)
    results = []
    for model in subjects:
        with _opened(model, settings) as (engine, tick):
            results.append(
                run_static(
                    engine, settings, suite=suite, limit=limit, k=k, seed=seed, clean=True,
                    on_case=tick,
                )
            )  # fmt: skip
    return _Report(
        json=file_report.to_json(results),
        plot=lambda path: file_report.write_plot(path, results),
        print=lambda console, kinds: _print_files(console, results, kinds=kinds),
    )


def _print_files(console: Console, results: Sequence[StaticResult], *, kinds: bool) -> None:
    console.print(file_report.table(results, by="kind" if kinds else "group"))
    console.print(file_report.summary(results))
    for comparison in file_report.compare(results):
        console.print(file_report.sentence(comparison))
    for result in results:
        for alarm in result.false_alarms:
            console.print(f"{result.model_id}: false alarm on the clean file of {alarm}")


def _programs(
    suites: Sequence[str],
    subjects: Sequence[str | None],
    settings: Settings,
    *,
    candidates: int | None,
    k: int | None,
    limit: int | None,
    seed: int,
) -> _Report:
    """Any number of suites of programs with a failing test."""
    budget = Budget(tries=k or Budget().tries, per_line=candidates or Budget().per_line)
    loaded = {
        Path(suite).stem: own_programs() if suite == _OWN else read_programs(Path(suite))
        for suite in suites
    }
    results = []
    for model in subjects:
        with _opened(model, settings) as (engine, tick):
            results += [
                run_programs(
                    engine, settings, programs, suite=name, budget=budget, limit=limit, seed=seed,
                    on_program=tick,
                )
                for name, programs in loaded.items()
            ]  # fmt: skip
    return _Report(
        json=program_report.to_json(results),
        plot=lambda path: program_report.write_plot(path, results),
        print=lambda console, kinds: _print_programs(console, results, kinds=kinds),
    )


def _print_programs(console: Console, results: Sequence[SuiteResult], *, kinds: bool) -> None:
    console.print(program_report.table(results))
    if kinds:
        console.print(program_report.kinds(results))
    for comparison in program_report.compare(results):
        console.print(file_report.sentence(comparison))
