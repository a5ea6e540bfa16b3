"""Read what a GGUF file says about itself, without trusting it and without loading it.

A model file comes from the network, and the library that will map it is C++: whatever is wrong
with the header or the extents of the tensors is found here first. Nothing is read beyond the
header, every count and length is checked against the bytes that are left, and arrays (the
vocabulary) are stepped over.

Source: the GGUF specification, version 3 (docs/gguf.md in ggml), little-endian.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from whetstone.errors import ModelError
from whetstone.prompt import FORMATS, GGUF_FORMAT_KEY, FormatName

# There where a user's choices were trained on: JSON, see whetstone/models/habits.py.
GGUF_HABITS_KEY = "whetstone.habits"

_MAX_KEYS = 10_000
_MAX_TENSORS = 100_000
_MAX_NAME = 1_024  # bytes of a key's or a tensor's name
_KEPT_TEXT = 100_000  # bytes; a longer string is stepped over
_MAX_ALIGNMENT = 1 << 20
_CHUNK = 1 << 16

# Value types: struct code by type number; 8 is a string, 9 an array.
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
            10: "<Q", 11: "<q", 12: "<d"}  # fmt: skip
_STRING, _ARRAY = 8, 9

# Tensor types of ggml: name, weights in a block, bytes of a block.
_TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip

# general.file_type, for the names that cannot be read off the tensors (the _S/_M/_L mixes).
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

GgufKind = Literal["model", "adapter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufInfo:
    """The facts of one GGUF file. `metadata` holds scalars and strings, not arrays."""

    size: int
    architecture: str
    name: str
    parameters: int
    quantization: str
    context_tokens: int | None
    vocabulary: int | None
    prompt_format: FormatName
    tensors: int
    metadata: Mapping[str, str | int | float | bool]


def read_gguf(path: Path, *, kind: GgufKind = "model") -> GgufInfo:
    """The header of the GGUF at `path`, with its tensors' extents checked against the file's size.

    Raises:
        ModelError: missing, unreadable, truncated, not GGUF, or not a language model (or, with
            `kind` "adapter", not a LoRA adapter).
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            return _Reader(path, stream, size, kind).read()
    except FileNotFoundError:
        raise ModelError(
            f"{path}: no such model file. `whetstone models list` shows what is there; "
            "`whetstone models pull NAME` fetches one."
        ) from None
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}). Check the file's permissions."
        ) from error


