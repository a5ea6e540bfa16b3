"""`whetstone consent`: which workspaces' tests may run without a question."""

from __future__ import annotations

from pathlib import Path

import click

from whetstone.errors import UsageError
from whetstone.testing.consent import Consents


@click.command()
@click.option(
    "--withdraw",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Ask again before tests of this workspace run.",
)
def consent(withdraw: Path | None) -> None:
    """List the workspaces whose tests may run without asking, or take one back.

    Consent is given in the editor, with "Always in this workspace".
    """
    consents = Consents()
    if withdraw is None:
        for folder, when in consents.all().items():
            click.echo(f"{folder}  since {when}")
        return
    if not consents.given(withdraw):
        raise UsageError(f"{withdraw}: no consent was given for this folder.")
    try:
        consents.withdraw(withdraw)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written ({error.strerror}).") from error
    click.echo(f"{withdraw.resolve()}: you will be asked before its tests run.")
