"""From a user's first choices to a model, by four ways, each through `trainer.retrain.retrain`.

    sft-accepted   the fixes of ours that were accepted, nothing else
    sft-chosen     those, and what the user wrote
    sft-dpo        what `trainer retrain` does
    kto            the same with `--loss kto`: every answer judged alone
    analogies      no training at all: the starter, and what the user did twice (whetstone.analogy)

The two SFT controls get as many epochs as SFT and DPO together. The gate measures the held-out
choices and promotes whatever passed verification, so that the curve shows what training does; the
gate's own judgement is measured apart (`loop.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.static_suite import Outcome as CaseOutcome
from trainer.options import RetrainOptions
from trainer.reporter import SilentReporter
from trainer.retrain import GateMode, Tools, retrain
from whetstone.analogy import Rewrite, choices_of, learn
from whetstone.engine.base import Engine
from whetstone.models.registry import Registry
from whetstone.preferences.records import Pair, PairKind
from whetstone.preferences.store import PreferenceStore

METHODS = ("sft-accepted", "sft-chosen", "sft-dpo", "kto", "analogies")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured:
    """Stands for the static suite where it is measured apart."""

    outcomes: Sequence[CaseOutcome] = ()


class Choices:
    """The pairs of the first so many choices of a store, or of those in some aspects only."""

    def __init__(
        self, store: PreferenceStore, suggestions: Sequence[str], *, accepted: bool = False
    ) -> None:
        self._store, self._suggestions = store, frozenset(suggestions)
        self._accepted = accepted
        self._trained: dict[int, str] = {}

    def pairs(self, *, kind: PairKind = "triplets", untrained_only: bool = False) -> list[Pair]:
        found = [
            dataclasses.replace(pair, trained_run=self._trained.get(pair.id))
            for pair in self._store.pairs(kind=kind)
            if pair.suggestion_id in self._suggestions
        ]
        if self._accepted:
            kept = {pair.suggestion_id for pair in found if pair.source == "accepted"}
            found = [pair for pair in found if pair.suggestion_id in kept]
        return [pair for pair in found if not untrained_only or pair.trained_run is None]

    def mark_trained(self, pair_ids: list[int], run_id: str) -> None:
        """Remembered here: the store stays as the user left it, for the other methods."""
        self._trained.update(dict.fromkeys(pair_ids, run_id))

    def grow(self, suggestions: Sequence[str]) -> None:
        self._suggestions |= set(suggestions)


def rewrites_of(pairs: Sequence[Pair]) -> tuple[Rewrite, ...]:
    """What these choices teach without training."""
    return learn(choices_of((p.suggestion_id, p.problem, p.chosen, p.rejected) for p in pairs))


def options_for(method: str, seed: int, base: Path, changes: Mapping[str, Any]) -> RetrainOptions:
    """The defaults of `trainer retrain`, and what makes the method."""
    options = RetrainOptions(**{"min_pairs": 2, "seed": seed, "base": str(base), **changes})
    if method.startswith("sft-") and method != "sft-dpo":
        epochs = options.sft_epochs + options.dpo_epochs
        return dataclasses.replace(options, sft_epochs=epochs, dpo_epochs=0)
    return dataclasses.replace(options, loss="kto") if method == "kto" else options


def train(
    options: RetrainOptions, choices: Choices, folder: Path, *, gate: GateMode = "force"
) -> dict[str, Any]:
    """Train on `choices` in `folder`; the model is in the registry there."""
    tools = Tools(
        preferences=choices,
        registry=Registry(folder / "models"),
        evaluate=_nothing,
        reporter=SilentReporter(),
        gate=gate,
        root=folder / "runs",
    )
    result = retrain(options, tools)
    assert result.model is not None, result.reason
    return {
        "model": str(tools.registry.get(result.model).path),
        "reason": result.reason,
        "held_out": {"before": result.before, "after": result.after},
    }


def train_again(
    options: RetrainOptions,
    store: PreferenceStore,
    suggestions: Sequence[str],
    points: Sequence[int],
    folder: Path,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What `train` finds after each of `points` choices, each time from the model before."""
    choices = Choices(store, ())
    for point in points:
        choices.grow(suggestions[:point])
        yield point, train(options, choices, folder)
        options = dataclasses.replace(options, base=None)  # what was promoted


def _nothing(engine: Engine, limit: int | None) -> NotMeasured:
    return NotMeasured()
