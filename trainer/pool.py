"""Pooled preferences: Parquet files of a team, on anything that fsspec reads, streamed.

The files are those of `whetstone prefs export FILE.parquet`. However many rows there are, a run
keeps a bounded number: of the problems, ordered by a hash that depends on the problem and the run's
seed only, the first `limit` pairs' worth to train on, and as many problems as a gate needs to judge
by. So a row costs a hash, and only what is kept is parsed. The same files give the same pairs, in
whatever order and pieces they come.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.selection import HELD_OUT_LIMIT, position
from whetstone.errors import TrainingError
from whetstone.preferences.importing import MAX_ROW_BYTES, BadRow, parse_row
from whetstone.preferences.records import Pair, PairKind

_BATCH = 1_000  # rows in memory at a time, beside those that are kept
_NEEDED = ("problem", "answers")
_COLUMNS = (
    *_NEEDED, "chosen", "rejected", "completion", "label", "weight", "source", "model_id",
    "suggestion_id", "created_at", "format", "prompt",
)  # fmt: skip

Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was read. `bad` counts the kept rows that could not be used, by reason."""

    rows: int = 0
    files: int = 0
    bad: Counter[str] = field(default_factory=Counter)

    def summary(self, kept: int) -> str:
        text = f"{self.rows:,} pooled pairs in {self.files} files; {kept:,} of them are used."
        if self.bad:
            reasons = ", ".join(f"{reason} ({count})" for reason, count in self.bad.most_common(3))
            text += f" {self.bad.total()} were left out: {reasons}."
        return text


class PooledPairs:
    """Stands for the preference store: the pairs of `url`, read once, when they are asked for."""

    def __init__(
        self,
        url: str,
        *,
        limit: int,
        held_out: float,
        seed: int,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Nothing is read yet.

        Args:
            url: of a file, or of several with * in its path.
            limit: pairs to train on at most.
            held_out: share of the problems that are judged by, as in `select`.
            say: told how much was read and used.
        """
        self._url, self._held_out, self._seed, self._say = url, held_out, seed, say
        self._train = _Sample(limit)
        self._judge = _Sample(HELD_OUT_LIMIT)
        self._pairs: list[Pair] | None = None
        self.seen = Seen()

    def pairs(self, *, kind: PairKind = "triplets", untrained_only: bool = False) -> list[Pair]:
        """Raises TrainingError when the files cannot be read, or hold nothing of use."""
        if self._pairs is None:
            self._read()
            self._pairs = list(self._parsed())
            if not self._pairs:
                raise TrainingError(
                    f"{self._url}: {self.seen.summary(0)} Write such files with "
                    "`whetstone prefs export FILE.parquet`."
                )
            self._say(self.seen.summary(len(self._pairs)))
        return [pair for pair in self._pairs if kind == "all" or pair.is_triplet]

    def mark_trained(self, pair_ids: list[int], run_id: str) -> None:
        """The pool belongs to everybody: which run used what is written in the run folder only."""

    def _read(self) -> None:
        for batch in _batches(self._url, self.seen):
            problems = batch.column("problem").to_pylist()
            answers = batch.column("answers").to_pylist()
            self.seen.rows += len(problems)
            for index, (problem, answer) in enumerate(zip(problems, answers, strict=True)):
                self._consider(batch, index, str(problem), str(answer))

    def _consider(self, batch: Any, index: int, problem: str, answer: str) -> None:
        problem_id = _digest(problem)
        judged_by = position(problem_id) < self._held_out
        sample = self._judge if judged_by else self._train
        key = hashlib.sha256(f"{self._seed} {problem_id} {answer}".encode("utf-8", "replace"))
        # Whole problems before parts of them: judgements of one problem are compared.
        rank = (hashlib.sha256(f"{self._seed} {problem_id}".encode()).digest(), key.digest())
        if sample.wants(rank):
            sample.add(rank, batch.slice(index, 1).to_pylist()[0])

    def _parsed(self) -> Iterator[Pair]:
        for rank, row in [*self._judge.kept(), *self._train.kept()]:
            try:
                if sum(len(str(value)) for value in row.values()) > MAX_ROW_BYTES:
                    raise BadRow(f"longer than {MAX_ROW_BYTES:,} bytes")
                new = parse_row(row)
            except BadRow as error:
                self.seen.bad[str(error)] += 1
                continue
            yield Pair(
                id=int.from_bytes(rank[1][:7], "big"),
                suggestion_id=new.suggestion_id,
                problem_id=_digest(str(row["problem"])),
                problem=new.problem,
                chosen=new.chosen,
                rejected=new.rejected,
                weight=new.weight,
                source=new.source,
                model_id=new.model_id,
                created_at=new.created_at or "",
            )


class _Sample:
    """The rows of the smallest ranks. Rows of the same rank are the same row."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[bytes, tuple[bytes, bytes]]] = []  # inverted: the largest is first
        self._rows: dict[tuple[bytes, bytes], Row] = {}

    def wants(self, rank: tuple[bytes, bytes]) -> bool:
        if rank in self._rows:
            return False
        return len(self._heap) < self._size or rank < self._heap[0][1]

    def add(self, rank: tuple[bytes, bytes], row: Row) -> None:
        heapq.heappush(self._heap, (_inverted(rank), rank))
        self._rows[rank] = row
        if len(self._heap) > self._size:
            del self._rows[heapq.heappop(self._heap)[1]]

    def kept(self) -> list[tuple[tuple[bytes, bytes], Row]]:
        return sorted(self._rows.items(), key=lambda item: item[0])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _inverted(rank: tuple[bytes, bytes]) -> bytes:
    return bytes(255 - value for value in b"".join(rank))


def _batches(url: str, seen: Seen) -> Iterator[Any]:
    """Record batches of all files, a thousand rows at a time."""
    import fsspec
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        files = fsspec.open_files(url, "rb")
        if not files:
            raise TrainingError(f"{url}: no such file.")
        for opened in files:
            with opened as stream:
                # Read a megabyte of each column at a time: a row group may be the whole file.
                file = parquet.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20)
                columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
                if missing := [name for name in _NEEDED if name not in columns]:
                    raise TrainingError(
                        f"{url}: a file without the column {missing[0]}. Write such files with "
                        "`whetstone prefs export FILE.parquet`."
                    )
                seen.files += 1
                yield from file.iter_batches(batch_size=_BATCH, columns=columns, use_threads=False)
    except (pyarrow.ArrowException, OSError, ValueError, ImportError) as error:
        raise TrainingError(f"{url}: cannot be read ({error}).") from error
