"""The `whetstone` command: parse, call one function, print."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from whetstone import __version__
from whetstone.errors import Cancelled, ModelError, StoreError, UsageError, WhetstoneError
from whetstone.settings import Settings, load_settings


class LazyGroup(click.Group):
    """A group whose subcommands are imported only when they are used, and whose errors are text."""

    def __init__(self, *args: Any, lazy: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        import importlib

        module, _, name = self._lazy[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WhetstoneError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo(f"error: {Cancelled()}", err=True)
            ctx.exit(Cancelled.exit_status)


@click.group(
    cls=LazyGroup,
    lazy={
        "consent": "whetstone.testing.cli:consent",
        "doctor": "whetstone.doctor.cli:doctor",
        "models": "whetstone.models.cli:models",
        "prefs": "whetstone.preferences.cli:prefs",
        "tune": "whetstone.tuning.cli:tune",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="whetstone")
def main() -> None:
    """Fix Python problems with a model that runs here and learns from your choices."""


@main.command()
@click.argument("where", metavar="[PATH[:LINE]]", required=False)
@click.option(
    "--test",
    "test_command",
    metavar="CMD",
    help="A command that fails now and must pass; it runs on a copy, under limits. Default: the "
    "setting test.command, where running tests was allowed.",
)
@click.option(
    "--traceback",
    "traceback_file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="A Python traceback or pytest output; - reads standard input. It finds the file, too.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object per problem; nothing is written without --yes.",
)
@click.option("--yes", is_flag=True, help="Accept the best proven fix of every problem.")
@click.option("-n", "candidates", type=click.IntRange(1, 64), help="Answers asked of the model.")
@click.option("--model", help="A model of the registry, or a GGUF file; `none` uses rules alone.")
def fix(
    where: str | None,
    test_command: str | None,
    traceback_file: Any,
    as_json: bool,
    yes: bool,
    candidates: int | None,
    model: str | None,
) -> None:
    """Find the problems of a file and offer proven fixes.

    Exit status: 0 when every problem was fixed, 1 when some remain, 2 on bad usage.
    """  # fmt: skip
    from whetstone.automatic import UNSEEN_CONFIDENCE
    from whetstone.fixer import Fixer
    from whetstone.preferences.taken import Rewrites
    from whetstone.terminal.ask import asker
    from whetstone.terminal.report import Report
    from whetstone.terminal.session import FixSession

    traceback = traceback_file.read() if traceback_file else ""
    target_path, line = _parse_place(where) if where else (_led_to(traceback), None)
    settings = _settings(target_path, model)
    target = _target(target_path, line, test_command, traceback, settings)
    report = Report(as_json=as_json)
    with ExitStack() as stack:
        engine = _engine(settings, model, report.warn, stack)
        store = None if as_json and not yes else _store(settings, report.warn, stack)
        session = FixSession(
            fixer=Fixer(engine, settings, learned=Rewrites().now() if settings.analogies else ()),
            store=store,
            ask=asker(report, yes=yes, quiet=as_json),
            n=candidates,
            client="whetstone fix --yes" if yes else "whetstone fix",
            confidence=UNSEEN_CONFIDENCE if yes else 1.0,
            automatic=yes,
            on_problem=report.problem,
        )
        for step in session.run(target):
            report.step(step)
    sys.exit(report.finish(session, target))


def _parse_place(where: str) -> tuple[Path, int | None]:
    """`file.py:12` -> the file and line 11 counted from 0; a drive letter's colon is no line."""
    head, colon, tail = where.rpartition(":")
    if colon and tail.isdigit() and head:
        if int(tail) < 1:
            raise UsageError(f"{where}: lines are counted from 1.")
        return Path(head), int(tail) - 1
    return Path(where), None


