"""The workspace's folders, each with settings of its own.

A document takes the settings and the root of the innermost folder that holds it; one that no folder
holds, those of the first. The model is one for the whole connection, so what the engine is built
from comes from the first folder always; the adapter over it is each folder's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from whetstone.settings import Settings

Sent = Mapping[str, Any] | None
Load = Callable[[Path | None, Mapping[str, Any]], tuple[Settings, list[str]]]

ENGINE_FIELDS = (
    "model", "engine", "openai", "threads", "context_tokens", "gpu_layers", "cache_mb",
    "cache_on_disk", "context_shift",
)  # fmt: skip


class Folders:
    """Roots and their settings. Only the event loop touches it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.roots: list[Path] = []
        self.common = Settings()
        self._own: dict[Path, Settings] = {}
        self._initial: Mapping[str, Any] = {}
        self._sent: Sent = None
        self._scoped: dict[Path, Sent] = {}

    @property
    def first(self) -> Path | None:
        return self.roots[0] if self.roots else None

    def root(self, path: Path | None) -> Path | None:
        """The innermost folder that holds `path`, else the first one."""
        holding = [root for root in self.roots if path is not None and path.is_relative_to(root)]
        return max(holding, key=lambda root: len(root.parts), default=self.first)

    def settings(self, path: Path | None) -> Settings:
        root = self.root(path)
        return self.common if root is None else self._own.get(root, self.common)

    def change(self, added: Sequence[Path], removed: Sequence[Path]) -> list[str]:
        """Folders were added or removed; returns messages for the user."""
        self.roots = [root for root in self.roots if root not in removed]
        self.roots += [root for root in added if root not in self.roots]
        return self._read()

    def start(self, roots: Sequence[Path], options: Sent) -> list[str]:
        """Take the folders and the options of `initialize`; returns messages for the user."""
        self.roots, self._initial = list(roots), _inner(options)
        return self._read()

    def configure(self, sent: Sent, scoped: Mapping[Path, Sent] | None = None) -> list[str]:
        """Take what the editor sent for all, and for single folders; returns messages."""
        self._sent, self._scoped = sent, dict(scoped or {})
        return self._read()

    def _read(self) -> list[str]:
        """Read files, environment and what was sent once more."""
        overrides = _merge(self._initial, _inner(self._sent))
        first_sent = _inner(self._scoped.get(self.roots[0])) if self.roots else {}
        self.common, problems = self._load(self.first, _merge(overrides, first_sent))
        engine = {name: getattr(self.common, name) for name in ENGINE_FIELDS}
        self._own = {}
        for root in self.roots[1:]:
            own, more = self._load(root, _merge(overrides, _inner(self._scoped.get(root))))
            self._own[root] = dataclasses.replace(own, **engine)
            problems += more
        return list(dict.fromkeys(problems))


def _inner(sent: Sent) -> Mapping[str, Any]:
    """The settings inside an optional `whetstone` object."""
    if not isinstance(sent, Mapping):
        return {}
    inner = sent.get("whetstone", sent)
    return inner if isinstance(inner, Mapping) else sent


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(old, value)
        elif value is not None:
            merged[key] = value
    return merged
