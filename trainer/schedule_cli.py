"""`trainer schedule`: print, install or remove the periodic training run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import click

from trainer.schedule import SYSTEMS, Every, System, apply, detect, plan, undo


@click.command()
@click.option("--every", type=click.Choice(["daily", "weekly"]), default="daily", show_default=True)
@click.option(
    "--hour",
    type=click.IntRange(0, 23),
    default=3,
    show_default=True,
    help="Hour of the day; on systemd up to 30 minutes later.",
)
@click.option("--system", type=click.Choice(SYSTEMS), help="[default: what this machine has]")
@click.option("--install", is_flag=True, help="Do what is printed.")
@click.option("--uninstall", is_flag=True, help="Take it back.")
def schedule(
    every: str, hour: int, system: str | None, install: bool, uninstall: bool
) -> None:  # fmt: skip
    """Run `trainer retrain --if-enough` now and then: it trains only when enough new triplets came.

    Prints what would be set up; nothing is changed without --install.
    """
    if install and uninstall:
        raise click.UsageError("--install and --uninstall exclude each other.")
    kept = {name: os.environ[name] for name in ("WHETSTONE_DATA",) if name in os.environ}
    planned = plan(
        cast(System, system) if system else detect(),
        every=cast(Every, every),
        hour=hour,
        home=Path.home(),
        environment=kept,
    )
    click.echo(str(planned))
    if install:
        apply(planned)
        click.echo("Installed. `trainer schedule --uninstall` takes it back.")
    elif uninstall:
        undo(planned)
        click.echo("Removed.")
    else:
        click.echo("Nothing was changed. Run again with --install to set this up.")
