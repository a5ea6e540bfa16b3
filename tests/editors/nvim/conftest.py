"""A Neovim for each test; those of the oldest that is supported must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from neovim import Neovim

VERSIONS = ("nvim-0.10", "nvim-newest")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(version, editor, world) -> Iterator[Callable[..., Neovim]]:
    started: list[Neovim] = []

    def begin(**options) -> Neovim:
        started.append(Neovim(editor(version), world.environment, **options))
        return started[-1]

    yield begin
    for each in started:
        each.quit()
