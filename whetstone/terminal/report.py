"""Where a run's results go: coloured text for people, JSON lines for scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from whetstone.candidate import Proposal
from whetstone.problem import Diagnostic, Document
from whetstone.terminal import show

if TYPE_CHECKING:
    from whetstone.terminal.session import FixSession, Step, Target


class Report:
    """Prints as the run goes on; `finish` prints the sum and gives the exit status."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._console = Console(stderr=as_json, soft_wrap=True)
        self._number = 0

    def warn(self, message: str) -> None:
        click.echo(f"warning: {message}", err=True)

    def problem(self, document: Document, diagnostic: Diagnostic) -> None:
        self._number += 1
        if not self._json:
            show.problem(self._console, document, diagnostic, self._number)

    def candidate(self, proposal: Proposal, index: int) -> None:
        if not self._json:
            show.candidate(self._console, proposal, index)

    def unproved(self) -> None:
        if not self._json:
            self._console.print(
                "   [yellow]not accepted unread: nothing proves it. Name a test with --test, or "
                "decide without --yes.[/yellow]"
            )

    def step(self, step: Step) -> None:
        proposal = step.proposal
        if self._json:
            row = show.as_json(
                proposal,
                file=str(proposal.document.path),
                accepted=step.accepted.id if step.accepted else None,
                suggestion=step.suggestion_id,
            )
            click.echo(json.dumps(row, ensure_ascii=False))
        elif not proposal.candidates:
            show.nothing(self._console, proposal)
        elif step.accepted:
            self._console.print("   [green]accepted, written[/green]")

    def finish(self, session: FixSession, target: Target) -> int:
        """The exit status: 0 when nothing remains, else 1."""
        left = session.remaining(target)
        if self._json:
            return 1 if left else 0
        name = escape(str(target.path))
        if not self._number and not left:
            self._console.print(f"No problems found in {name}.", highlight=False)
        elif not left:
            self._console.print(f"\n[bold green]{name}: every problem is fixed.[/bold green]")
        else:
            self._console.print(f"\n[bold yellow]{name}: {len(left)} left.[/bold yellow]")
            for line in left:
                self._console.print(f"   {escape(line)}", highlight=False)
        return 1 if left else 0
