"""`whetstone tune`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from whetstone.engine.tuning import tuning_path, write_tuning
from whetstone.errors import UsageError, WhetstoneError
from whetstone.models import Registry
from whetstone.settings import load_settings
from whetstone.tuning.search import Row, Search


@click.command()
@click.option("--model", help="A model of the registry, or a GGUF file. Default: the one in use.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.5, max=3600),
    default=10.0,
    show_default=True,
    help="How long to measure; what there is no time for keeps its default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tune(model: str | None, seconds: float, as_json: bool) -> None:
    """Measure how the model runs fastest on this machine, and run it so from now on.

    Threads, batch sizes, flash attention, cache type, GPU and speculation are tried one after the
    other. The result counts for this model on this machine; settings still override it. Ctrl-C
    stores nothing.
    """
    settings, _ = load_settings(Path.cwd())
    if settings.engine == "openai" and model is None:
        raise UsageError(
            "The model in use runs on another server, which chooses how. Name a local one with "
            "--model, or unset `engine`."
        )
    registry = Registry()
    entry = registry.base_of(registry.resolve(model or settings.model))
    if not as_json:
        click.echo(f"{entry.model_id}: measuring for {seconds:g} s; Ctrl-C stores nothing\n")
        click.echo(
            f"{'':22}{'':8}{'prompt':>9}{'single':>9}{'four':>9}{'a fix':>10}\n"
            f"{'':22}{'':8}{'tokens/s':>9}{'tokens/s':>9}{'tokens/s':>9}{'ms':>10}"
        )
    search = Search(entry=entry, seconds=seconds, tell=(lambda _: None) if as_json else _print_row)
    record = search.run()
    try:
        path = write_tuning(record)
    except OSError as error:
        where = tuning_path(record.model_id, record.machine)
        raise WhetstoneError(
            f"{where}: cannot be written ({error.strerror}). Set WHETSTONE_DATA to a folder that "
            "you can write."
        ) from error
    if as_json:
        rows = [
            {
                "what": row.what,
                "value": row.value,
                "fix_s": row.fix_s,
                "prompt_tokens_per_s": row.rates and row.rates.prompt,
                "single_tokens_per_s": row.rates and row.rates.single,
                "four_answers_tokens_per_s": row.rates and row.rates.four,
                "note": row.note,
                "chosen": row.chosen,
            }
            for row in search.rows
        ]
        stored = {
            "model_id": record.model_id,
            "options": record.options.to_json(),
            "measured": dict(record.measured),
            "reasons": list(record.reasons),
            "path": str(path),
            "rows": rows,
        }
        click.echo(json.dumps(stored))
        return
    click.echo("\nChosen: " + "; ".join(record.reasons) + ".")
    click.echo(f"Stored in {path}. Servers use it when they load the model next.")


def _print_row(row: Row) -> None:
    if row.rates is not None:
        numbers = f"{row.rates.prompt:9,.0f}{row.rates.single:9,.1f}{row.rates.four:9,.1f}"
    else:
        numbers = f"{'':27}"
    fix = f"{1000 * row.fix_s:10,.0f}" if row.fix_s is not None else f"{'':10}"
    click.echo(f"{row.what:22}{row.value:>8}{numbers}{fix}  {row.note}".rstrip())
