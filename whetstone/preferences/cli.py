"""`whetstone prefs`: list, show, stats, browse, export, import, delete, purge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import click

from whetstone.errors import UsageError
from whetstone.preferences import views
from whetstone.preferences.exchange import export_pairs
from whetstone.preferences.importing import import_pairs
from whetstone.preferences.outcome import Outcome
from whetstone.preferences.records import PairKind
from whetstone.preferences.store import PreferenceStore
from whetstone.prompt import FORMATS, FormatName

_OUTCOMES = [str(outcome) for outcome in Outcome]
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def _when(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """`7d`, `12h`, `2026-11-24` or a full time, as the store writes times."""
    if value is None:
        return None
    age = re.fullmatch(r"(\d{1,5})([hdw])", value)
    try:
        if age:
            unit = {"h": "hours", "d": "days", "w": "weeks"}[age[2]]
            time = datetime.now(UTC) - timedelta(**{unit: int(age[1])})
        else:
            time = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is neither an age like 7d or 12h nor a date like 2026-11-24.", ctx, param
        ) from None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_since_option = click.option(
    "--since",
    metavar="WHEN",
    callback=_when,
    help="Only from then on: an age like 7d or 12h, or a date.",
)


@contextmanager
def _open_store() -> Iterator[PreferenceStore]:
    with PreferenceStore.open() as store:
        for notice in store.notices:
            click.echo(f"warning: {notice}", err=True)
        yield store


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


@click.group()
def prefs() -> None:
    """What was suggested to you, what you chose, and the pairs that training learns from."""


@prefs.command("list")
@click.option("--outcome", type=click.Choice([*_OUTCOMES, "open"]), help="Only those ended so.")
@click.option("--code", metavar="CODE", help="Only for this rule, such as F821.")
@click.option("--model", metavar="ID", help="Only from this model.")
@_since_option
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@_json_option
def list_suggestions(
    outcome: str | None,
    code: str | None,
    model: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show suggestions, newest first."""
    wanted: Any = outcome if outcome in (None, "open") else Outcome(outcome)
    with _open_store() as store:
        found = store.suggestions(
            outcome=wanted, code=code, model_id=model, since=since, limit=limit
        )
    if as_json:
        _print_json({"suggestions": [asdict(suggestion) for suggestion in found]})
    else:
        out = views.console()
        out.print(views.suggestion_table(found, width=out.width))


@prefs.command()
@click.argument("suggestion_id", metavar="ID")
@_json_option
def show(suggestion_id: str, as_json: bool) -> None:
    """Show one suggestion with all about it.

    Its fixes as diffs, what was proved of them, what happened, and the pairs made of it. The start
    of the ID is enough.
    """
    with _open_store() as store:
        detail = store.get(suggestion_id)
    if detail is None:
        raise UsageError(
            f"No suggestion starts with {suggestion_id!r}. `whetstone prefs list` shows them."
        )
    if as_json:
        _print_json(asdict(detail))
    else:
        views.show_detail(views.console(), detail)


@prefs.command()
@_json_option
def learned(as_json: bool) -> None:
    """List what is proposed by analogy: what you did twice where the same was found.

    A is whatever stands there. `whetstone prefs delete` takes a choice back, and `analogies =
    false` in the settings switches this off.
    """
    from whetstone.preferences.taken import Rewrites

    found = Rewrites().now()
    if as_json:
        _print_json({
            "rewrites": [
                {"finding": each.finding, "rewrite": str(each), "times": each.times}
                for each in found
            ]
        })  # fmt: skip
    else:
        views.show_rewrites(views.console(), found)


@prefs.command()
@_json_option
def stats(as_json: bool) -> None:
    """Count suggestions, outcomes and pairs."""
    with _open_store() as store:
        found = store.stats()
        path = store.path
    if as_json:
        _print_json(views.stats_json(found, path))
    else:
        views.show_stats(views.console(), found, path)


@prefs.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="The port on 127.0.0.1; by default a free one.",
)
@click.option("--no-open", is_flag=True, help="Do not start a browser; print the address alone.")
def browse(port: int, no_open: bool) -> None:
    """Look at the store in a browser, with datasette.

    Read-only, on this machine alone, and only for who has the address that is printed. Needs
    datasette: pip install 'whetstone-fix[browse]'. Ctrl-C ends it.
    """
    from whetstone.preferences.browse.serving import serve

    with _open_store() as store:
        serve(store, port=port, open_browser=not no_open, say=click.echo)


