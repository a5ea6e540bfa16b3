"""GGUF files in smaller number formats, by llama.cpp's own quantizer."""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gguf
import llama_cpp

from export.files import scratch_file, whole_file
from export.hf_to_gguf import WIDTHS, WidthName, load_config, write_gguf
from export.importance import Importance, as_parameter
from whetstone.errors import TrainingError

# name -> (llama.cpp file type, the format that matrices get where nothing prevents it)
QUANTIZATIONS: dict[str, tuple[int, str]] = {
    "f32": (llama_cpp.LLAMA_FTYPE_ALL_F32, "F32"),
    "f16": (llama_cpp.LLAMA_FTYPE_MOSTLY_F16, "F16"),
    "bf16": (llama_cpp.LLAMA_FTYPE_MOSTLY_BF16, "BF16"),
    "q8_0": (llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, "Q8_0"),
    "q6_k": (llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K, "Q6_K"),
    "q5_k_m": (llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M, "Q5_K"),
    "q4_k_m": (llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M, "Q4_K"),
}
DEFAULT_QUANTIZATION = "q8_0"
_BY_SIZE = ("q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16", "f32")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was written. `fell_back` names the matrices whose row length the type cannot hold."""

    path: Path
    quantization: str
    size: int
    types: dict[str, int]
    fell_back: tuple[str, ...]


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(_level: int, _text: bytes, _data: Any) -> None:
    """The quantizer prints a line for every tensor; the report says what matters."""


def silence() -> None:
    """Send llama.cpp's log nowhere."""
    llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))


def export_gguf(
    folder: Path,
    out: Path,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    name: str | None = None,
    importance: Importance | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write the Hugging Face model in `folder` as a quantized GGUF.

    Args:
        importance: of the columns of each matrix (`export.importance`); K-quants use it.

    Raises:
        TrainingError: the model cannot be expressed, the type is not known, or the disk is full.
    """
    check_quantization(quantization)
    if quantization in WIDTHS:
        write_gguf(folder, out, width=cast(WidthName, quantization), name=name, progress=progress)
        return describe(out, quantization)
    with full_file(folder, out, name=name, progress=progress) as full:
        return quantize(full, out, quantization, importance=importance)


@contextmanager
def full_file(
    folder: Path,
    near: Path,
    *,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Path]:
    """The model in `folder` as an unquantized GGUF beside `near`, gone afterwards."""
    # In 32 bit when the model was saved so: rounding twice costs a little for nothing.
    wide = str(getattr(load_config(folder), "dtype", "")) in ("torch.float32", "float32", "None")
    with scratch_file(near) as full:
        yield write_gguf(
            folder, full, width="f32" if wide else "bf16", name=name, progress=progress
        )


def quantize(
    source: Path,
    out: Path,
    quantization: str,
    *,
    importance: Importance | None = None,
    threads: int = 0,
) -> ExportReport:
    """Quantize the GGUF `source`, with F32, F16 or BF16 matrices, into `out`.

    Args:
        importance: of the columns of each matrix (`export.importance`); K-quants use it.
        threads: 0 chooses by the machine.

    Raises:
        TrainingError: llama.cpp refuses, or the disk is full.
    """
    check_quantization(quantization)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = QUANTIZATIONS[quantization][0]
    params.nthread = threads or min(8, os.cpu_count() or 1)
    columns = as_parameter(importance) if importance else None
    if columns is not None:
        params.imatrix = columns
    silence()
    with whole_file(out) as temporary:
        status = llama_cpp.llama_model_quantize(
            os.fsencode(source), os.fsencode(temporary), ctypes.byref(params)
        )
        if status != 0:
            raise TrainingError(
                f"{out}: llama.cpp could not quantize to {quantization} (status {status}). "
                "The disk may be full; otherwise try q8_0 or f16."
            )
    return describe(out, quantization)


def next_larger(quantization: str) -> str | None:
    """The next type that keeps more, None after the last."""
    if quantization == "bf16":
        return "f32"
    rest = _BY_SIZE[_BY_SIZE.index(quantization) + 1 :]
    return rest[0] if rest else None


def check_quantization(name: str) -> None:
    """Raises TrainingError when `name` is not a type this project writes."""
    if name not in QUANTIZATIONS:
        raise TrainingError(f"Unknown quantization {name!r}; known are {', '.join(QUANTIZATIONS)}.")


def describe(path: Path, quantization: str) -> ExportReport:
    """Read back what each tensor of a file we wrote became."""
    tensors = gguf.GGUFReader(path).tensors
    wanted = QUANTIZATIONS[quantization][1]
    # K-quant mixtures raise some matrices to Q6_K on purpose; that is no fallback.
    fine = {"Q4_K", "Q5_K", "Q6_K"} if wanted.endswith("_K") else {wanted}
    matrices = [tensor for tensor in tensors if len(tensor.shape) > 1]
    return ExportReport(
        path=path,
        quantization=quantization,
        size=path.stat().st_size,
        types=dict(Counter(tensor.tensor_type.name for tensor in tensors)),
        fell_back=tuple(t.name for t in matrices if t.tensor_type.name not in fine),
    )


def quantization_of(path: Path) -> str:
    """The type that a GGUF file was quantized to; "q8_0" when it is none of ours."""
    field = gguf.GGUFReader(path).get_field("general.file_type")
    value = None if field is None else int(field.contents())
    named = (name for name, (ftype, _) in QUANTIZATIONS.items() if ftype == value)
    return next(named, DEFAULT_QUANTIZATION)
