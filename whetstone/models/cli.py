"""`whetstone models`: list, pull, use, rollback, verify, remove."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from whetstone.errors import Cancelled, ModelError, UsageError
from whetstone.models.entry import ModelEntry
from whetstone.models.pull import Plan, carry_out, plan_pull
from whetstone.models.reference import DEFAULT_QUANTIZATION
from whetstone.models.registry import Registry
from whetstone.models.transfer import Progress as Report

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def models() -> None:
    """The models on this machine, and which one is served."""


@models.command("list")
@_json_option
def list_models(as_json: bool) -> None:
    """Show all models; `*` marks the one that is served."""
    registry = Registry()
    broken: list[str] = []
    entries = registry.list(broken=broken)
    active = registry.active_name()
    if as_json:
        shown = [_to_json(entry, active=entry.name == active) for entry in entries]
        _print_json({"active": active, "models": shown, "broken": broken})
        return
    Console().print(_table(entries, active))
    for message in broken:
        click.echo(f"warning: {message}", err=True)


@models.command()
@click.argument("model")
@click.option(
    "--quant",
    default=DEFAULT_QUANTIZATION,
    show_default=True,
    help="Quantization to choose where a repository has several: q4_k_m, q8_0, ...",
)
@click.option("--name", help="Name in the registry; made from the file's name otherwise.")
@click.option("--sha256", help="Refuse any other content.")
@click.option("--training-base", help="Folder or hub repository that training starts from.")
@click.option("--over", metavar="MODEL", help="It is a LoRA adapter of this registered model.")
@click.option("--link", is_flag=True, help="Use a local file where it lies instead of a copy.")
@click.option("--no-use", is_flag=True, help="Do not serve it yet.")
@_json_option
def pull(  # one parameter for each option
    model: str,
    quant: str,
    name: str | None,
    sha256: str | None,
    training_base: str | None,
    over: str | None,
    link: bool,
    no_use: bool,
    as_json: bool,
) -> None:
    """Fetch MODEL and serve it.

    MODEL is a name of the catalogue (qwen2.5-coder-0.5b, -1.5b, -3b, -7b), the path of a GGUF
    file, its https address, or a hub repository as owner/repo[:file.gguf]. A broken fetch goes on
    where it stopped when the command is run again. HF_TOKEN opens private repositories, and
    HF_ENDPOINT names a mirror of the hub.
    """
    registry = Registry()
    base = None if over is None else registry.base_of(registry.get(over))
    plan = plan_pull(
        model,
        quantization=quant,
        name=name,
        sha256=sha256,
        training_base=training_base,
        kind="model" if base is None else "adapter",
    )
    if link and plan.local is None:
        raise UsageError("--link is for files on this machine.")
    _announce(plan)
    with _progress(plan.name) as report:
        pulled = carry_out(plan, registry, progress=report, copy=not link, base=base)
    entry = pulled.entry
    if not no_use:
        registry.use(entry.name, reason="pulled")
    if as_json:
        extra = {"new_bytes": pulled.new_bytes, "sha256_confirmed": pulled.confirmed}
        _print_json({**_to_json(entry, active=not no_use), **extra})
        return
    checked = "as announced" if pulled.confirmed else "computed; none was announced"
    click.echo(f"sha256 {entry.sha256} ({checked})")
    click.echo(f"{entry.name}: {_size(entry.size)}, {entry.quantization}, {entry.prompt_format}")
    if no_use:
        click.echo(f"Serve it with `whetstone models use {entry.name}`.")
    else:
        click.echo("It is served from now on. `whetstone models rollback` goes back.")


@models.command()
@click.argument("name")
@_json_option
def use(name: str, as_json: bool) -> None:
    """Serve NAME; running servers switch between two requests."""
    _print_active(Registry().use(name), as_json)


@models.command()
@_json_option
def rollback(as_json: bool) -> None:
    """Serve the model that was served before."""
    _print_active(Registry().rollback(), as_json)


@models.command()
@click.argument("names", nargs=-1)
@_json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Read the files of NAMES, or of all models, and compare their checksums."""
    registry = Registry()
    broken: list[str] = []
    entries = [registry.get(name) for name in names] or registry.list(broken=broken)
    results: list[dict[str, Any]] = [{"ok": False, "error": message} for message in broken]
    for entry in entries:
        try:
            registry.verify(entry)
            results.append({"model_id": entry.model_id, "ok": True})
        except ModelError as error:
            results.append({"model_id": entry.model_id, "ok": False, "error": str(error)})
    if as_json:
        _print_json(results)
    for result in results:
        if not as_json and result["ok"]:
            click.echo(f"{result['model_id']}: sound")
    wrong = [result["error"] for result in results if not result["ok"]]
    if wrong:
        raise ModelError("\n".join(wrong))


@models.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Forget NAME and delete its file."""
    registry = Registry()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{name}: not removed, because nobody can be asked. Add --yes.")
        if not click.confirm(f"Delete {name}? A model that was trained here cannot be fetched."):
            raise Cancelled
    registry.remove(name)
    click.echo(f"{name} removed.")


# -- printing ---------------------------------------------------------------------------------


def _announce(plan: Plan) -> None:
    """Size and checksum before the fetch; on stderr, so that --json stays one document."""
    size = "unknown size" if plan.size is None else _size(plan.size)
    click.echo(f"{plan.source}", err=True)
    click.echo(f"  size    {size}", err=True)
    click.echo(f"  sha256  {plan.sha256 or 'not announced'}", err=True)
    if plan.license:
        click.echo(f"  license {plan.license}", err=True)


@contextmanager
def _progress(name: str) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(name, total=None, start=False)

            def report(done: int, total: int | None) -> None:
                if not progress.tasks[0].started:
                    progress.start_task(task)
                progress.update(task, completed=done, total=total)

            yield report
    except KeyboardInterrupt:
        raise Cancelled(
            "Stopped. What came is kept; the same command goes on from there."
        ) from None


def _table(entries: list[ModelEntry], active: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "name", "size", "parameters", "quantization", "format", "from", "added"):
        table.add_column(heading, justify="right" if heading in ("size", "parameters") else "left")
    for entry in entries:
        table.add_row(
            "*" if entry.name == active else "",
            entry.name,
            _size(entry.size),
            f"{entry.parameters / 1e6:,.1f} M",
            entry.quantization if entry.base is None else f"adapter over {entry.base}",
            entry.prompt_format,
            entry.parent or str(entry.data.get("source", "")),
            entry.created_at[:10],
        )
    return table


def _print_active(entry: ModelEntry, as_json: bool) -> None:
    if as_json:
        _print_json(_to_json(entry, active=True))
    else:
        click.echo(f"{entry.model_id} is served from now on.")


def _to_json(entry: ModelEntry, *, active: bool) -> dict[str, Any]:
    return {**entry.to_json(), "model_id": entry.model_id, "active": active}


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
