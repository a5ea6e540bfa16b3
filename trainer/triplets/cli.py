"""`trainer data build`: parse, call one function, print."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from whetstone.errors import Cancelled, UsageError

if TYPE_CHECKING:
    from trainer.triplets.build import BuildOptions, Built, Sources

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_PATH = click.Path(exists=True, path_type=Path)


@click.group()
def data() -> None:
    """Make preference triplets."""


@data.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Work folder; what is there is not made again.")  # fmt: skip
@click.option("--programs", "programs", multiple=True, type=_PATH,
              help="Correct programs with tests: a .jsonl or .jsonl.gz file, or a folder of them. "
              "They are broken and run, in the sandbox.")  # fmt: skip
@click.option("--from-repo", "repository", type=_FOLDER,
              help="Your own code; with --test.")  # fmt: skip
@click.option("--test", help="The command that tests it, run in the sandbox, once per mutant.")
@click.option("--repo-mutants", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--static", default=2000, show_default=True, type=click.IntRange(min=0),
              help="Mutants of installed packages that the compiler or ruff sees.")  # fmt: skip
@click.option("--model", metavar="NAME|PATH",
              help="Ask this model about the broken programs and run its answers.")  # fmt: skip
@click.option("--asked", default=2000, show_default=True, type=click.IntRange(min=1),
              help="Problems put to the model.")  # fmt: skip
@click.option("--samples", default=8, show_default=True, type=click.IntRange(2, 64))
@click.option("--temperature", default=0.9, show_default=True, type=click.FloatRange(0.0, 2.0))
@click.option("--store", is_flag=True, help="Your own choices as well.")
@click.option("--against", multiple=True, type=_PATH,
              help="Evaluation problems to keep out, beside our own suites: a .jsonl file or a "
              "folder of them.")  # fmt: skip
@click.option("--per-problem", default=8, show_default=True, type=click.IntRange(min=1))
@click.option("--format", "format_", type=click.Choice(["compact", "chat"]), default="compact",
              show_default=True, help="Of the text columns.")  # fmt: skip
@click.option("--at-least", default=1, show_default=True, type=click.IntRange(min=1),
              help="Exit with status 3 when fewer triplets come.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Only so many programs.")
@click.option("--seed", default=0, show_default=True, type=int)
@click.option("--json", "as_json", is_flag=True, help="Print the data card as JSON.")
def build(as_json: bool, **given: Any) -> None:
    """Make triplets of broken programs, static bugs, a model's answers and your choices.

    Every answer was run, or judged by the tools, or by you. The folder gets triplets.parquet in
    TRL's preference format, with card.md and card.json. Run the command again after an
    interruption and it goes on. Giving programs or a test command means that they may be run.

    Exit status: 0 made, 2 error, 3 fewer triplets than --at-least, 130 interrupted.
    """
    from trainer.triplets.build import build as make
    from whetstone.engine.base import Cancel

    options, sources = _compose(**given)
    cancel = Cancel()
    bar = Progress(
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=Console(stderr=True), disable=not sys.stderr.isatty(),
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def tick(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=min(done, total), total=total)
        if bar.disable:
            click.echo(f"{what}: {min(done, total)} of {total}", err=True)

    try:
        with bar:
            built = make(options, sources, cancel=cancel, tick=tick)
    except KeyboardInterrupt:
        cancel.set()
        raise Cancelled("Stopped. The same command goes on from here.") from None
    _show(built, as_json=as_json)


def _compose(
    programs: tuple[Path, ...], against: tuple[Path, ...], repository: Path | None,
    test: str | None, model: str | None, store: bool, limit: int | None, format_: str,
    repo_mutants: int, **rest: Any,
) -> tuple[BuildOptions, Sources]:  # fmt: skip
    from trainer.triplets.build import BuildOptions, Sources
    from trainer.triplets.contamination import evaluated
    from trainer.triplets.programs import read_training_programs

    if (repository is None) != (test is None):
        raise UsageError("--from-repo and --test go together: which code, and how it is tested.")
    found = [program for path in programs for program in read_training_programs(path)]
    if limit is not None:
        found = [found[n * len(found) // limit] for n in range(min(limit, len(found)))]
    name, engine = _model(model) if model else ("", None)
    if engine is not None and not found:
        raise UsageError("--model answers questions about --programs; give some.")
    options = BuildOptions(
        repository=repository,
        test=tuple(shlex.split(test or "")),
        repository_mutants=repo_mutants,
        format="chat" if format_ == "chat" else "compact",
        command="trainer data build",
        **rest,
    )
    return options, Sources(
        programs=found,
        against=evaluated(against),
        model=name,
        engine=engine,
        choices=_choices() if store else (),
    )


def _model(name: str) -> tuple[str, Any]:
    import dataclasses

    from whetstone.engine.load import load_engine
    from whetstone.models import Registry
    from whetstone.settings import load_settings

    settings, _ = load_settings(None)
    settings = dataclasses.replace(settings, model=name)
    registry = Registry()
    return registry.resolve(name).model_id, lambda: load_engine(settings, registry)


def _choices() -> Any:
    from whetstone.preferences.store import PreferenceStore

    store = PreferenceStore.open()
    try:
        return store.pairs(kind="triplets")
    finally:
        store.close()


def _show(built: Built, *, as_json: bool) -> None:
    card = built.card
    if as_json:
        click.echo(json.dumps({**card, "path": str(built.path)}))
        return
    sources = ", ".join(f"{count} {name}" for name, count in card["counts"]["source"].items())
    click.echo(f"{card['triplets']} triplets ({sources}) in {card['seconds']:.0f} s: {built.path}")
    click.echo(f"What they are: {built.path.with_name('card.md')}")