@prefs.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="chat",
    show_default=True,
    help="The prompt format to render for.",
)
@click.option("--unpaired", is_flag=True, help="Write the rows with one side alone instead (KTO).")
@click.option("--untrained", is_flag=True, help="Only what no training run has used.")
@click.option("--source", metavar="NAME", help="Only pairs of this source, such as amended.")
@_since_option
def export_command(
    file: Path,
    format_name: str,
    unpaired: bool,
    untrained: bool,
    source: str | None,
    since: str | None,
) -> None:
    """Write pairs to FILE as TRL reads them.

    FILE ends in .jsonl or .parquet; its rows are prompt, chosen, rejected and some columns more.
    An existing FILE is replaced. Exit status 3 when there is nothing to write.
    """
    kind: PairKind = "unpaired" if unpaired else "triplets"
    with _open_store() as store:
        pairs = store.pairs(kind=kind, untrained_only=untrained, source=source, since=since)
        others = store.stats().unpaired if not unpaired else 0
    written = export_pairs(pairs, file, format=cast(FormatName, format_name))
    click.echo(f"{file}: {written.rows} {kind if unpaired else _count(written.rows, 'triplet')}.")
    if written.same:
        click.echo(
            f"Left out: {written.same} whose sides read the same in the format {format_name}."
        )
    if others:
        click.echo(f"Left out: {others} with one side alone; `--unpaired` writes those.")


@prefs.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check the file and store nothing.")
@click.pass_context
def import_command(ctx: click.Context, file: Path, dry_run: bool) -> None:
    """Add the pairs of FILE, as exported.

    A plain TRL file, without the column `problem`, is not taken: its pairs cannot be rendered for
    another model. Pairs that are stored already are skipped. Rows that are not sound are counted
    with the reason and make the exit status 1; the others are added all the same.
    """
    if dry_run:
        result = import_pairs(None, file)
    else:
        with _open_store() as store:
            result = import_pairs(store, file)
    verb = "would be added" if dry_run else "added"
    known = f", {result.known} known already" if result.known else ""
    click.echo(f"{file}: {result.added} {verb}{known}, {result.bad.total()} not taken.")
    for reason, count in result.bad.most_common():
        rows = ", ".join(map(str, result.examples[reason]))
        click.echo(f"  {count} x {reason} (row {rows}{', ...' if count > 3 else ''})", err=True)
    if result.bad:
        ctx.exit(1)


@prefs.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--pair", "as_pairs", is_flag=True, help="The IDs are numbers of pairs.")
@_yes_option
def delete(ids: tuple[str, ...], as_pairs: bool, yes: bool) -> None:
    """Delete suggestions, or single pairs.

    A suggestion goes with its pairs; with --pair the IDs are numbers of pairs.
    """
    with _open_store() as store:
        if as_pairs:
            numbers = [_number(text) for text in ids]
            _confirm(yes, f"Delete {len(numbers)} {_count(len(numbers), 'pair')}?")
            click.echo(f"Deleted {store.delete_pairs(numbers)} of {len(numbers)}.")
            return
        found = [_resolve(store, start) for start in ids]
        _confirm(yes, f"Delete {len(found)} {_count(len(found), 'suggestion')} with their pairs?")
        click.echo(f"Deleted {store.delete(found)} of {len(found)}.")


@prefs.command()
@click.option(
    "--older-than", "before", metavar="WHEN", callback=_when, help="An age like 90d, or a date."
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(_OUTCOMES),
    help="Only suggestions that ended so; may be given several times.",
)
@_yes_option
def purge(before: str | None, outcomes: tuple[str, ...], yes: bool) -> None:
    """Delete all, or what the options select.

    What is deleted is gone for good, and the file shrinks.
    """
    what = "suggestions and pairs"
    if outcomes:
        what = f"suggestions that ended as {', '.join(outcomes)}, and their pairs"
    when = f" from before {before}" if before else ""
    everything = " This is all that Whetstone has learned from." if what + when == what else ""
    with _open_store() as store:
        _confirm(yes, f"Delete all {what}{when} in {store.path}?{everything}")
        suggestions, pairs = store.purge(
            before=before, outcomes=[Outcome(name) for name in outcomes] or None
        )
    click.echo(
        f"Deleted {suggestions} {_count(suggestions, 'suggestion')} "
        f"and {pairs} {_count(pairs, 'pair')}."
    )


def _count(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise UsageError(f"{text!r} is not the number of a pair. `whetstone prefs show` has them.")
    return int(text)


def _resolve(store: PreferenceStore, start: str) -> str:
    detail = store.get(start)
    if detail is None:
        raise UsageError(f"No suggestion starts with {start!r}. Nothing was deleted.")
    return detail.summary.id


def _confirm(yes: bool, question: str) -> None:
    if not yes:
        click.confirm(question, abort=True)
