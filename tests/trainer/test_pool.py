"""Pooled preferences: Parquet files by address, of which a bounded number is kept."""

from __future__ import annotations

import dataclasses
import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from retraining import FAST, tools

from trainer.pool import PooledPairs
from trainer.retrain import plan, retrain
from trainer.run_folder import RunFolder
from whetstone.errors import TrainingError
from whetstone.preferences.exchange import export_pairs
from whetstone.preferences.records import Pair

Write = Callable[..., Path]


@pytest.fixture
def write(pair: Any, tmp_path: Path) -> Write:
    """A file of the pairs with these numbers."""

    def make(numbers: range, name: str = "pool.parquet") -> Path:
        path = tmp_path / name
        export_pairs([pair(number) for number in numbers], path, format="compact")
        return path

    return make


def pool(url: object, **options: Any) -> PooledPairs:
    return PooledPairs(str(url), **{"limit": 50, "held_out": 0.2, "seed": 0, **options})


def names(pairs: list[Pair]) -> set[str]:
    return {pair.problem.name for pair in pairs}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The folder over HTTP, on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_every_kind_of_address_gives_the_same_pairs(write: Write) -> None:
    import fsspec

    path = write(range(30))
    with fsspec.open("memory://team/pool.parquet", "wb") as stream:
        stream.write(path.read_bytes())
    by_path = pool(path).pairs()
    assert len(by_path) == 30 and names(by_path) == {f"file{number}.py" for number in range(30)}
    for url in (path.as_uri(), "memory://team/pool.parquet"):
        assert pool(url).pairs() == by_path


def test_over_http(write: Write, served: str) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads http with aiohttp")
    path = write(range(30))
    assert pool(f"{served}/pool.parquet").pairs() == pool(path).pairs()


def test_several_files_in_any_order_are_one_pool(write: Write, tmp_path: Path) -> None:
    whole = pool(write(range(40), "whole.parquet"), limit=10).pairs()
    write(range(20, 40), "part-1.parquet")
    write(range(30), "part-2.parquet")  # ten of them twice
    said: list[str] = []
    parts = pool(tmp_path / "part-*.parquet", limit=10, say=said.append)
    assert parts.pairs() == whole
    assert said == [f"50 pooled pairs in 2 files; {len(whole)} of them are used."]


def test_what_is_kept_is_bounded_and_a_fair_draw(write: Write) -> None:
    path = write(range(400))
    drawn = [pool(path, limit=40, seed=seed) for seed in range(3)]
    kept = [pairs.pairs() for pairs in drawn]
    assert all(len(pairs._train._rows) == 40 for pairs in drawn)
    judged = [{p.id for p in pairs[:-40]} for pairs in kept]
    assert all(40 < len(each) < 130 for each in judged)  # a fifth of the problems
    trained = [names(pairs[-40:]) for pairs in kept]
    assert trained[0] != trained[1] != trained[2]
    numbers = sorted(int(name[4:-3]) for name in trained[0])
    assert numbers[0] < 80 and numbers[-1] > 320  # from everywhere in the file


def test_pairs_of_one_problem_stay_together(pair: Any, tmp_path: Path) -> None:
    twice = [
        dataclasses.replace(pair(number), weight=weight, rejected=rejected)
        for number in range(60)
        for weight, rejected in (
            (1.0, pair(0).rejected),
            (2.0, dataclasses.replace(pair(0).rejected, lines=("    return 0",))),
        )
    ]
    path = tmp_path / "pool.parquet"
    export_pairs(twice, path, format="compact")
    kept = pool(path, limit=20).pairs()[-20:]
    assert len(names(kept)) == 10


def test_bad_rows_are_counted_and_bad_files_named(pair: Any, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    good = tmp_path / "good.parquet"
    export_pairs([pair(number) for number in range(8)], good, format="compact")
    table = parquet.read_table(good).to_pylist()
    table[3]["problem"], table[4]["problem"] = "no json", None
    table[5]["answers"] = "[" * 1000
    parquet.write_table(pyarrow.Table.from_pylist(table), tmp_path / "mixed.parquet")
    mixed = pool(tmp_path / "mixed.parquet")
    assert len(mixed.pairs()) >= 5 and mixed.seen.bad.total() >= 2
    for name, data in (("cut", good.read_bytes()[:-40]), ("empty", b"")):
        (tmp_path / f"{name}.parquet").write_bytes(data)
        with pytest.raises(TrainingError, match="cannot be read"):
            pool(tmp_path / f"{name}.parquet").pairs()
    parquet.write_table(pyarrow.table({"text": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(TrainingError, match="without the column problem"):
        pool(tmp_path / "other.parquet").pairs()
    for url in (tmp_path / "nowhere.parquet", "memory://nowhere/*.parquet", "nosuch://x/y.parquet"):
        with pytest.raises(TrainingError, match=r"cannot be read|no such file"):
            pool(url).pairs()


def test_a_run_on_pooled_pairs_touches_nobody_s_store(world: Any, write: Write) -> None:
    path = write(range(300, 340))
    options = dataclasses.replace(FAST, preferences=str(path))
    pooled = dataclasses.replace(
        tools(world, 5, 5), preferences=pool(path, limit=options.max_pairs)
    )
    assert plan(options, pooled)["train"] == 40 - plan(options, pooled)["held_out"]
    result = retrain(options, pooled)
    assert RunFolder(result.run).stage in ("promoted", "kept")
    assert result.model is not None
    assert len(world.store.pairs(untrained_only=True)) == 24
