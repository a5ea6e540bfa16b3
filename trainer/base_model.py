"""The Hugging Face folder that a run trains from."""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path

from export.gguf_to_hf import gguf_to_hf
from export.hf_to_gguf import CONFIG_FORMAT_KEY, load_config
from whetstone.errors import TrainingError

log = logging.getLogger(__name__)

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def find_base(training_base: str | None, gguf: Path, folder: Path, *, insist: bool = False) -> Path:
    """The model to train: full precision where it can be had, else the GGUF's weights.

    Args:
        training_base: a local folder or hub repository that the registry names; may be gone.
        gguf: the file that serves, read back into `folder` when there is nothing better.
        insist: the user named `training_base`, so nothing else will do.

    Raises:
        TrainingError: neither can be used.
    """
    if training_base and (Path(training_base) / "config.json").is_file():
        return Path(training_base)
    if (
        training_base
        and not Path(training_base).is_absolute()
        and _HUB_NAME.fullmatch(training_base)
    ):
        fetched = _from_hub(training_base)
        if fetched:
            return fetched
    if insist:
        raise TrainingError(
            f"--base {training_base}: neither a folder with a config.json nor a hub repository "
            "that can be fetched now. Run again with --fresh and the folder of a model."
        )
    if not (folder / "config.json").is_file():
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        try:
            gguf_to_hf(gguf, temporary)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _from_hub(repository: str) -> Path | None:
    """A snapshot of the repository, or None without a network: the GGUF then serves as the base."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        patterns = ["*.json", "*.safetensors", "*.txt", "*.jinja"]
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        log.warning("%s cannot be fetched (%s); training from the GGUF file", repository, error)
        return None


def check_format(base: Path, format: str) -> None:
    """Raises TrainingError when the base model was made for another prompt format."""
    named = getattr(load_config(base), CONFIG_FORMAT_KEY, None) or "chat"
    if named != format:
        raise TrainingError(
            f"{base}: uses the prompt format {named!r}, the model that serves {format!r}. "
            "Give the folder that belongs to it with --base."
        )
