"""Importing large packages without what nobody here uses of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _Unopened(ModuleType):
    """Runs its own code when more is asked of it than a module inside it."""

    def __getattr__(self, name: str) -> Any:
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__ is not None and self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def leave_unopened(package: str) -> None:
    """Let modules inside `package` be imported without all that its `__init__` imports.

    Whoever asks for a name of the package itself gets it: its code runs then. Does nothing when the
    package was imported already, or is not there.
    """
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if spec is not None:
        module = importlib.util.module_from_spec(spec)
        module.__class__ = _Unopened
        sys.modules[package] = module


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Inside, importing `packages` fails as if they were not installed; loaded ones stay."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
