"""A small world to train in: a data folder with a tiny active model and stored triplets.

Fixtures of tests/trainer and tests/cuda, which import them into their conftest.py.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from whetstone.models.registry import Registry
from whetstone.preferences.records import NewPair, Pair
from whetstone.preferences.store import PreferenceStore
from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span


def make_problem(number: int, *, above: tuple[str, ...] | None = None) -> Problem:
    """A misspelt name in a function of its own."""
    return Problem(
        name=f"file{number}.py",
        diagnostic=Diagnostic(
            source="ruff",
            code="F821",
            message=f"undefined name 'lenght_{number}'",
            span=Span(start_line=2, end_line=2),
        ),
        region=Region(start=2, stop=3),
        above=above or (f"def measure_{number}(items):", f"    length_{number} = len(items)"),
        flagged=(f"    return lenght_{number}",),
    )


def make_new_pair(number: int, weight: float = 1.0) -> NewPair:
    return NewPair(
        problem=make_problem(number),
        chosen=Replacement(kind="replace", lines=(f"    return length_{number}",)),
        rejected=Replacement(kind="replace", lines=("    pass",)),
        weight=weight,
    )


def make_pair(number: int, weight: float = 1.0, trained_run: str | None = None) -> Pair:
    new = make_new_pair(number, weight)
    return Pair(
        id=number,
        suggestion_id="",
        problem_id=f"problem-{number}",
        problem=new.problem,
        chosen=new.chosen,
        rejected=new.rejected,
        weight=weight,
        source="test",
        model_id="m",
        created_at="2026-01-01",
        trained_run=trained_run,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    data: Path
    registry: Registry
    store: PreferenceStore

    @property
    def runs(self) -> Path:
        return self.data / "runs"


@pytest.fixture(scope="session")
def tiny_gguf(tiny_hf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from export.quantize import export_gguf

    out = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return export_gguf(tiny_hf, out, quantization="q8_0").path


@pytest.fixture
def world(tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """24 new triplets of 24 problems, and the tiny model served."""
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "data"))
    registry = Registry()
    registry.add(tiny_gguf, name="tiny")
    registry.use("tiny")
    with PreferenceStore.open() as store:
        store.add_pairs(make_new_pair(number) for number in range(24))
        yield World(data=tmp_path / "data", registry=registry, store=store)


@pytest.fixture
def new_pair() -> Callable[..., NewPair]:
    return make_new_pair


@pytest.fixture
def pair() -> Callable[..., Pair]:
    return make_pair


@pytest.fixture
def problem() -> Callable[..., Problem]:
    return make_problem


# -- programs with tests, as the files of training problems hold them ------------------------------

CODE = """\
def total_{n}(values, least):
    result = 0
    for value in values:
        if value > least:
            result += value - {n}
    return result
"""
TEST = """\
def check(candidate):
    assert candidate([5, 9, 1], 2) == {a}
    assert candidate([], 2) == 0
    assert candidate([3, 4, 100], 3) == {b}
    assert candidate([7], 7) == 0
"""


def row(number: int) -> dict[str, str]:
    return {
        "id": f"totals/{number}",
        "licence": "MIT",
        "setup": "from math import *",
        "code": CODE.format(n=number),
        "test": TEST.format(a=14 - 2 * number, b=104 - 2 * number),
        "entry_point": f"total_{number}",
    }


@pytest.fixture
def code() -> str:
    """One of the programs."""
    return CODE.format(n=99)


@pytest.fixture
def programs_file(tmp_path: Path) -> Path:
    """Fourteen programs, one of them wrong by its own tests."""
    rows = [row(number) for number in range(2, 16)]
    rows[5]["code"] = rows[5]["code"].replace("+=", "-=")
    path = tmp_path / "programs.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in rows)
    return path
