"""`trainer report`: parse, write the page, open it."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click


@click.command()
@click.argument("run", required=False)
@click.option("--no-open", is_flag=True, help="Write the page and print its path only.")
def report(run: str | None, no_open: bool) -> None:
    """What a training run learnt, as a page in the browser; the newest run by default.

    RUN is a run's name, or how it begins. The page is written beside the run's record. It shows
    code from your choices and is readable by you alone.
    """
    from trainer.report.content import collect
    from trainer.report.page import render
    from trainer.run_folder import find_run, runs_root
    from whetstone.paths import atomic_write_bytes
    from whetstone.preferences.store import PreferenceStore

    folder = find_run(runs_root(), run)
    with PreferenceStore.open() as store:
        page = render(collect(folder, store.pairs(kind="all")))
    path: Path = folder.path / "report.html"
    atomic_write_bytes(path, page.encode("utf-8"), mode=0o600)
    click.echo(path)
    if not no_open and not webbrowser.open(path.as_uri()):
        click.echo("No browser could be started here; open the file by hand.", err=True)
