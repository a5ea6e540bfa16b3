"""Use an importance matrix only where it pays: measured on texts that it was not made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.comparison import REFERENCE, divergence
from export.files import scratch_file
from export.importance import Importance, measure_importance
from export.quantize import full_file, quantize
from whetstone.errors import TrainingError

LEAST_TEXTS = 6  # from fewer, nothing can be both learnt and measured


def importance_that_pays(
    folder: Path, near: Path, quantization: str, texts: Sequence[str]
) -> tuple[Importance | None, str]:
    """The importance matrix of two thirds of `texts`, if it brings the type closer to F16.

    Every third text is held out to measure that. Returns None and why otherwise.

    Raises:
        TrainingError: there are too few texts.
    """
    if len(texts) < LEAST_TEXTS:
        raise TrainingError(
            f"{len(texts)} texts are too few for an importance matrix, not {LEAST_TEXTS}."
        )
    if not quantization.endswith(("_k", "_k_m")):
        return None, f"{quantization} rounds all columns alike: no importance matrix is used."
    held_out = texts[::3]
    found = measure_importance(folder, [text for i, text in enumerate(texts) if i % 3])
    with full_file(folder, near) as full:
        plain, weighted = _divergences(full, quantization, found, held_out)
    verdict = (
        f"KL to F16 on {len(held_out)} held-out texts {plain:.3g} without, {weighted:.3g} with"
    )
    if weighted < plain:
        return found, f"Importance matrix used: {verdict}."
    return None, f"Importance matrix not used: {verdict}."


def _divergences(
    full: Path, quantization: str, found: Importance, held_out: Sequence[str]
) -> tuple[float, float]:
    kls = []
    with scratch_file(full.with_suffix(".reference.gguf")) as reference:
        quantize(full, reference, REFERENCE)
        for importance in (None, found):
            with scratch_file(full.with_suffix(".choice.gguf")) as path:
                quantize(full, path, quantization, importance=importance)
                kls.append(divergence(reference, path, held_out)[0])
    return kls[0], kls[1]
