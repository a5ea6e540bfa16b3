"""Asking about a candidate: keys of one letter, or no question at all."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from whetstone.automatic import takes_unread
from whetstone.candidate import Proposal
from whetstone.terminal.report import Report
from whetstone.terminal.session import Answer

_KEYS: dict[str, Answer] = {
    "a": "accept", "y": "accept", "r": "reject", "n": "next", "s": "skip", "q": "quit",
}  # fmt: skip


def accept_proved(proposal: Proposal, index: int) -> Answer:
    """What `--yes` answers."""
    return "accept" if takes_unread(proposal.candidates[index]) else "next"


def asker(report: Report, *, yes: bool, quiet: bool) -> Callable[[Proposal, int], Answer]:
    """How candidates are decided: `yes` accepts, `quiet` decides nothing, else a person does.

    Without a terminal there is nobody to ask: candidates are shown and left.
    """

    def automatic(proposal: Proposal, index: int) -> Answer:
        report.candidate(proposal, index)
        if not yes:
            return "skip"
        answer = accept_proved(proposal, index)
        if answer != "accept":
            report.unproved()
        return answer

    def interactive(proposal: Proposal, index: int) -> Answer:
        report.candidate(proposal, index)
        more = index + 1 < len(proposal.candidates)
        question = "   [a]ccept  [r]eject  " + ("[n]ext  " if more else "") + "[s]kip  [q]uit"
        while True:
            click.echo(f"{question} ? ", nl=False)
            key = click.getchar().lower()
            click.echo(key if key.isprintable() else "")
            if key in ("\x03", "\x04", "\x1b"):
                return "quit"
            if key in _KEYS:
                return _KEYS[key]

    if yes or quiet:
        return automatic
    if not sys.stdin.isatty():
        report.warn(
            "standard input is no terminal: nothing will be asked, and nothing written. "
            "Add --yes, or give the traceback as a file."
        )
        return automatic
    return interactive
