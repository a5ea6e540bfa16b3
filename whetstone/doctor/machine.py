"""The machine and the installed versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from whetstone import __version__
from whetstone.doctor.finding import Finding
from whetstone.engine.llama.build import Build
from whetstone.engine.tuning import Machine
from whetstone.power import on_battery

_PACKAGES = ("llama-cpp-python", "ruff", "pygls", "lsprotocol", "sqlite-utils")
_GPU_TOOLS = {"nvidia-smi": "CUDA", "rocminfo": "HIP"}
_TILES = (
    "Compiled by GCC, AMX ends the process at the first quantized matrix (llama.cpp's pull request "
    '26954). Build it without: CMAKE_ARGS="-DCMAKE_C_FLAGS=-U__AMX_INT8__ '
    '-DCMAKE_CXX_FLAGS=-U__AMX_INT8__" pip install --force-reinstall --no-cache-dir '
    "--no-binary llama-cpp-python llama-cpp-python"
)
_BUILD = (
    'CMAKE_ARGS="-DGGML_{0}=on" pip install --force-reinstall --no-binary :all: llama-cpp-python'
)


def machine(build: Build) -> Iterator[Finding]:
    this = Machine.this()
    yield Finding(
        section="machine", name="processor", value=f"{this.processor}, {this.cores} cores"
    )
    yield Finding(
        section="machine", name="system", value=f"{platform.system()} {platform.release()}"
    )
    total, free = memory_mb()
    if total:
        value = f"{total / 1000:.1f} GB" + (f", {free / 1000:.1f} GB free" if free else "")
        yield Finding(section="machine", name="memory", value=value)
    yield _gpu(build)
    if on_battery():
        yield Finding(
            section="machine", name="power", value="battery", state="advice",
            advice="Fixes are not prepared in advance on battery; `prepare.on_battery` changes it.",
        )  # fmt: skip
    else:
        yield Finding(section="machine", name="power", value="plugged in, or no battery")


def _gpu(build: Build) -> Finding:
    others = [name for name in build.backends if name != "CPU"]
    if build.gpu:
        value = f"llama.cpp computes on {', '.join(others) or 'a GPU'}"
        return Finding(section="machine", name="GPU", value=value)
    for tool, backend in _GPU_TOOLS.items():
        if shutil.which(tool):
            return Finding(
                section="machine", name="GPU", value="there is one, and llama.cpp does not use it",
                state="advice", advice=f"Build llama.cpp for it: {_BUILD.format(backend)}",
            )  # fmt: skip
    return Finding(section="machine", name="GPU", value="none used: llama.cpp was built for CPUs")


def memory_mb() -> tuple[float, float]:
    """Total and available memory; 0 where the system does not tell this way."""
    info = Path("/proc/meminfo")
    if info.is_file():
        rows = dict(line.split(":", 1) for line in info.read_text(encoding="ascii").splitlines())
        total, free = (int(rows[key].split()[0]) / 1000 for key in ("MemTotal", "MemAvailable"))
        return total, free
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6, 0.0
    except (AttributeError, ValueError, OSError):  # Windows
        return 0.0, 0.0


def versions(build: Build) -> Iterator[Finding]:
    yield Finding(section="versions", name="whetstone", value=__version__)
    yield Finding(
        section="versions", name="Python", value=f"{platform.python_version()}, {sys.executable}"
    )
    for package in _PACKAGES:
        try:
            yield Finding(
                section="versions", name=package, value=importlib.metadata.version(package)
            )
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                section="versions", name=package, value="missing", state="problem",
                advice=f"Run `pip install {package}` in Whetstone's environment.",
            )  # fmt: skip
    yield Finding(section="versions", name="SQLite", value=sqlite3.sqlite_version)
    tiles = "AMX_INT8" in build.features
    yield Finding(
        section="versions",
        name="llama.cpp uses",
        value=", ".join(build.features) or "nothing special",
        state="problem" if tiles else "ok",
        advice=_TILES if tiles else "",
    )
