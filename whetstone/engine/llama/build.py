"""What the installed llama.cpp was compiled with."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass

import llama_cpp.llama_cpp as llama


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """`backends` are what can compute: "CPU" and, where compiled in, names such as "CUDA".

    `features` are the instruction sets and libraries that the processor's part uses.
    """

    version: str
    backends: tuple[str, ...]
    features: tuple[str, ...]
    gpu: bool


def installed() -> Build:
    """Ask llama.cpp itself; loads its libraries but no model."""
    llama.llama_backend_init()
    text = llama.llama_print_system_info().decode("utf-8", "replace")
    # "CPU : AVX2 = 1 | OPENMP = 1 | CUDA : ARCHS = 890 | "
    backends = re.findall(r"(?:^|\|) *(\w+) :", text)
    features = re.findall(r"(\w+) = 1\b", text)
    return Build(
        version=importlib.metadata.version("llama-cpp-python"),
        backends=tuple(dict.fromkeys(backends)) or ("CPU",),
        features=tuple(dict.fromkeys(features)),
        gpu=bool(llama.llama_supports_gpu_offload()),
    )
