"""The `trainer` command: parse, call one function, print."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whetstone import __version__
from whetstone.cli import LazyGroup
from whetstone.errors import NotEnoughData

if TYPE_CHECKING:
    from trainer.options import RetrainOptions
    from trainer.reporter import Reporter
    from trainer.retrain import Preferences, Tools


@click.group(
    cls=LazyGroup,
    lazy={
        "data": "trainer.triplets.cli:data",
        "evaluate": "trainer.evaluation.cli:evaluate",
        "export": "export.cli:export_command",
        "models": "whetstone.models.cli:models",
        "recipe": "trainer.recipes.cli:recipe",
        "report": "trainer.report.cli:report",
        "schedule": "trainer.schedule_cli:schedule",
        "starter": "trainer.starter.cli:starter",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="trainer")
def main() -> None:
    """Train on your own choices, and grow, measure and export models.

    Exit status: 0 done, 1 trained but no better, so not promoted, 2 error, 3 too few triplets,
    4 another training run is in progress, 5 trained, but not enough data to tell whether it is
    better, so not promoted.
    """


_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _option(name: str, text: str, **more: Any) -> _Decorator:
    return click.option(name, help=text, default=None, **more)


@main.command()
@_option(
    "--min-pairs", "New triplets that must have come. [default: setting train.min_pairs]", type=int
)
@_option(
    "--replay", "Earlier triplets mixed in, as a share of the new ones. [default: 0.5]", type=float
)
@_option(
    "--rehearsal",
    "General problems mixed in, as a share of the choices. [default: 1, and at least 160]",
    type=float,
)
@_option("--held-out", "Share of problems that are only measured with. [default: 0.2]", type=float)
@_option("--sft-epochs", "[default: 2]", type=float)
@_option("--dpo-epochs", "0: SFT alone. [default: 3]", type=float)
@_option(
    "--sft-learning-rate",
    "[default: below 100 M parameters 1e-3, growing to 2e-3 with the choices; else 2e-4]",
    type=float,
)
@_option(
    "--dpo-learning-rate",
    "[default: below 100 M parameters 5e-4, growing to 1e-3 with the choices; else 5e-5]",
    type=float,
)
@_option("--loss", "sigmoid, robust, hinge, ipo or kto. [default: sigmoid]")
@_option(
    "--label-smoothing",
    "Share of pairs that stand the wrong way round. [default: measured per source]",
    type=float,
)
@_option("--max-kl", "Stop at so many nats per token from the reference. [default: 5]", type=float)
@click.option("--qlora", is_flag=True, default=None, help="Base in 4 bit; wants a GPU.")
@_option("--beta", "Pull towards the reference model in DPO. [default: 0.1]", type=float)
@_option(
    "--sft-weight", "Weight of the chosen answers' likelihood in DPO. [default: 1]", type=float
)
@_option("--lora-rank", "[default: 16]", type=int)
@_option("--batch-size", "[default: 8]", type=int)
@_option("--max-steps", "Stop each stage after so many steps.", type=int)
@_option("--max-length", "Tokens of prompt and answer together. [default: 1024]", type=int)
@_option("--save-steps", "Steps between checkpoints. [default: 20]", type=int)
@_option("--seed", "[default: 0]", type=int)
@_option(
    "--preferences",
    "Train on pooled pairs instead of your own: Parquet files as `whetstone prefs export` writes "
    "them, by path or address (s3://bucket/*.parquet, https://..., anything fsspec reads).",
    metavar="URL",
)
@_option("--max-pairs", "Of pooled pairs, so many at most. [default: 10000]", type=int)
@click.option(
    "--adapter/--merged",
    default=None,
    help="Write a LoRA adapter over the active model's file, or a model of its own. "
    "[default: as the active one is]",
)
@_option("--quantization", "Type of the new file: f16, q8_0, q4_k_m ... [default: as the active]")
@_option("--base", "Hugging Face folder or hub repository to train from.")
@_option("--eval-limit", "Evaluation problems for the gate. [default: all]", type=int)
@click.option("--force", "gate", flag_value="force", help="Promote even if the gate says no.")
@click.option("--no-promote", "gate", flag_value="never", help="Train and measure, never promote.")
@click.option(
    "--fresh",
    is_flag=True,
    help="Give an unfinished run up and begin a new one; triplets whose model was "
    "not promoted count as new again.",
)
@click.option(
    "--if-enough",
    is_flag=True,
    help="For scheduled runs: end quietly with 0 when there is nothing to do.",
)
@click.option("--dry-run", is_flag=True, help="Print what a new run would use, and stop.")
@click.option(
    "--progress",
    type=click.Choice(["text", "json"]),
    default="text",
    help="`json` prints every step and the result as one JSON object a line, for editors.",
)
@click.option("--low-priority", is_flag=True, help="Leave the processor to whoever else wants it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def retrain(
    gate: str | None, fresh: bool, if_enough: bool, dry_run: bool,
    progress: str, low_priority: bool, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Train the active model on the triplets it has not seen, and promote it if it got better.

    Resumes a run that was killed. Needs the packages of `pip install whetstone-fix[train]`.
    """
    from rich.console import Console

    from trainer import team
    from trainer.errors import AlreadyRunning
    from trainer.reporter import ConsoleReporter, JsonReporter
    from trainer.retrain import help_out, plan
    from trainer.retrain import retrain as run_training

    quiet_libraries()
    if low_priority and hasattr(os, "nice"):
        os.nice(10)
    if not team.leads():
        help_out()
        return
    reporter: ConsoleReporter | JsonReporter = ConsoleReporter(Console(stderr=as_json))
    if progress == "json":
        reporter = JsonReporter(sys.stdout)
    try:
        with reporter:
            options, tools = _compose(given, gate, reporter)
            if dry_run:
                click.echo(json.dumps(plan(options, tools), indent=2))
                return
            result = run_training(options, tools, fresh=fresh)
    except (NotEnoughData, AlreadyRunning):
        if if_enough:
            return
        raise
    facts = {
        "run": str(result.run), "promoted": result.promoted, "reason": result.reason,
        "answer": result.answer, "model": result.model,
    }  # fmt: skip
    if isinstance(reporter, JsonReporter):
        reporter.write("result", **facts, before=result.before, after=result.after)
    elif as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        verdict = "Promoted" if result.promoted else "Kept, but not promoted"
        click.echo(f"{verdict}: {result.model or 'no model'}: {result.reason}.")
        click.echo(f"What was learnt: trainer report {result.run.name}")
        if result.model and not result.promoted:
            click.echo(f"To serve it all the same: trainer models use {result.model}")
    if not result.promoted and not if_enough:
        sys.exit(5 if result.answer == "undecided" else 1)


