"""The engine that the settings and the model registry ask for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whetstone.engine.base import Engine
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import read_tuning
from whetstone.errors import WhetstoneError
from whetstone.models.adapters import adapted
from whetstone.paths import data_dir
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.engine.llama import LlamaEngine
    from whetstone.models import Registry
    from whetstone.models.entry import ModelEntry


def load_engine(settings: Settings, registry: Registry) -> Engine:
    """Load the model that serves: a remote server, a file, a registry name, or the active one.

    With the adapter that the settings name, or that is active itself.

    Raises:
        ModelError: the model is missing, damaged or cannot be loaded.
    """
    if settings.engine == "openai":
        from whetstone.engine.openai import OpenAIEngine

        return OpenAIEngine(settings)
    entry = _wanted(settings, registry)
    base = registry.base_of(entry)
    return open_model(
        entry, base, options=options_for(settings, base.model_id), state_folder=_state_folder()
    )


def adapt(engine: Engine, settings: Settings, registry: Registry) -> bool:
    """Put the adapter that is wanted now, or none, over the model that `engine` has loaded.

    False when another model, or other options, are wanted: then `load_engine` is to be called.

    Raises:
        ModelError: the adapter cannot be used; the engine is as it was.
    """
    from whetstone.engine.llama import LlamaEngine

    if settings.engine == "openai" or not isinstance(engine, LlamaEngine):
        return False
    entry = _wanted(settings, registry)
    base = registry.base_of(entry)
    options = options_for(settings, base.model_id)
    if (engine.base_id, engine.options) != (base.model_id, options):
        return False
    if engine.model_id != entry.model_id:
        engine.use_adapter(_adapter(entry), model_id=entry.model_id)
    return True


def open_model(
    entry: ModelEntry,
    base: ModelEntry,
    *,
    options: EngineOptions | None = None,
    state_folder: Path | None = None,
) -> LlamaEngine:
    """A model of the registry, or an adapter over its `base`. Raises ModelError."""
    from whetstone.engine.llama import LlamaEngine  # compiled code: only where a model is used

    return LlamaEngine(
        base.path,
        model_id=entry.model_id,
        base_id=base.model_id,
        adapter=_adapter(entry),
        options=options,
        state_folder=state_folder,
    )


def _wanted(settings: Settings, registry: Registry) -> ModelEntry:
    return adapted(registry, registry.resolve(settings.model), settings.adapter)


def _adapter(entry: ModelEntry) -> Path | None:
    return None if entry.base is None else entry.path


def _state_folder() -> Path | None:
    try:
        return data_dir() / "prompts"
    except WhetstoneError:  # a home that cannot be written: the model serves all the same
        return None


def options_for(settings: Settings, model_id: str) -> EngineOptions:
    """What the tuning record of this model and machine says, where the settings leave it open."""
    record = read_tuning(model_id)
    tuned = EngineOptions() if record is None else record.options
    chosen: dict[str, Any] = {
        "context_tokens": settings.context_tokens,
        "cache_mb": settings.cache_mb,
        "cache_on_disk": settings.cache_on_disk,
        "context_shift": settings.context_shift,
    }
    if settings.threads:
        chosen |= {"threads": settings.threads, "threads_batch": settings.threads}
    if settings.gpu_layers >= 0:
        chosen["gpu_layers"] = settings.gpu_layers
    return dataclasses.replace(tuned, **chosen)
