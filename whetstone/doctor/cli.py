"""`whetstone doctor`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from whetstone.doctor import data, machine, serving, tools
from whetstone.doctor.finding import Finding
from whetstone.engine.llama.build import installed
from whetstone.errors import WhetstoneError
from whetstone.models import Registry
from whetstone.settings import load_settings

_MARKS = {"ok": " ", "problem": "!", "advice": "+"}


def findings() -> Iterator[Finding]:
    """Everything, section by section."""
    build = installed()
    settings, problems = load_settings(Path.cwd())
    yield from machine.machine(build)
    yield from machine.versions(build)
    yield from data.data()
    try:
        registry = Registry()
    except WhetstoneError:
        return  # the data folder is the problem, and was told
    yield from data.models(registry)
    yield from serving.serving(settings, registry, problems)
    yield from tools.editors()
    yield from tools.sandbox()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Show the machine, what Whetstone uses and why, and what is wrong or could be faster.

    Exit status: 0 when all is well, 1 when something needs attention.
    """
    found = []
    section = ""
    for item in findings():
        found.append(item)
        if as_json:
            continue
        if item.section != section:
            section = item.section
            click.echo(("\n" if len(found) > 1 else "") + section)
        click.echo(f"{_MARKS[item.state]} {item.name:18}{item.value}")
        if item.advice:
            click.echo(f"  {'':18}{item.advice}")
    wrong = [item for item in found if item.state == "problem"]
    if as_json:
        rows = [dataclasses.asdict(item) for item in found]
        click.echo(json.dumps({"ok": not wrong, "findings": rows}))
    else:
        advice = sum(item.state == "advice" for item in found)
        click.echo(f"\n{_count(len(wrong), 'problem')} (!), {_count(advice, 'suggestion')} (+)")
    sys.exit(1 if wrong else 0)


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
