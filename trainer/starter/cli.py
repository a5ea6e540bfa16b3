"""`trainer starter`: grow the embedded model from random weights, in stages that resume."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from trainer.starter.config import StarterConfig, load_config
from whetstone.errors import TrainingError
from whetstone.paths import data_dir

STAGES = ("corpus", "samples", "tokenizer", "tokens", "train", "hf", "gguf", "measure", "card")


@click.command()
@click.option("--size", default="nano", show_default=True, help="A configuration of this package.")
@click.option("--out", type=click.Path(path_type=Path), help="Work folder; kept.")
@click.option("--minutes", type=float, help="End the training after so long, fully decayed.")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, path_type=Path),
    help="Start from the weights and vocabulary of another work folder or of a GGUF file.",
)
@click.option(
    "--until",
    type=click.Choice(STAGES),
    default="card",
    show_default=True,
    help="The last stage to run.",
)
@click.option("--quantization", default="f16", show_default=True, help="Of the GGUF.")
def starter(
    size: str,
    out: Path | None,
    minutes: float | None,
    source: Path | None,
    until: str,
    quantization: str,
) -> None:
    """Grow the starter model: data, tokenizer, training, GGUF, model card.

    Every stage leaves its result in the work folder. Run the command again after an interruption
    and it goes on; delete a result to make it, and what follows, anew.
    """  # fmt: skip
    config = load_config(size)
    folder = out or data_dir() / "starter" / size
    folder.mkdir(parents=True, exist_ok=True)
    if source is not None:
        continue_from(source, folder, config)
    for stage in STAGES[: STAGES.index(until) + 1]:
        run_stage(stage, config, folder, minutes=minutes, quantization=quantization)


def continue_from(source: Path, out: Path, config: StarterConfig) -> None:
    """Give `out` the weights and the tokenizer of `source`, once; its progress begins at zero.

    Raises:
        TrainingError: `source` is a folder without a checkpoint, or a model of another shape.
    """
    import torch

    from trainer.starter.card import CONTINUED
    from trainer.starter.train import CHECKPOINT

    if (out / CHECKPOINT).exists():
        return  # already begun: the run goes on from there
    if source.is_file():
        state = _state_of_gguf(source, out, config)
    elif (source / CHECKPOINT).exists():
        state = torch.load(source / CHECKPOINT, map_location="cpu", weights_only=True)
        shutil.copytree(source / "tokenizer", out / "tokenizer", dirs_exist_ok=True)
    else:
        raise TrainingError(f"--from {source}: no {CHECKPOINT} there. Name a work folder.")
    (out / CONTINUED).write_text(source.name + "\n", encoding="utf-8")
    temporary = out / f"{CHECKPOINT}.tmp"
    torch.save({**state, "step": 0, "tokens": 0, "seconds": 0.0}, temporary)
    temporary.replace(out / CHECKPOINT)


def _state_of_gguf(source: Path, out: Path, config: StarterConfig) -> dict[str, Any]:
    """The weights of a GGUF file with fresh optimizers; its tokenizer is left in `out`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from export.gguf_to_hf import gguf_to_hf
    from trainer.starter.model import make_model
    from trainer.starter.optim import Masters

    with tempfile.TemporaryDirectory(prefix="whetstone-from-") as name:
        folder = gguf_to_hf(source, Path(name, "hf"))
        AutoTokenizer.from_pretrained(folder).save_pretrained(out / "tokenizer")
        read = AutoModelForCausalLM.from_pretrained(folder)
    model = make_model(config)
    try:
        model.load_state_dict(read.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            f"--from {source}: not of the shape that {config.size}.toml asks for. Choose that size."
        ) from error
    return Masters(model, config.train).state()


def run_stage(
    stage: str, config: StarterConfig, out: Path, *, minutes: float | None, quantization: str
) -> None:
    """Run one stage, or find its result there."""
    from trainer.starter import data

    workers = os.cpu_count() or 1
    if stage == "corpus":
        data.make_corpus(config, out, click.echo)
    elif stage == "samples":
        data.make_sample_files(config, out, click.echo, workers)
    elif stage == "tokenizer":
        data.make_tokenizer(config, out, click.echo)
    elif stage == "tokens":
        data.make_tokens(out, click.echo)
    elif stage == "train":
        train(config, out, minutes)
    elif stage == "hf":
        from trainer.starter.model import save_hf

        click.echo(f"weights: {save_hf(config, out)}")
    elif stage == "gguf":
        click.echo(f"GGUF: {write_gguf(out, quantization)}")
    elif stage == "measure":
        from trainer.starter.measure import measure

        click.echo(f"measured: {measure(out)}")
    elif stage == "card":
        from trainer.starter.card import write_card

        click.echo(f"model card: {write_card(config, out)}")


def write_gguf(out: Path, quantization: str) -> Path:
    """out/starter.gguf, verified against the weights it was made from."""
    from export.quantize import export_gguf
    from export.verify import verify_export

    path = out / "starter.gguf"
    path.unlink(missing_ok=True)
    export_gguf(out / "hf", path, quantization=quantization)
    verify_export(out / "hf", path, quantization=quantization)
    return path


def train(config: StarterConfig, out: Path, minutes: float | None) -> None:
    """Start the training processes, show their progress, and wait for them."""
    import torch

    world = 1 if torch.cuda.is_available() else min(config.train.processes, os.cpu_count() or 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seconds = (minutes or 0) * 60
    command = [sys.executable, "-m", "trainer.starter.train", str(out), config.size]
    processes = [
        subprocess.Popen([*command, str(rank), str(world), str(port), str(seconds)])
        for rank in range(world)
    ]
    shown = ""
    try:
        while any(process.poll() is None for process in processes):
            if any(process.poll() not in (None, 0) for process in processes):
                break
            time.sleep(1.0)
            shown = _show(out / "train.jsonl", shown)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
    if any(process.wait() != 0 for process in processes):
        raise TrainingError(
            "The training ended early; its messages are above. Run the command again: it goes on "
            "from the last checkpoint."
        )


def _show(path: Path, shown: str) -> str:
    """Print the newest line of the log, once."""
    if not path.exists():
        return shown
    last = path.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
    if last and last != shown:
        row = json.loads(last)
        click.echo(
            f"{row['used']:6.1%}  step {row['step']}  {row['tokens'] / 1e6:.2f} M tokens  "
            f"loss {row['loss']:.3f}  answers {row['answer_loss']:.3f}  "
            f"{row['tokens_per_s']} tokens/s"
        )
    return last
