"""What the page says, put together from the run folder and the preference store.

The run folder keeps numbers and the ids of pairs; the texts come from the store, so a choice that
was deleted there is not shown any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.run_folder import RunFolder
from whetstone.preferences.records import Pair

_EXAMPLES = 5  # of each kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One choice; `before` and `after` are margins in nats, `before` 0 where it is a gain."""

    pair: Pair
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """Evaluation problems of one kind, and how many each model fixed."""

    kind: str
    total: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Training pairs of one source or diagnostic code.

    `learnt` is the mean growth of their margins over the reference in nats, None when nothing of
    them was seen in training; `noise` is the label smoothing, None where it does not apply.
    """

    name: str
    pairs: int
    learnt: float | None
    noise: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything on the page."""

    run: str
    config: Mapping[str, Any]
    state: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    kinds: tuple[KindRow, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    better: tuple[Example, ...]
    worse: tuple[Example, ...]
    missing: int  # held-out pairs that are no longer stored
    by_source: tuple[SourceRow, ...]
    by_code: tuple[SourceRow, ...]
    most: tuple[Example, ...]
    least: tuple[Example, ...]

    @property
    def verdict(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.state.get("verdict") or {}
        return found


def collect(run: RunFolder, stored: Iterable[Pair]) -> Content:
    """Raises TrainingError when the run's record is damaged."""
    config, state = run.read_json("config.json"), run.state
    pairs = {pair.id: pair for pair in stored}
    verdict = state.get("verdict") or {}
    held = [row for row in verdict.get("pairs", ()) if row["pair"] in pairs]
    examples = [
        Example(pair=pairs[row["pair"]], before=row["before"], after=row["after"]) for row in held
    ]
    examples.sort(key=lambda example: -example.change)
    learnt = {int(pair): margin for pair, margin in state.get("learnt", {}).items()}
    gains = [
        Example(pair=pairs[pair], before=0.0, after=margin)
        for pair, margin in sorted(learnt.items(), key=lambda item: -item[1])
        if pair in pairs
    ]
    cases = verdict.get("cases", ())
    return Content(
        run=run.name,
        config=config,
        state=state,
        metrics=tuple(run.metrics()),
        kinds=_kinds(cases),
        gained=tuple(row["case"] for row in cases if row["after"] and not row["before"]),
        lost=tuple(row["case"] for row in cases if row["before"] and not row["after"]),
        better=tuple(example for example in examples[:_EXAMPLES] if example.change > 0),
        worse=tuple(example for example in examples[::-1][:_EXAMPLES] if example.change < 0),
        missing=len(verdict.get("pairs", ())) - len(held),
        by_source=_sources(config, gains),
        by_code=_grouped(gains, lambda pair: pair.problem.diagnostic.code or "no code"),
        most=tuple(gains[:_EXAMPLES]),
        least=tuple(gain for gain in gains[::-1][:_EXAMPLES] if gain.after < gains[0].after / 2),
    )


def _kinds(cases: Iterable[Mapping[str, Any]]) -> tuple[KindRow, ...]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in cases:
        groups[row["kind"]].append(row)
    return tuple(
        KindRow(
            kind=kind,
            total=len(rows),
            before=sum(row["before"] for row in rows),
            after=sum(row["after"] for row in rows),
        )
        for kind, rows in sorted(groups.items())
    )


def _sources(config: Mapping[str, Any], gains: Iterable[Example]) -> tuple[SourceRow, ...]:
    """By source; those whose answers all stood alone have no margin."""
    learnt = {row.name: row.learnt for row in _grouped(gains, lambda pair: pair.source)}
    noise = config.get("noise", {})
    return tuple(
        SourceRow(name=name, pairs=count, learnt=learnt.get(name), noise=noise.get(name, 0.0))
        for name, count in sorted(config.get("sources", {}).items(), key=lambda item: -item[1])
    )


def _grouped(gains: Iterable[Example], key: Any) -> tuple[SourceRow, ...]:
    groups: dict[str, list[float]] = defaultdict(list)
    for gain in gains:
        groups[key(gain.pair)].append(gain.after)
    rows = sorted(groups.items(), key=lambda item: -len(item[1]))
    return tuple(
        SourceRow(name=name, pairs=len(values), learnt=sum(values) / len(values))
        for name, values in rows
    )
