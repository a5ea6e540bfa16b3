"""What a set of triplets is: counts, lengths, noise, and how it was made."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from trainer.triplets.triplet import Triplet
from whetstone.paths import atomic_write_bytes
from whetstone.preferences.exchange import need_pyarrow
from whetstone.prompt import FormatName

_COUNTED = ("source", "rejected_is", "chosen_is", "chosen_by", "origin", "licence", "kind")
_TITLES = {
    "source": "Where they come from",
    "rejected_is": "What is rejected",
    "chosen_is": "What is chosen",
    "chosen_by": "Who says that the chosen answer is right",
    "origin": "Files and packages, the 20 largest",
    "licence": "Licences",
    "kind": "Kinds of bug",
}


def make_card(
    triplets: Sequence[Triplet], rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]
) -> dict[str, Any]:
    """The card as a value.

    Args:
        rows: the triplets as they are written.
        made: facts about the making, copied into it.
    """
    return {
        "triplets": len(triplets),
        "groups": len({each.group for each in triplets}),
        "counts": {
            name: dict(Counter(str(getattr(each, name)) for each in triplets).most_common())
            for name in _COUNTED
        },
        "characters": {name: _spread([len(row[name]) for row in rows])
                       for name in ("prompt", "chosen", "rejected")},
        "largest_group": max(Counter(each.group for each in triplets).values(), default=0),
        **made,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
    }  # fmt: skip


def _spread(lengths: Sequence[int]) -> dict[str, float]:
    ordered = sorted(lengths) or [0]
    return {
        "mean": round(sum(ordered) / len(ordered), 1),
        "median": ordered[len(ordered) // 2],
        "p95": ordered[len(ordered) * 95 // 100],
        "max": ordered[-1],
    }


def markdown(card: Mapping[str, Any]) -> str:
    """The card to read."""
    parts = [
        "# Preference triplets",
        f"{card['triplets']:,} triplets of {card['groups']:,} programs and files, made by "
        f"`{card['command']}` in {card['seconds'] / 60:.1f} minutes ({card['machine']}), seed "
        f"{card['seed']}, prompt format {card['format']}. Largest group: {card['largest_group']}.",
        "Columns `prompt`, `chosen` and `rejected` are text as TRL reads it; the others say where "
        "a row comes from, and `triplet` holds it independent of the format.",
    ]
    for name in _COUNTED:
        found = list(card["counts"][name].items())
        parts.append(f"## {_TITLES[name]}\n\n" + _table(found[:20], card["triplets"]))
    lengths = [
        f"| {name} | {row['mean']} | {row['median']} | {row['p95']} | {row['max']} |"
        for name, row in card["characters"].items()
    ]
    head = "| characters | mean | median | 95 % below | longest |\n|---|---|---|---|---|\n"
    parts.append("## Lengths\n\n" + head + "\n".join(lengths))
    parts.append("## Noise\n\n" + _noise(card["noise"]))
    left_out = "\n".join(f"- {reason}: {count}" for reason, count in card["left_out"].items())
    parts.append(f"## Left out\n\n{left_out or 'nothing'}")
    return "\n\n".join(parts) + "\n"


def _table(found: Sequence[tuple[str, int]], total: int) -> str:
    lines = [f"| {name or 'not told'} | {count} | {count / max(1, total):.1%} |"
             for name, count in found]  # fmt: skip
    return "| | triplets | share |\n|---|---|---|\n" + "\n".join(lines)


def _noise(noise: Mapping[str, Any]) -> str:
    text = (
        f"{noise['checked']} verified mutants were run once more: {noise['wrong']} ended in "
        "another way than before."
    )
    for source, share in noise["store"].items():
        text += f" Choices of the source {source}: {share:.1%} contradict others."
    return text


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write it whole or not at all. Raises UsageError without pyarrow."""
    pyarrow = need_pyarrow()
    import pyarrow.parquet as parquet

    types = {"weight": pyarrow.float64()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in rows[0]])
    stream = BytesIO()
    parquet.write_table(
        pyarrow.Table.from_pylist(list(rows), schema=schema), stream, compression="zstd"
    )
    atomic_write_bytes(path, stream.getvalue(), mode=0o600)


def read_parquet(path: Path) -> list[Triplet]:
    """The triplets of a file that `write_parquet` wrote."""
    import json

    need_pyarrow()
    import pyarrow.parquet as parquet

    column = parquet.read_table(path, columns=["triplet"])["triplet"]
    return [Triplet.from_json(json.loads(text)) for text in column.to_pylist()]


def rows_of(triplets: Sequence[Triplet], format: FormatName) -> list[dict[str, Any]]:
    return [each.row(format) for each in triplets]
