"""What a model's file says of its user: the kinds of fixes that they turned down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from whetstone.models.gguf_info import GGUF_TURNED_DOWN_KEY, GgufKind, read_gguf


def turned_down_text(kinds: Iterable[str]) -> str:
    """As the file keeps it: a JSON list of kinds of fixes (`whetstone.kinds`)."""
    return json.dumps(sorted(kinds))


def turned_down_in(metadata: Mapping[str, object]) -> frozenset[str] | None:
    """The kinds that a file's metadata name; None when it was trained on nobody's choices.

    What is no list of texts counts as one that names nothing: files come from anywhere.
    """
    text = metadata.get(GGUF_TURNED_DOWN_KEY)
    if text is None:
        return None
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def turned_down_of(path: Path, kind: GgufKind = "model") -> frozenset[str] | None:
    """The same of the file at `path`.

    Raises:
        ModelError: no GGUF file of that kind, or one that cannot be read.
    """
    return turned_down_in(read_gguf(path, kind=kind).metadata)
