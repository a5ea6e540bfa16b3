"""The engine that the settings and the model registry ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whetstone.engine.base import Engine
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
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
    )
