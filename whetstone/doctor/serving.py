"""Which model answers, how it is run and why, and what would be faster."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from whetstone.doctor.finding import Finding
from whetstone.doctor.machine import memory_mb
from whetstone.engine.load import options_for
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import TuningRecord, read_tuning
from whetstone.errors import ModelError
from whetstone.models import ModelEntry, Registry
from whetstone.models.adapters import adapted
from whetstone.settings import Settings

_REMOTE_S = 5.0  # what a server may take to name its models
_WIDE = ("F32", "F16", "BF16")
_SECTION = "serving"


def serving(settings: Settings, registry: Registry, problems: Sequence[str]) -> Iterator[Finding]:
    for problem in problems:
        yield Finding(
            section=_SECTION, name="setting", value="not used", state="problem", advice=problem
        )
    if settings.engine == "openai":
        yield _remote(settings)
        return
    try:
        entry = adapted(registry, registry.resolve(settings.model), settings.adapter)
        base = registry.base_of(entry)
    except ModelError as error:
        yield Finding(
            section=_SECTION, name="model", value="none: only rules answer", state="problem",
            advice=str(error),
        )  # fmt: skip
        return
    why = "the registry's active model" if settings.model is None else "the setting `model`"
    if settings.adapter is not None:
        why = "the setting `adapter`"
    over = "" if entry.base is None else f", an adapter over {base.model_id}"
    yield Finding(section=_SECTION, name="model", value=f"{entry.model_id}{over} ({why})")
    yield from _options(settings, base)
    yield from _memory(base)
    if base.quantization.upper() in _WIDE and base.size > 100e6:
        yield Finding(
            section=_SECTION, name="quantization", value=base.quantization, state="advice",
            advice="A Q8_0 or Q4_K_M file of the same model answers 2 to 4 times as fast.",
        )  # fmt: skip


def _options(settings: Settings, entry: ModelEntry) -> Iterator[Finding]:
    record = read_tuning(entry.model_id)
    options = options_for(settings, entry.model_id)
    for name, value in options.to_json().items():
        why = _why(name, value, settings, record)
        yield Finding(section=_SECTION, name=name, value=f"{value} ({why})")
    if record is None:
        yield Finding(
            section=_SECTION, name="tuning", value="never measured", state="advice",
            advice="Run `whetstone tune`: ten seconds that choose threads, batches and more.",
        )  # fmt: skip
        return
    yield Finding(
        section=_SECTION, name="tuning", value=f"{record.made_at}: {'; '.join(record.reasons)}"
    )
    if settings.threads and settings.threads != record.options.threads:
        yield Finding(
            section=_SECTION, name="threads", value=f"set to {settings.threads}", state="advice",
            advice=f"Measured as fastest: {record.options.threads or 'the default'}. Unset "
            "`threads` to use it.",
        )  # fmt: skip


def _why(name: str, value: object, settings: Settings, record: TuningRecord | None) -> str:
    from_settings = {
        "context_tokens": True,
        "threads": bool(settings.threads),
        "threads_batch": bool(settings.threads),
        "gpu_layers": settings.gpu_layers >= 0,
    }
    if from_settings.get(name):
        return "settings"
    default = {field.name: field.default for field in dataclasses.fields(EngineOptions)}[name]
    if record is not None and value != default:
        return "measured"
    return "default"


def _memory(entry: ModelEntry) -> Iterator[Finding]:
    _, free = memory_mb()
    needed = entry.size / 1e6 * 1.1
    if free and needed > free:
        yield Finding(
            section=_SECTION, name="memory", state="problem",
            value=f"the model needs about {needed / 1000:.1f} GB, {free / 1000:.1f} GB are free",
            advice="Close something, or choose a smaller model with `whetstone models use NAME`.",
        )  # fmt: skip


def _remote(settings: Settings) -> Finding:
    """Ask the server for its models, as the editor does when it starts."""
    from whetstone.engine.openai import OpenAIEngine

    remote = settings.openai
    patient = dataclasses.replace(remote, timeout_s=min(remote.timeout_s, _REMOTE_S))
    try:
        engine = OpenAIEngine(dataclasses.replace(settings, openai=patient))
    except ModelError as error:
        return Finding(
            section=_SECTION, name="server", value=f"{remote.base_url} does not answer",
            state="problem", advice=f"{error} Until then only rules answer.",
        )  # fmt: skip
    return Finding(section=_SECTION, name="server", value=f"{engine.model_id} answers")
