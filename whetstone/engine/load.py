"""The engine that the settings and the model registry ask for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whetstone.engine.base import Engine
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import read_tuning
from whetstone.errors import WhetstoneError
from whetstone.paths import data_dir
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.models import Registry


def load_engine(settings: Settings, registry: Registry) -> Engine:
    """Load the model that serves: a remote server, a file, a registry name, or the active one.

    Raises:
        ModelError: the model is missing, damaged or cannot be loaded.
    """
    if settings.engine == "openai":
        from whetstone.engine.openai import OpenAIEngine

        return OpenAIEngine(settings)
    entry = registry.resolve(settings.model)
    from whetstone.engine.llama import LlamaEngine  # compiled code: only where a model is used

    return LlamaEngine(
        entry.path,
        model_id=entry.model_id,
        options=options_for(settings, entry.model_id),
        state_folder=_state_folder(),
    )


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
    }
    if settings.threads:
        chosen |= {"threads": settings.threads, "threads_batch": settings.threads}
    if settings.gpu_layers >= 0:
        chosen["gpu_layers"] = settings.gpu_layers
    return dataclasses.replace(tuned, **chosen)
