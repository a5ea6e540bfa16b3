"""The engine that the settings and the model registry ask for."""

from __future__ import annotations

from pathlib import Path
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
    path, model_id = _model_file(settings, registry)
    from whetstone.engine.llama import LlamaEngine  # compiled code: only where a model is used

    return LlamaEngine(
        path,
        model_id=model_id,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
    )


def _model_file(settings: Settings, registry: Registry) -> tuple[Path, str]:
    if settings.model and settings.model.endswith(".gguf"):
        from whetstone.models import file_id

        path = Path(settings.model).expanduser()
        return path, file_id(path)
    entry = registry.get(settings.model) if settings.model else registry.active()
    return entry.path, entry.model_id
