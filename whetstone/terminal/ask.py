"""Asking about a candidate: keys of one letter, or no question at all."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from whetstone.fixer import Proposal
from whetstone.terminal.report import Report
from whetstone.terminal.session import Answer

_KEYS: dict[str, Answer] = {
    "a": "accept", "y": "accept", "r": "reject", "n": "next", "s": "skip", "q": "quit",
}  # fmt: skip


def asker(report: Report, *, yes: bool, quiet: bool) -> Callable[[Proposal, int], Answer]:
    """How candidates are decided: `yes` accepts, `quiet` decides nothing, else a person does.

    Without a terminal there is nobody to ask: candidates are shown and left.
    """

    def automatic(proposal: Proposal, index: int) -> Answer:
        report.candidate(proposal, index)
        if not yes:
            return "skip"
        candidate = proposal.candidates[index]
        sure = candidate.evidence.decisive
        # While another error hides what is new, a guess of the model alone is not taken unread.
        if sure and (candidate.evidence.complete or candidate.origin != "model"):
            return "accept"
        report.unproved()
        return "next"

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

    return automatic if yes or quiet or not sys.stdin.isatty() else interactive
