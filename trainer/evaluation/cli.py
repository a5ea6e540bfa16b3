"""`trainer evaluate`: measure models on the path that serves the editor."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.evaluation import report
from trainer.evaluation.cases import SUITES, SuiteName
from trainer.evaluation.static_suite import StaticResult, run_static
from whetstone.engine.load import load_engine
from whetstone.errors import UsageError
from whetstone.models import Registry
from whetstone.paths import atomic_write_text
from whetstone.settings import Settings, load_settings

_RULES_ONLY = "none"


@click.command()
@click.option("--suite", type=click.Choice(SUITES), default="static", show_default=True)
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
@click.option("-k", type=click.IntRange(1, 64), default=4, show_default=True,
              help="Shown candidates among which a right one counts for `within k`.")  # fmt: skip
@click.option("-n", "candidates", type=click.IntRange(1, 64), help="Answers asked of the model.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many cases, of all kinds.")
@click.option("--kinds", is_flag=True, help="A row per kind of bug instead of per group.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write JSON there.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a PNG there.")
def evaluate(
    suite: SuiteName,
    models: tuple[str, ...],
    engine: str | None,
    k: int,
    candidates: int | None,
    seed: int,
    limit: int | None,
    kinds: bool,
    as_json: bool,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Measure how many of the suite's bugs a model fixes, and how often what it shows is right.

    Each bug goes through what `whetstone fix --yes` does; a repair is right when no finding is left
    and the bug's own check passes.
    """
    for path in (out, plot):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path}: its folder does not exist. Make it, or choose another.")
    settings = _settings(engine, candidates, k)
    results = [
        _run(model, settings, suite=suite, limit=limit, k=k, seed=seed)
        for model in _subjects(models, engine)
    ]
    found = report.to_json(results)
    if out is not None:
        atomic_write_text(out, json.dumps(found, indent=1) + "\n", mode=0o644)
    if plot is not None:
        report.write_plot(plot, results)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(results, by="kind" if kinds else "group")


def _settings(engine: str | None, candidates: int | None, k: int) -> Settings:
    overrides: dict[str, Any] = {} if engine in (None, "rules-only") else {"engine": engine}
    settings, problems = load_settings(None, overrides=overrides)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    wanted = candidates or max(k, settings.candidates)
    return dataclasses.replace(settings, candidates=wanted)


def _subjects(models: Sequence[str], engine: str | None) -> list[str | None]:
    """What to measure: names and paths, `none` for rules, None for the active model."""
    chosen: list[str | None] = [*models]
    if engine == "rules-only" and _RULES_ONLY not in chosen:
        chosen.append(_RULES_ONLY)
    return chosen or [None]


def _run(
    model: str | None,
    settings: Settings,
    *,
    suite: SuiteName,
    limit: int | None,
    k: int,
    seed: int,
) -> StaticResult:
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
            return run_static(
                engine,
                settings,
                suite=suite,
                limit=limit,
                k=k,
                seed=seed,
                clean=True,
                on_case=lambda done, total: bar.update(task, completed=done, total=total),
            )
    finally:
        if engine is not None:
            engine.close()


def _print(results: Sequence[StaticResult], *, by: str) -> None:
    console = Console()
    console.print(report.table(results, by=by))
    console.print(report.summary(results))
    for comparison in report.compare(results):
        console.print(report.sentence(comparison))
    for result in results:
        for alarm in result.false_alarms:
            console.print(f"{result.model_id}: false alarm on the clean file of {alarm}")