def _compose(
    given: dict[str, Any], gate: str | None, reporter: Reporter
) -> tuple[RetrainOptions, Tools]:
    """Put together what a run works with."""
    from trainer.options import RetrainOptions
    from trainer.retrain import Tools
    from whetstone.models.registry import Registry
    from whetstone.preferences.store import PreferenceStore
    from whetstone.settings import load_settings

    settings, problems = load_settings(Path.cwd())
    for problem in problems:
        reporter.say(problem)
    chosen = {name: value for name, value in given.items() if value is not None}
    chosen.setdefault("min_pairs", settings.train.min_pairs)
    options = RetrainOptions(**chosen)
    preferences: Preferences
    if options.preferences is not None:
        from trainer.pool import PooledPairs

        preferences = PooledPairs(
            options.preferences,
            limit=options.max_pairs,
            held_out=options.held_out,
            seed=options.seed,
            say=reporter.say,
        )
    else:
        store = PreferenceStore.open()
        click.get_current_context().call_on_close(store.close)
        for notice in store.notices:
            reporter.say(notice)
        preferences = store

    def evaluate(engine: Any, limit: int | None) -> Any:
        from trainer.evaluation import run_static

        return run_static(engine, settings, limit=limit)

    tools = Tools(
        preferences=preferences,
        registry=Registry(),
        evaluate=evaluate,
        reporter=reporter,
        gate=gate or "judge",  # type: ignore[arg-type]
    )
    return options, tools


def quiet_libraries() -> None:
    """Their bars and notices would bury ours; errors still come through."""
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="torch|transformers|trl|peft")


if __name__ == "__main__":
    main()
