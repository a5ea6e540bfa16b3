"""Choosing the options: one after the other, each against the best so far, until time is up."""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from whetstone.engine.base import Engine
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.llama.model import Model
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import Machine, TuningRecord
from whetstone.errors import ModelError
from whetstone.models import ModelEntry
from whetstone.tuning.probe import ANSWER_TOKENS, ANSWERS, Probe, Rates, sample_prompts, timed

_WORTH = 1.03  # a change must be this much faster: less is noise
_SPECULATION_LINES = 10  # short prompts: what is compared is the answers

# (what is chosen, the values to try; the field, or fields, that take them)
_STAGES: tuple[tuple[str, tuple[str, ...], tuple[Any, ...]], ...] = (
    ("micro-batch", ("ubatch", "batch"), (128, 512, 1024)),
    ("flash attention", ("flash_attention",), ("on", "off")),
    ("cache type", ("kv_type",), ("q8_0",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement, or why there is none. `fix_s`: seconds until four answers are there."""

    what: str
    value: str
    fix_s: float | None
    rates: Rates | None = None
    note: str = ""
    chosen: bool = False


@dataclass(slots=True, kw_only=True)
class Search:
    """The best options so far, and every row measured on the way."""

    entry: ModelEntry
    seconds: float
    tell: Callable[[Row], None] = lambda row: None
    options: EngineOptions = field(default_factory=EngineOptions)
    rows: list[Row] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    _best: Rates | None = None
    _end: float = 0.0

    def run(self) -> TuningRecord:
        """Measure until `seconds` are over; the record is not stored yet.

        Raises:
            ModelError: the model cannot be loaded or run at all.
        """
        self._end = time.monotonic() + self.seconds
        model = Model(self.entry.path, gpu_layers=self.options.gpu_layers)
        try:
            probe = Probe(model)
            self._best = probe.measure(self.options)
            self._keep(Row(what="defaults", value="", fix_s=self._best.fix_s, rates=self._best))
            counts = thread_counts(os.cpu_count() or 1)
            self._stage(probe, "threads", ("threads", "threads_batch"), counts)
            self._stage(probe, "threads of a prompt", ("threads_batch",), counts)
            self._speculation()
            for what, names, values in _STAGES:
                self._stage(probe, what, names, values)
            on_gpu = model.on_gpu
        finally:
            model.close()
        if on_gpu:
            self._without_gpu()
        return self._record()

    def _stage(
        self, probe: Probe, what: str, names: tuple[str, ...], values: tuple[Any, ...]
    ) -> None:
        """Try each value; keep the best, when it is worth a change."""
        assert self._best is not None
        default = getattr(self.options, names[0])
        measured: list[tuple[Any, Rates]] = []
        for value in values:
            if value == default or not self._time_for(what, str(value)):
                continue
            try:
                options = dataclasses.replace(self.options, **dict.fromkeys(names, value))
                rates = probe.measure(options)
            except (ModelError, ValueError) as error:
                self._keep(Row(what=what, value=str(value), fix_s=None, note=str(error)))
                continue
            measured.append((value, rates))
            self._keep(Row(what=what, value=str(value), fix_s=rates.fix_s, rates=rates))
        if not measured:
            return
        value, rates = min(measured, key=lambda item: item[1].fix_s)
        gain = self._best.fix_s / rates.fix_s
        if gain >= _WORTH:
            self.options = dataclasses.replace(self.options, **dict.fromkeys(names, value))
            self._choose(what, str(value), gain)
            self._best = rates

    def _without_gpu(self) -> None:
        """Is the GPU really faster than the processor?"""
        assert self._best is not None
        if not self._time_for("layers on the GPU", "none"):
            return
        model = Model(self.entry.path, gpu_layers=0)
        try:
            rates = Probe(model).measure(dataclasses.replace(self.options, gpu_layers=0))
        finally:
            model.close()
        self._keep(Row(what="layers on the GPU", value="none", fix_s=rates.fix_s, rates=rates))
        gain = self._best.fix_s / rates.fix_s
        if gain >= _WORTH:
            self.options = dataclasses.replace(self.options, gpu_layers=0)
            self._choose("layers on the GPU", "none", gain)
            self._best = rates

    def _speculation(self) -> None:
        """Real answers to the same questions, with and without guessing ahead."""
        assert self._best is not None
        needed = 6 * (self._best.fix_s + 0.1)
        if self._end - time.monotonic() < needed:
            self._keep(Row(what="speculation", value="off", fix_s=None, note="no time left"))
            return
        means: dict[bool, float] = {}
        for speculation in (True, False):
            options = dataclasses.replace(self.options, speculation=speculation)
            engine = LlamaEngine(self.entry.path, model_id=self.entry.model_id, options=options)
            try:
                prompts = sample_prompts(self.entry.prompt_format, lines=_SPECULATION_LINES)
                times = [timed(functools.partial(_answer, engine, p)) for p in prompts]
            finally:
                engine.close()
            means[speculation] = sum(times) / len(times)
            value = "on" if speculation else "off"
            self._keep(Row(what="speculation", value=value, fix_s=means[speculation]))
        if means[True] > means[False] * _WORTH:
            self.options = dataclasses.replace(self.options, speculation=False)
            self._choose("speculation", "off", means[True] / means[False])
        else:
            self.reasons.append(
                f"speculation on: {means[False] / means[True]:.2f} times as fast as without"
            )

    def _time_for(self, what: str, value: str) -> bool:
        if time.monotonic() < self._end:
            return True
        self._keep(Row(what=what, value=value, fix_s=None, note="no time left"))
        return False

    def _choose(self, what: str, value: str, gain: float) -> None:
        self.reasons.append(f"{what} {value}: {gain:.2f} times as fast as before")
        for number, row in enumerate(self.rows):
            if (row.what, row.value) == (what, value):
                self.rows[number] = dataclasses.replace(row, chosen=True)

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        self.tell(row)

    def _record(self) -> TuningRecord:
        assert self._best is not None
        return TuningRecord(
            model_id=self.entry.model_id,
            machine=Machine.this(),
            options=self.options,
            measured={
                "prompt_tokens_per_s": round(self._best.prompt, 1),
                "single_tokens_per_s": round(self._best.single, 1),
                "four_answers_tokens_per_s": round(self._best.four, 1),
                "fix_s": round(self._best.fix_s, 4),
                "fix_s_with_defaults": round(self.rows[0].fix_s or 0.0, 4),
            },
            reasons=tuple(self.reasons) or ("the defaults were the fastest",),
        )


def thread_counts(cores: int) -> tuple[int, ...]:
    """Numbers of threads worth trying; half of the cores, at most 8, is the default."""
    default = max(1, min(8, cores // 2))
    return tuple(sorted({1, cores // 2, 3 * cores // 4, cores} - {0, default}))


def _answer(engine: Engine, prompt: Any) -> None:
    for _ in engine.generate(prompt, n=ANSWERS, max_tokens=ANSWER_TOKENS):
        pass
