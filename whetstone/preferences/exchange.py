"""Pairs as files that TRL reads as they are, and that come back without loss.

    triplets    prompt, chosen, rejected       TRL's preference format (DPOTrainer)
    unpaired    prompt, completion, label      TRL's unpaired preference format (KTOTrainer)

All of them strings (label: a boolean), the prompt explicit and rendered for one prompt format, the
end token left to the trainer. Beside them stand columns that TRL ignores: `problem` (JSON), from
which a pair can be rendered for any other model, `answers` (JSON: the sides as line lists, exact
to the last space), weight, source, model_id, format, suggestion_id, created_at.

Which runs trained on a pair is this machine's own business and not written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from whetstone.errors import NotEnoughData, StoreError, UsageError
from whetstone.paths import atomic_write_bytes
from whetstone.preferences.records import Pair
from whetstone.prompt import FormatName

FileKind = Literal["jsonl", "parquet"]
EXTRA_COLUMNS = (
    "problem", "answers", "weight", "source", "model_id", "format", "suggestion_id", "created_at",
)  # fmt: skip
_SUFFIXES: dict[str, FileKind] = {".jsonl": "jsonl", ".json": "jsonl", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote and what it left out."""

    rows: int
    same: int  # pairs whose sides are the same once rendered in this format


def triplet_row(pair: Pair, format: FormatName) -> dict[str, Any]:
    """One row of TRL's preference format. Raises ValueError when a side is missing."""
    return {
        "prompt": pair.prompt(format),
        "chosen": pair.chosen_text(format),
        "rejected": pair.rejected_text(format),
        **_extra(pair, format),
    }


def unpaired_row(pair: Pair, format: FormatName) -> dict[str, Any]:
    """One row of TRL's unpaired preference format; `label` is true for a chosen answer."""
    good = pair.chosen is not None
    text = pair.chosen_text(format) if good else pair.rejected_text(format)
    return {
        "prompt": pair.prompt(format),
        "completion": text,
        "label": good,
        **_extra(pair, format),
    }


def _extra(pair: Pair, format: FormatName) -> dict[str, Any]:
    sides = {"chosen": pair.chosen, "rejected": pair.rejected}
    answers = {name: asdict(side) for name, side in sides.items() if side is not None}
    return {
        "problem": json.dumps(pair.problem.to_json(), ensure_ascii=False),
        "answers": json.dumps(answers, ensure_ascii=False),
        "weight": pair.weight,
        "source": pair.source,
        "model_id": pair.model_id,
        "format": format,
        "suggestion_id": pair.suggestion_id,
        "created_at": pair.created_at,
    }


def rows(pairs: Sequence[Pair], format: FormatName) -> tuple[list[dict[str, Any]], int]:
    """Triplets as rows of one file, or unpaired ones; and how many say nothing in this format."""
    triplets = [pair for pair in pairs if pair.is_triplet]
    if not triplets:
        return [unpaired_row(pair, format) for pair in pairs], 0
    kept = [triplet_row(pair, format) for pair in triplets if pair.differs(format)]
    return kept, len(triplets) - len(kept)


def export_pairs(pairs: Sequence[Pair], path: Path, *, format: FormatName = "chat") -> Exported:
    """Write pairs, all triplets or all unpaired, to a .jsonl, .json or .parquet file, atomically.

    Raises:
        NotEnoughData: there is nothing to write; no file was touched.
        UsageError: the file's name does not tell its kind.
        StoreError: the file cannot be written.
    """
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: give the file the ending .jsonl or .parquet.")
    table, same = rows(pairs, format)
    if not table:
        raise NotEnoughData(f"There are no pairs to export for the format {format}. {path} was not "
                            "written.")  # fmt: skip
    data = _jsonl(table) if kind == "jsonl" else _parquet(table)
    try:
        atomic_write_bytes(path, data)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error}).") from error
    return Exported(rows=len(table), same=same)


def _jsonl(table: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table).encode()


def _parquet(table: list[dict[str, Any]]) -> bytes:
    pyarrow = need_pyarrow()
    import pyarrow.parquet as parquet

    types = {"weight": pyarrow.float64(), "label": pyarrow.bool_()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in table[0]])
    stream = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(table, schema=schema), stream)
    return stream.getvalue()


def need_pyarrow() -> Any:
    """The pyarrow module. Raises UsageError that says how to get it."""
    try:
        import pyarrow
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which comes with the training packages: "
            "`pip install 'whetstone-fix[train]'`. Or use a .jsonl file."
        ) from error
    return pyarrow
