"""`trainer recipe`: parse, call one function, print."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

_PATH = click.Path(exists=True, path_type=Path)


@click.group()
def recipe() -> None:
    """Experiments: LoRA SFT, then DPO, beside an SFT control, measured before and after."""


@recipe.command(name="list")
def list_recipes() -> None:
    """The recipes, one a line."""
    from trainer.recipes.config import load_recipe, names

    for name in names():
        found = load_recipe(name)
        click.echo(f"{name:14} {found.base}: {found.title}")


@recipe.command()
@click.argument("name")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the experiment; what is there is not done again. "
              "[default: recipes/NAME in the data folder]")  # fmt: skip
@click.option("--small", is_flag=True,
              help="Every step in minutes: random weights, the same architecture.")  # fmt: skip
@click.option("--base", help="A folder or hub repository instead of the recipe's base.")
@click.option("--programs", multiple=True, type=_PATH,
              help="Correct programs with tests to break and train on; see trainer data "
              "build.")  # fmt: skip
@click.option("--program-limit", type=click.IntRange(min=1), help="Only so many of them.")
@click.option("--static", type=click.IntRange(min=0),
              help="Static mutants to train on. [default: 2000; 40 with --small]")  # fmt: skip
@click.option("--suite", "suites", multiple=True, type=_PATH,
              help="Programs with a failing test to measure on, beside our own: a .jsonl "
              "file.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Only so many cases of each suite.")
@click.option("--seed", "seeds", multiple=True, type=int, help="[default: those of the recipe]")
@click.option("--triplets", type=click.IntRange(min=2), help="For SFT at most.")
@click.option("--asked", type=click.IntRange(min=1), help="Problems put to the model after SFT.")
@click.option("--pairs", type=click.IntRange(min=2), help="For DPO and the control at most.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def run(
    name: str, out: Path | None, small: bool, base: str | None, programs: tuple[Path, ...],
    program_limit: int | None, static: int | None, suites: tuple[Path, ...], limit: int | None,
    seeds: tuple[int, ...], triplets: int | None, asked: int | None, pairs: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Run a recipe and write its table and plots.

    Run the command again after an interruption and it goes on; with more --seed, it adds them.
    Giving programs means that they may be run, in the sandbox.

    Exit status: 0 done, 2 error, 3 nothing to train on, 4 another training runs there,
    130 interrupted.
    """
    from trainer.cli import quiet_libraries
    from trainer.recipes.config import load_recipe, shrunk
    from trainer.recipes.run import RunOptions, run_recipe
    from trainer.reporter import ConsoleReporter
    from whetstone.paths import data_dir
    from whetstone.settings import load_settings

    quiet_libraries()
    found = load_recipe(name)
    if small:
        found = dataclasses.replace(shrunk(found), seeds=found.seeds[:1])
        limit = limit or 4
    if seeds:
        found = dataclasses.replace(found, seeds=tuple(dict.fromkeys(seeds)))
    wanted = {"triplets": triplets, "asked": asked, "pairs": pairs}
    given = {key: value for key, value in wanted.items() if value is not None}
    found = dataclasses.replace(found, data=dataclasses.replace(found.data, **given))
    options = RunOptions(
        out=out or data_dir() / "recipes" / (f"{name}-small" if small else name),
        small=small,
        base=base,
        programs=programs,
        program_limit=program_limit,
        static=static if static is not None else 40 if small else 2000,
        suites=suites,
        limit=limit,
        command=shlex.join(["trainer", *sys.argv[1:]]),
    )
    settings, _ = load_settings(None)
    with ConsoleReporter(Console(stderr=True)) as reporter:
        table = run_recipe(found, options, settings, reporter)
    if as_json:
        click.echo(json.dumps(json.loads(table.with_name("results.json").read_text("utf-8"))))
    else:
        click.echo(table.read_text(encoding="utf-8"))
        click.echo(f"Table and plots: {table.parent}")
