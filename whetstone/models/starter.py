"""Where the embedded model lies."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from whetstone.errors import ModelError


def starter_path() -> Path:
    """The GGUF that ships in the package.

    Raises:
        ModelError: this copy of Whetstone has none.
    """
    resource = resources.files("whetstone").joinpath("starter/starter.gguf")
    # A path, and not a stream: llama.cpp maps the file, so a zipped package cannot serve it.
    if not isinstance(resource, Path) or not resource.is_file():
        raise ModelError(
            "This copy of Whetstone has no embedded starter model. Fetch a model with "
            "`whetstone models pull qwen2.5-coder-0.5b`, or grow the starter with "
            "`trainer starter`."
        )
    return resource