class _Reader:
    def __init__(self, path: Path, stream: BinaryIO, size: int, wanted: GgufKind) -> None:
        self.path, self.stream, self.size, self.wanted = path, stream, size, wanted
        self.position = 0
        self.array_lengths: dict[str, int] = {}

    def read(self) -> GgufInfo:
        if self.size == 0:
            raise self._error("the file is empty. Delete it and fetch the model again.")
        if self.size < 4 or self._take(4) != b"GGUF":
            raise self._error(
                "not a GGUF file (it does not start with GGUF). "
                "Choose a .gguf file; other formats must be converted first."
            )
        version = self._number("<I")
        if version not in (2, 3):
            raise self._error(
                f"GGUF version {version} cannot be read; 2 and 3 can. "
                "Fetch a current, little-endian conversion of the model."
            )
        tensor_count = self._count("<Q", _MAX_TENSORS, "tensors", smallest=24)
        key_count = self._count("<Q", _MAX_KEYS, "metadata keys", smallest=12)
        metadata = dict(self._pair() for _ in range(key_count))
        known = {key: value for key, value in metadata.items() if value is not None}
        tensors = [self._tensor() for _ in range(tensor_count)]
        self._check_extents(tensors, known)
        return self._info(known, tensors)

    # -- bytes --------------------------------------------------------------------------------

    def _error(self, what: str) -> ModelError:
        return ModelError(f"{self.path}: {what}")

    def _need(self, count: int) -> None:
        if count > self.size - self.position:
            raise self._error(
                f"the file is truncated or damaged: it ends after {self.size:,} bytes, inside its "
                "header. Delete it and fetch the model again."
            )

    def _take(self, count: int) -> bytes:
        self._need(count)
        data = self.stream.read(count)
        if len(data) != count:  # it shrank while we read
            self.size = self.position + len(data)
            self._need(count)
        self.position += count
        return data

    def _skip(self, count: int) -> None:
        self._need(count)
        self.position += count
        self.stream.seek(self.position)

    def _number(self, code: str) -> int:
        return int(struct.unpack(code, self._take(struct.calcsize(code)))[0])

    def _count(self, code: str, limit: int, what: str, *, smallest: int) -> int:
        count = self._number(code)
        if count > limit:
            raise self._error(f"damaged: it claims {count:,} {what}. Fetch the model again.")
        self._need(count * smallest)
        return count

    def _string(self, limit: int) -> str | None:
        """The text, or None when it is longer than `limit` and was stepped over."""
        length = self._number("<Q")
        if length > limit:
            self._skip(length)
            return None
        return self._take(length).decode("utf-8", errors="replace")

    # -- header -------------------------------------------------------------------------------

    def _pair(self) -> tuple[str, str | int | float | bool | None]:
        name = self._string(_MAX_NAME)
        if not name:
            raise self._error("damaged: a metadata key has no usable name. Fetch the model again.")
        kind = self._number("<I")
        if kind == _STRING:
            return name, self._string(_KEPT_TEXT)
        if kind == _ARRAY:
            self.array_lengths[name] = self._skip_array()
            return name, None
        return name, self._scalar(kind)

    def _scalar(self, kind: int) -> int | float | bool:
        code = _SCALARS.get(kind)
        if code is None:
            raise self._error(f"damaged: metadata of unknown type {kind}. Fetch the model again.")
        value: int | float | bool = struct.unpack(code, self._take(struct.calcsize(code)))[0]
        return value

    def _skip_array(self) -> int:
        kind, length = self._number("<I"), self._number("<Q")
        if kind == _STRING:
            self._need(length * 8)
            self._skip_strings(length)
        elif kind in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[kind]))
        else:
            raise self._error(f"damaged: an array of unknown type {kind}. Fetch the model again.")
        return length

    def _skip_strings(self, count: int) -> None:
        """By chunks: a vocabulary has 150,000 of these, too many to read one by one."""
        length_at = struct.Struct("<Q").unpack_from
        while count:
            chunk = self.stream.read(_CHUNK)
            end = 0  # of the last string whose length stands in the chunk; it may lie further on
            while count and end + 8 <= len(chunk):
                end += 8 + length_at(chunk, end)[0]
                count -= 1
            if end == 0:
                self.size = self.position + len(chunk)  # it may have shrunk while we read
                self._need(8)
            self._skip(end)

    def _tensor(self) -> _Tensor:
        name = self._string(_MAX_NAME)
        dimensions = self._number("<I")
        if not name or not 1 <= dimensions <= 4:
            raise self._error("damaged: a tensor without name or shape. Fetch the model again.")
        shape = tuple(self._number("<Q") for _ in range(dimensions))
        kind, offset = self._number("<I"), self._number("<Q")
        if kind not in _TENSOR_TYPES:
            raise self._error(
                f"tensor type {kind} is not known to this version of Whetstone. "
                "Update Whetstone, or fetch another quantization of the model."
            )
        _, block, block_bytes = _TENSOR_TYPES[kind]
        elements = 1
        for length in shape:
            elements *= length
        if not 0 < elements < 1 << 50 or shape[0] % block:
            raise self._error(f"damaged: tensor {_plain(name)} has shape {shape}.")
        size = elements // block * block_bytes
        return _Tensor(name=name, kind=kind, offset=offset, elements=elements, size=size)

    # -- meaning ------------------------------------------------------------------------------

    def _check_extents(
        self, tensors: list[_Tensor], metadata: Mapping[str, str | int | float | bool]
    ) -> None:
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or not 1 <= alignment <= _MAX_ALIGNMENT
            or alignment & (alignment - 1)
        ):
            raise self._error(f"damaged: alignment {alignment}. Fetch the model again.")
        start = -(-self.position // alignment) * alignment
        end = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
            if tensor.offset < end or tensor.offset % alignment:
                raise self._error(
                    f"damaged: tensor {_plain(tensor.name)} overlaps another or is not aligned. "
                    "Fetch the model again."
                )
            end = tensor.offset + tensor.size
        if start + end > self.size:
            raise self._error(
                f"the file is truncated: it has {self.size:,} bytes and its tensors need "
                f"{start + end:,}. Delete it and fetch the model again."
            )

    def _info(
        self, metadata: Mapping[str, str | int | float | bool], tensors: list[_Tensor]
    ) -> GgufInfo:
        architecture = metadata.get("general.architecture")
        if not isinstance(architecture, str) or not re.fullmatch(r"[\w.-]{1,64}", architecture):
            raise self._error("it does not say which architecture it is. Fetch another model.")
        self._check_is_model(metadata, architecture, tensors)
        context = metadata.get(f"{architecture}.context_length")
        return GgufInfo(
            size=self.size,
            architecture=architecture,
            name=_plain(str(metadata.get("general.name", ""))),
            parameters=sum(tensor.elements for tensor in tensors),
            quantization=_quantization(metadata, tensors),
            context_tokens=context if isinstance(context, int) and context > 0 else None,
            vocabulary=self.array_lengths.get("tokenizer.ggml.tokens"),
            prompt_format=self._prompt_format(metadata),
            tensors=len(tensors),
            metadata=metadata,
        )

    def _check_is_model(
        self,
        metadata: Mapping[str, str | int | float | bool],
        architecture: str,
        tensors: list[_Tensor],
    ) -> None:
        parts = metadata.get("split.count", 0)
        if isinstance(parts, int) and parts > 1:
            raise self._error(
                f"one of {parts} parts of a model. Join them with llama.cpp's "
                "`llama-gguf-split --merge`, or choose a quantization that is one file."
            )
        kind = metadata.get("general.type", "model")
        if self.wanted == "adapter":
            if kind != "adapter" or metadata.get("adapter.type") != "lora":
                raise self._error("it holds no LoRA adapter. Choose the file with the adapter.")
        elif kind != "model" or architecture == "clip":
            raise self._error(
                f"it belongs to another model ({_plain(str(kind))}) and is none itself. "
                "Choose the file with the model itself."
            )
        if not tensors:
            raise self._error("it holds no weights (a vocabulary only). Choose another file.")

    def _prompt_format(self, metadata: Mapping[str, str | int | float | bool]) -> FormatName:
        named = metadata.get(GGUF_FORMAT_KEY, "chat")
        for known in FORMATS:
            if named == known:
                return known
        raise self._error(
            f"its prompt format is {_plain(str(named))!r}, and this version of Whetstone knows "
            f"{', '.join(FORMATS)}. Update Whetstone."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tensor:
    name: str
    kind: int
    offset: int  # bytes from the start of the data
    elements: int
    size: int  # bytes


def _quantization(metadata: Mapping[str, str | int | float | bool], tensors: list[_Tensor]) -> str:
    declared = metadata.get("general.file_type")
    if isinstance(declared, int) and declared in _FILE_TYPES:
        return _FILE_TYPES[declared]
    weights: Counter[str] = Counter()
    for tensor in tensors:
        weights[_TENSOR_TYPES[tensor.kind][0]] += tensor.elements
    return weights.most_common(1)[0][0]


def _plain(text: str) -> str:
    """Text from a file, fit for a terminal: no escape sequences, not endless."""
    return "".join(char if char.isprintable() else "?" for char in text)[:100]