def _led_to(traceback: str) -> Path:
    """The file that a traceback leads to, in the workspace around the current folder."""
    from whetstone.locate import Workspace, places

    if not traceback.strip():
        raise UsageError("Name a file, or give a traceback that leads to one: --traceback FILE.")
    root = _workspace(Path.cwd() / "file")
    settings, _ = load_settings(root)
    found = places(traceback, Workspace(root=root, ignore_globs=settings.ignore_globs))
    if not found:
        raise UsageError(
            f"No file of {root} stands in the traceback. Start in the folder of your project, or "
            "name the file."
        )
    click.echo(f"The traceback leads to {found[0].path}:{found[0].line + 1}.", err=True)
    return found[0].path


def _target(
    path: Path, line: int | None, test_command: str | None, traceback: str, settings: Settings
) -> Any:
    from whetstone.source_file import read
    from whetstone.terminal.session import Target

    document = read(path).document
    count = len(document.lines())
    if line is not None and line >= max(1, count):
        raise UsageError(f"{path}:{line + 1}: the file has only {count} lines.")
    root = _workspace(path)
    command = _test_command(test_command, settings, root)
    run: Any = None
    watch: Callable[[str], Any] | None = None
    if command is not None:
        from whetstone.sandbox import Limits
        from whetstone.testing.command import CommandJudge
        from whetstone.testing.watch import watched_run

        limits = Limits(timeout_s=settings.test.timeout_s, memory_mb=settings.test.memory_mb)
        globs = settings.ignore_globs

        run = CommandJudge(document, command, root, limits, ignore_globs=globs)

        def watch(text: str) -> Any:
            return watched_run(command, root, {path: text}, limits, ignore_globs=globs)

    return Target(
        path=path,
        root=root,
        line=line,
        traceback=traceback,
        run_test=run,
        watch_test=watch,
        ignore_codes=settings.ignore_codes,
    )


def _test_command(given: str | None, settings: Settings, root: Path) -> Sequence[str] | None:
    """What was given; else the setting, which only the user's word allows to run."""
    if given is None:
        if not settings.test.command:
            return None
        from whetstone.testing.consent import may_run

        if may_run(settings, root):
            return settings.test.command
        click.echo(
            "note: test.command is set, but nothing allows it to run. Give --test, or set "
            "WHETSTONE_TEST_CONSENT=true.",
            err=True,
        )
        return None
    try:
        command = shlex.split(given)
    except ValueError as error:
        raise UsageError(f"--test: {error}. Check its quotes.") from error
    if not command:
        raise UsageError("--test: the command is empty.")
    return command


def _workspace(path: Path) -> Path:
    """The nearest folder above that holds a project, else where the command was started."""
    path = path.resolve()
    for folder in path.parents:
        if any((folder / mark).exists() for mark in (".git", "pyproject.toml", "setup.cfg")):
            return folder
    here = Path.cwd()
    return here if path.is_relative_to(here) else path.parent


def _settings(path: Path, model: str | None) -> Settings:
    overrides = {"model": model} if model and model != "none" else {}
    settings, problems = load_settings(_workspace(path), overrides=overrides)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    return settings


def _engine(
    settings: Settings, model: str | None, warn: Callable[[str], None], stack: ExitStack
) -> Any:
    """The model that serves; without one, rules alone and a warning, unless one was asked for."""
    if model == "none":
        return None
    from whetstone.engine.load import load_engine
    from whetstone.models import Registry

    try:
        engine = load_engine(settings, Registry())
    except ModelError as error:
        if model:
            raise
        warn(f"{error} Going on with rules alone.")
        return None
    stack.callback(engine.close)
    return engine


def _store(settings: Settings, warn: Callable[[str], None], stack: ExitStack) -> Any:
    """The preference store; a broken one costs the record, never the fix."""
    from whetstone.preferences.store import PreferenceStore

    try:
        return stack.enter_context(PreferenceStore.open(ignore_globs=settings.ignore_globs))
    except StoreError as error:
        warn(f"{error} Choices of this run are not recorded.")
        return None


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def settings(as_json: bool) -> None:
    """Show the settings in force here, and where a value could not be used."""
    import dataclasses

    current, problems = load_settings(Path.cwd())
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(current), indent=2, default=str))
    else:
        for key, value in _flat(dataclasses.asdict(current)):
            click.echo(f"{key} = {value!r}")
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        rows += (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
        )
    return rows
