"""Reading pairs from a file that anyone may have made: every row is checked, bad ones are counted.

A row needs `problem`, because a pair without it can neither be rendered for another model nor
compared with a candidate; so a plain TRL file, which has only texts, is not taken (train on such a
file with TRL itself). The answers come from `chosen` and `rejected` (or `completion` and `label`):
where `answers` agrees with the text it supplies the exact lines, else the text counts, so that an
edited file means what it shows.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from whetstone.errors import UsageError
from whetstone.ignored import is_ignored
from whetstone.preferences.exchange import need_pyarrow
from whetstone.preferences.outcome import same_text
from whetstone.preferences.recording import redact_problem, redact_replacement
from whetstone.preferences.records import NewPair, replacement_from_json
from whetstone.preferences.store import PreferenceStore
from whetstone.problem import Problem, Region, Replacement, Span
from whetstone.prompt import FORMATS, FormatName, answer_text, parse
from whetstone.settings import IGNORE_GLOBS

MAX_FILE_BYTES = 1 << 30
MAX_ROW_BYTES = 2_000_000
MAX_TEXT_CHARS = 400_000
MAX_LINES = 5_000
MAX_WEIGHT = 100.0
_BATCH = 200
_EXAMPLES = 3
_GROUPS = ("head", "above", "flagged", "below", "hints")
_ID = re.compile(r"[\w-]{0,64}")
_SEVERITIES = ("error", "warning", "information", "hint")


class BadRow(Exception):
    """Why a row is not taken, in a few words that many rows can share."""


@dataclass(slots=True, kw_only=True)
class Imported:
    """What came of a file. `examples` holds the first row numbers for each reason."""

    added: int = 0
    known: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def reject(self, number: int, reason: str) -> None:
        self.bad[reason] += 1
        numbers = self.examples.setdefault(reason, [])
        if len(numbers) < _EXAMPLES:
            numbers.append(number)


def import_pairs(store: PreferenceStore | None, path: Path) -> Imported:
    """Add the pairs of a JSONL or Parquet file; those already stored are skipped.

    Rows are added in batches: after a crash, import the file again. Without a store the file is
    only checked.

    Raises:
        UsageError: the file cannot be read, is too large, or is neither of the two kinds.
        StoreError: the database cannot be written; what was added before stays.
    """
    result = Imported()
    good = _good_rows(_read(path), result)
    while batch := list(islice(good, _BATCH)):
        if store is None:
            result.added += len(batch)
            continue
        added = sum(pair_id is not None for pair_id in store.add_pairs(batch))
        result.added += added
        result.known += len(batch) - added
    return result


def _good_rows(rows: Iterable[Mapping[str, Any] | BadRow], result: Imported) -> Iterator[NewPair]:
    for number, row in enumerate(rows, start=1):
        try:
            if isinstance(row, BadRow):
                raise row
            yield parse_row(row)
        except BadRow as error:
            result.reject(number, str(error))


# -- files --------------------------------------------------------------------------------------


def _read(path: Path) -> Iterator[Mapping[str, Any] | BadRow]:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            is_parquet = stream.read(4) == b"PAR1"
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if size > MAX_FILE_BYTES:
        raise UsageError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB. Split it.")
    return _read_parquet(path) if is_parquet else _read_jsonl(path)


def _read_jsonl(path: Path) -> Iterator[Mapping[str, Any] | BadRow]:
    with path.open("rb") as stream:
        while line := stream.readline(MAX_ROW_BYTES + 1):
            if len(line) > MAX_ROW_BYTES:
                while line and not line.endswith(b"\n"):
                    line = stream.readline(MAX_ROW_BYTES)
                yield BadRow(f"longer than {MAX_ROW_BYTES:,} bytes")
            elif line.strip():
                yield _parse_line(line)


def _parse_line(line: bytes) -> Mapping[str, Any] | BadRow:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return BadRow("not UTF-8")
    except (ValueError, RecursionError):
        return BadRow("not JSON")
    return row if isinstance(row, dict) else BadRow("not a JSON object")


def _read_parquet(path: Path) -> Iterator[Mapping[str, Any] | BadRow]:
    pyarrow = need_pyarrow()
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            meta = file.metadata
            unpacked = sum(
                meta.row_group(number).total_byte_size for number in range(meta.num_row_groups)
            )
            if unpacked > MAX_FILE_BYTES:
                raise UsageError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB once unpacked.")
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UsageError(f"{path}: a damaged Parquet file ({error}).") from error


# -- rows ---------------------------------------------------------------------------------------


def parse_row(row: Mapping[str, Any]) -> NewPair:
    """One row as a pair. Raises BadRow with the reason."""
    problem = _problem(row)
    # Compared as they will be stored: two texts may differ in nothing but a secret.
    chosen, rejected = (
        None if side is None else redact_replacement(problem, side) for side in _sides(row, problem)
    )
    if chosen is not None and rejected is not None and same_text(chosen, rejected):
        raise BadRow("chosen and rejected are the same text")
    unchanged = Replacement(kind="replace", lines=problem.flagged)
    if chosen is not None and same_text(chosen, unchanged):
        raise BadRow("chosen changes nothing")
    return NewPair(
        problem=problem,
        chosen=chosen,
        rejected=rejected,
        weight=_weight(row.get("weight")),
        source=_word(row, "source") or "imported",
        model_id=_word(row, "model_id"),
        suggestion_id=_suggestion_id(row),
        created_at=_time(row.get("created_at")),
    )


def _problem(row: Mapping[str, Any]) -> Problem:
    text = row.get("problem")
    if text is None or text == "":
        raise BadRow("no `problem` column: plain text pairs cannot be rendered for another model")
    try:
        data = json.loads(text) if isinstance(text, str) and len(text) <= MAX_ROW_BYTES else text
        if not all(isinstance(data.get(group, []), list) for group in _GROUPS):
            raise TypeError
        problem = Problem.from_json(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRow("`problem` is not one of Whetstone's") from None
    _check_problem(problem)
    if is_ignored(Path(problem.name), IGNORE_GLOBS):
        raise BadRow("from a file that is never recorded")
    return redact_problem(problem)


def _check_problem(problem: Problem) -> None:
    region, diagnostic = problem.region, problem.diagnostic
    texts = (diagnostic.source, diagnostic.code, diagnostic.message, problem.name, problem.failure)
    groups = (problem.head, problem.above, problem.flagged, problem.below, problem.hints)
    sound = (
        all(isinstance(text, str) and len(text) <= MAX_TEXT_CHARS for text in texts)
        and diagnostic.severity in _SEVERITIES
        and _whole_numbers(diagnostic.span)
        and _whole_numbers(region)
        and region.start <= region.stop
        and len(region) == len(problem.flagged)
    )
    if not sound:
        raise BadRow("`problem` is not one of Whetstone's")
    for group in groups:
        _check_lines(group, "problem")


def _whole_numbers(value: Span | Region) -> bool:
    numbers = [getattr(value, name) for name in value.__dataclass_fields__]
    return all(type(number) is int and 0 <= number < 10_000_000 for number in numbers)


def _check_lines(lines: tuple[str, ...], column: str) -> None:
    if len(lines) > MAX_LINES or sum(map(len, lines)) > MAX_TEXT_CHARS:
        raise BadRow(f"`{column}` is too long")
    if any("\n" in line or "\r" in line for line in lines):
        raise BadRow(f"`{column}` has a line ending inside a line")


def _sides(
    row: Mapping[str, Any], problem: Problem
) -> tuple[Replacement | None, Replacement | None]:
    if "completion" in row or "label" in row:
        if not isinstance(row.get("label"), bool):
            raise BadRow("`label` is not true or false")
        side = "chosen" if row["label"] else "rejected"
        answer = _answer(row, "completion", side, problem)
        return (answer, None) if row["label"] else (None, answer)
    return _answer(row, "chosen", "chosen", problem), _answer(row, "rejected", "rejected", problem)


def _answer(row: Mapping[str, Any], column: str, side: str, problem: Problem) -> Replacement:
    text = row.get(column)
    if not isinstance(text, str):
        kind = "a conversation" if isinstance(text, list) else "no text"
        raise BadRow(f"`{column}` is {kind}")
    if len(text) > MAX_TEXT_CHARS:
        raise BadRow(f"`{column}` is too long")
    formats = [name for name in FORMATS if row.get("format") in (name, None, "")]
    exact = _exact(row.get("answers"), side)
    if exact is not None and any(_reads_as(problem, exact, name, text) for name in formats):
        return exact
    for name in formats:
        if (answer := parse(text, problem, name)) is not None:
            _check_lines(answer.lines, column)
            return answer
    raise BadRow(f"`{column}` is not an answer in a known prompt format")


def _exact(answers: Any, side: str) -> Replacement | None:
    try:
        answer = replacement_from_json(json.dumps(json.loads(answers)[side]))
        _check_lines(answer.lines, "answers")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return answer


def _reads_as(problem: Problem, answer: Replacement, format: FormatName, text: str) -> bool:
    return answer_text(problem, answer, format) == text


def _weight(value: Any) -> float:
    if value is None:
        return 1.0
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 < value <= MAX_WEIGHT:
        raise BadRow(f"`weight` is not a number above 0 and up to {MAX_WEIGHT:.0f}")
    return float(value)


def _word(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise BadRow(f"`{column}` is not a short text")
    return value


def _suggestion_id(row: Mapping[str, Any]) -> str:
    value = _word(row, "suggestion_id")
    if not _ID.fullmatch(value):
        raise BadRow("`suggestion_id` is not an id")
    return value


def _time(value: Any) -> str | None:
    """A time as the store writes it; None for now, also when it is no time or lies ahead."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        time = time.astimezone(UTC)
    except (ValueError, AttributeError, TypeError, OverflowError):
        return None
    if time > datetime.now(UTC):
        return None
    return str(time.isoformat(timespec="milliseconds")).replace("+00:00", "Z")
