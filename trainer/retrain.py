"""`trainer retrain`: from stored preferences to a served model, in stages that survive a kill.

    prepared -> sft -> dpo -> merged -> exported -> verified -> gated -> promoted | kept

Every stage reads what the one before left in the run folder and is recorded when it is done. The
next `trainer retrain` goes on after the last recorded stage, and inside training from the last
whole checkpoint. The active model is served all along.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol

from trainer.disk import check_room, disk_errors
from trainer.errors import Diverged
from trainer.examples import data_hash, pair_to_json
from trainer.gate import Evaluate
from trainer.lock import training_lock
from trainer.options import RetrainOptions
from trainer.rehearsal import kinds_of
from trainer.reporter import Reporter, SilentReporter
from trainer.run_folder import RunFolder, runs_root, tried_pairs, unfinished
from trainer.selection import PairSource, Selection, select
from trainer.sequential import Answer
from trainer.team import Lead
from trainer.team import help_out as help_with
from whetstone.errors import TrainingError
from whetstone.models.adapters import base_name
from whetstone.models.entry import ModelEntry
from whetstone.models.habits import Habits, habits_of
from whetstone.models.registry import Registry

GateMode = Literal["judge", "force", "never"]
TRAINED = ("sft", "dpo")  # the stages that several processes do together


class Preferences(PairSource, Protocol):
    """The part of the preference store that a run needs."""

    def mark_trained(self, pair_ids: list[int], run_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended. `model` is the registered name, None when nothing was registered.

    `before` and `after` are what the gate measured of the active and the new model (the summaries
    of `gate.Scores`); None when the file failed verification and was not measured.
    """

    run: Path
    promoted: bool
    reason: str
    model: str | None
    answer: Answer
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Everything outside the run that it works with, put together by the command line.

    `gate`: "judge" decides by measurement, "force" promotes what passed verification whatever the
    gate says, "never" keeps it.
    """

    preferences: Preferences
    registry: Registry
    evaluate: Evaluate
    reporter: Reporter
    gate: GateMode = "judge"
    root: Path | None = None


def retrain(options: RetrainOptions, tools: Tools, *, fresh: bool = False) -> Result:
    """Finish the unfinished run, or begin a new one and carry it through.

    Args:
        fresh: give an unfinished run up and begin a new one; pairs of runs whose model was kept
            back count as new again.

    Raises:
        NotEnoughData: too few new triplets; nothing was changed.
        AlreadyRunning: another process trains.
        TrainingError: a stage failed; unless it can only fail again, the next call resumes there.
    """
    root = tools.root or runs_root()
    with Lead() as lead, training_lock(root), disk_errors(root):
        run = unfinished(root)
        if run is not None and fresh:
            run.finish("failed", reason="given up for a fresh run", given_up=True)
            _clean(run, keep_merged=False)
            run = None
        if run is None:
            run = _begin(root, options, tools, again=fresh)
        else:
            tools.reporter.say(f"Resuming {run.name} after stage {run.stage!r}.")
        return _carry_through(run, tools, lead)


def help_out() -> None:
    """A further process of a run: trains with the first one, and leaves all else to it."""
    from trainer.stages import TrainingStages

    def stages_of(path: Path) -> dict[str, Callable[[], object]]:
        stages = TrainingStages(RunFolder(path), SilentReporter())
        return {"sft": stages.sft, "dpo": stages.dpo}

    help_with(stages_of)


def plan(options: RetrainOptions, tools: Tools) -> dict[str, Any]:
    """What a new run would use, without beginning it. Raises as `retrain` does."""
    root = tools.root or runs_root()
    active = tools.registry.active()
    tried = tried_pairs(root, active.model_id)
    chosen = select(tools.preferences, options, active.prompt_format, tried=tried)
    return _config(options, active, tools.registry.base_of(active), chosen)


def _begin(root: Path, options: RetrainOptions, tools: Tools, *, again: bool) -> RunFolder:
    active = tools.registry.active()
    tried = set() if again else tried_pairs(root, active.model_id)
    chosen = select(tools.preferences, options, active.prompt_format, tried=tried)
    base = tools.registry.base_of(active)
    check_room(root, base.parameters, base.size)
    run = RunFolder.create(
        root,
        _config(options, active, base, chosen),
        {
            "train": [pair_to_json(pair) for pair in chosen.train],
            "held_out": [pair_to_json(pair) for pair in chosen.held_out],
        },
    )
    alone = sum(not pair.is_triplet for pair in chosen.train)
    tools.reporter.say(
        f"{run.name}: {len(chosen.train) - alone} triplets and {alone} answers without a partner "
        f"to train on ({chosen.replayed} of them from earlier runs), {len(chosen.held_out)} "
        f"triplets held out, starting from {active.model_id}."
    )
    return run


def _config(
    options: RetrainOptions, active: ModelEntry, base: ModelEntry, chosen: Selection
) -> dict[str, Any]:
    as_adapter = options.adapter if options.adapter is not None else active.base is not None
    packages = ("torch", "transformers", "peft", "trl", "whetstone-fix")
    return {
        "options": options.for_run(active.parameters, len(chosen.train)).to_json(),
        "seed": options.seed,
        "parent": active.model_id,
        "parent_name": active.name,
        "adapter": as_adapter,
        "base": base.model_id,
        "base_path": str(base.path),
        "parent_adapter": _training_adapter(active),
        "training_base": options.base or active.training_base or base.training_base,
        "format": active.prompt_format,
        "habits": _habits(active, chosen).to_json(),
        "quantization": options.quantization or active.quantization.lower(),
        "data_hash": data_hash((*chosen.train, *chosen.held_out)),
        "train": len(chosen.train),
        "unpaired": sum(not pair.is_triplet for pair in chosen.train),
        "held_out": len(chosen.held_out),
        "replayed": chosen.replayed,
        "fresh": list(chosen.fresh),
        "sources": dict(Counter(pair.source for pair in chosen.train)),
        "noise": dict(chosen.noise),
        "versions": {name: version(name) for name in packages} | {"python": sys.version.split()[0]},
    }


def _habits(active: ModelEntry, chosen: Selection) -> Habits:
    """What these choices say, and those that the active model was trained on."""
    before = habits_of(active.path, "model" if active.base is None else "adapter")
    pairs = (*chosen.train, *chosen.held_out)
    return (before or Habits()).then(
        Habits.of_counts(kinds_of(pairs, "chosen"), kinds_of(pairs, "rejected"))
    )


def _training_adapter(active: ModelEntry) -> str | None:
    """The folder of the active adapter, which training goes on from; None for a whole model."""
    if active.base is None:
        return None
    if active.training_adapter is None or not Path(active.training_adapter).is_dir():
        raise TrainingError(
            f"{active.name}: the folder that this adapter can be trained further from "
            f"({active.training_adapter or 'none was named'}) is gone. Train from its model again: "
            f"`trainer models use {base_name(active)}`, then `trainer retrain --adapter --fresh`."
        )
    return active.training_adapter


def _carry_through(run: RunFolder, tools: Tools, lead: Lead) -> Result:
    from trainer.stages import Stages  # torch: not before there is something to train

    stages = Stages(run, tools)
    work: tuple[tuple[Any, Callable[[], dict[str, Any]]], ...] = (
        ("sft", stages.sft),
        ("dpo", stages.dpo),
        ("merged", stages.merge),
        ("exported", stages.export),
        ("verified", stages.verify),
        ("gated", stages.gate),
    )
    entry = tools.registry.base_of(tools.registry.active())
    try:
        for stage, step in work:
            if not run.has(stage):
                tools.reporter.stage(stage)
                check_room(run.path, entry.parameters, entry.size, stage)
                if stage in TRAINED:
                    stages.get_ready()
                    lead.begin(stage, run.path)
                run.finish(stage, **step())
            if stage in TRAINED:
                lead.done(last=stage == TRAINED[-1])
    except Diverged as error:
        run.finish("failed", reason=str(error))
        _clean(run, keep_merged=False, keep_checkpoints=True)
        raise
    return _conclude(run, tools)


def _conclude(run: RunFolder, tools: Tools) -> Result:
    """Register the model, promote it or not, and tidy up. Harmless to repeat."""
    config, state = run.read_json("config.json"), run.state
    verified, verdict = bool(state["verification"]["passed"]), state["verdict"]
    promote = verified and (tools.gate == "force" or (tools.gate == "judge" and verdict["passed"]))
    reason = str(verdict["reason"])
    if tools.gate == "never" and verdict["passed"]:
        reason = f"not promoted because --no-promote was given; {reason}"
    name = None
    if verified:
        name = _model_name(config["parent_name"], run.name)
        tools.registry.add(
            run.path / "model.gguf",
            name=name,
            parent=config["parent"],
            metrics={key: verdict[key] for key in ("active", "candidate", "answer", "reason")},
            data={
                "run": run.name,
                "hash": config["data_hash"],
                "train": config["train"],
                "held_out": config["held_out"],
                "sources": config.get("sources", {}),
                "base": config["training_base"],
            },
            **_further(run, config, tools, promote=promote),
        )
    if promote and name:
        if tools.registry.active_name() != name:
            tools.registry.promote(name, reason)
        if config["options"].get("preferences") is None:  # pooled pairs are nobody's to mark
            tools.preferences.mark_trained(config["fresh"], run.name)
    run.finish("promoted" if promote else "kept", reason=reason, model=name)
    _clean(run, keep_merged=promote)
    return Result(
        run=run.path,
        promoted=promote,
        reason=reason,
        model=name,
        answer=verdict["answer"],
        before=verdict["active"],
        after=verdict["candidate"],
    )


def _further(
    run: RunFolder, config: Mapping[str, Any], tools: Tools, *, promote: bool
) -> dict[str, Any]:
    """What the next run goes on from: the merged model, or the adapter and its base."""
    if not config["adapter"]:
        return {"training_base": str(run.path / "merged") if promote else None}
    return {
        "base": tools.registry.base_of(tools.registry.get(config["parent_name"])),
        "training_base": config["training_base"],
        "training_adapter": str(run.path / "dpo"),
    }


def _model_name(parent: str, run: str) -> str:
    """`starter-20261124-103012-4f2a`, not longer with every generation."""
    stem = parent
    parts = parent.rsplit("-", 3)
    if len(parts) == 4 and parts[1].isdigit() and parts[2].isdigit():
        stem = parts[0]
    return f"{stem}-{run}"


def _clean(run: RunFolder, *, keep_merged: bool, keep_checkpoints: bool = False) -> None:
    """Leave the record and the adapter; user code (pairs.json) and large files go."""
    checkpoints = () if keep_checkpoints else ("sft-checkpoints", "dpo-checkpoints")
    for name in ("base", "sft", *checkpoints):
        shutil.rmtree(run.path / name, ignore_errors=True)
    if not keep_merged:
        shutil.rmtree(run.path / "merged", ignore_errors=True)
    named = ("pairs.json", "reference.safetensors", "model.gguf")
    for path in (*(run.path / name for name in named), *run.path.glob(".*.tmp")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
