"""What each quantization type costs and keeps, measured on one model: the table of an export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.files import scratch_file
from export.importance import Importance
from export.llama_logits import LlamaLogits
from export.quantize import next_larger, quantize
from export.verify import CONTEXT, MARGIN_SLACK, TEXTS, Comparison, compare_logits, file_margin

# Small to large; the reference, F16, comes last.
COMPARED = ("q4_k_m", "q5_k_m", "q6_k", "q8_0", "bf16", "f16")
REFERENCE = "f16"
_SMALL_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """One type beside F16.

    `mean_kl` is Kullback-Leibler divergence of the type to F16 in nats, averaged over positions;
    `margin_kept` the share of the preference margin that training added and the type keeps.
    """

    quantization: str
    size: int  # bytes
    mean_kl: float
    top1_agreement: float
    margin_kept: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare_types(
    full: Path,
    types: Sequence[str] = COMPARED,
    *,
    texts: Sequence[str] = TEXTS,
    importance: Importance | None = None,
    pairs: Sequence[Comparison] = (),
    margin_before: float | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> list[TypeRow]:
    """Quantize the GGUF `full` (F32 or BF16) to every type and compare each with F16.

    Files are written beside `full`, one at a time, and removed.

    Args:
        importance: for the K-quants; see `export.importance`.
        pairs: held-out pairs, to tell how much of what was learnt a type keeps.
        margin_before: their mean margin before training, in nats.
    """
    with scratch_file(full.with_suffix(".reference.gguf")) as reference:
        quantize(full, reference, REFERENCE)
        learnt = None
        if pairs and margin_before is not None:
            learnt = file_margin(reference, pairs) - margin_before
        rows = []
        for name in types:
            progress(name)
            with scratch_file(full.with_suffix(f".{name}.gguf")) as path:
                report = quantize(full, path, name, importance=importance)
                kl, agreement = divergence(reference, path, texts)
                kept = None
                if learnt is not None and learnt > MARGIN_SLACK and margin_before is not None:
                    kept = (file_margin(path, pairs) - margin_before) / learnt
                rows.append(
                    TypeRow(
                        quantization=name,
                        size=report.size,
                        mean_kl=kl,
                        top1_agreement=agreement,
                        margin_kept=kept,
                    )
                )
    return rows


def types_worth_comparing(quantization: str, weights: int) -> Sequence[str]:
    """All of them for models whose weights take less than a gigabyte.

    For larger ones, which take minutes for each, the type that is written and the next larger.
    """
    if weights < _SMALL_BYTES:
        return COMPARED
    return tuple(name for name in (quantization, next_larger(quantization)) if name in COMPARED)


def divergence(reference: Path, path: Path, texts: Sequence[str]) -> tuple[float, float]:
    """Mean KL(reference || path) in nats and the share of positions with the same favourite."""
    measured = list(_per_text(reference, path, texts))
    kl = np.concatenate([each[0] for each in measured])
    same = np.concatenate([each[1] for each in measured])
    return float(kl.mean()), float(same.mean())


def _per_text(reference: Path, path: Path, texts: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    with (
        LlamaLogits(reference, context_tokens=CONTEXT) as one,
        LlamaLogits(path, context_tokens=CONTEXT) as other,
    ):
        for text in texts:
            tokens = one.tokenize(text)[:CONTEXT]
            if tokens:
                _, kl, same = compare_logits(one.logits(tokens), other.logits(tokens))
                yield kl, same


def table(rows: Sequence[TypeRow], chosen: str) -> str:
    """Plain text, a row per type; the one that was written is marked."""
    lines = [f"  {'type':<8}{'MB':>9}{'KL to F16':>12}{'same top 1':>12}{'margin kept':>13}"]
    for row in rows:
        mark = "*" if row.quantization == chosen else " "
        kept = "" if row.margin_kept is None else f"{row.margin_kept:.0%}"
        lines.append(
            f"{mark} {row.quantization:<8}{row.size / 1e6:>9.1f}{row.mean_kl:>12.2g}"
            f"{row.top1_agreement:>12.1%}{kept:>13}"
        )
    return "\n".join(lines)
