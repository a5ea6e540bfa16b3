"""What the peers need, built once: llama.cpp's own programs and the Python server's packages.

    python -m benchmarks.serving setup [--folder DIR]

llama-server and llama-bench are compiled from the very llama.cpp that llama-cpp-python's source
package brings, so every peer runs the same code for the same instructions. Nothing goes into the
project's environment: all of it lies in one folder, by default in the user's cache. A run that was
stopped goes on where it was.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

TARGETS = ("llama-server", "llama-bench")
SERVER_PACKAGES = ("fastapi", "uvicorn", "sse-starlette", "starlette-context", "pydantic-settings")
_CMAKE = (
    "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF",
    "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF",
    # Compiled by GCC, the code for AMX ends the process (llama.cpp's pull request 26954).
    *(() if os.name == "nt" else
      ("-DCMAKE_C_FLAGS=-U__AMX_INT8__", "-DCMAKE_CXX_FLAGS=-U__AMX_INT8__")),
    "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_BUILD_WEBUI=OFF",
)  # fmt: skip


class SetupError(Exception):
    """A step failed; the message says which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Where the peers' parts lie; `llama_server` and the others are None until they are built."""

    folder: Path
    llama_server: Path | None
    llama_bench: Path | None
    python_server: Path | None  # a folder for PYTHONPATH

    @property
    def missing(self) -> list[str]:
        parts = {
            "llama-server": self.llama_server,
            "llama-bench": self.llama_bench,
            "llama_cpp.server": self.python_server,
        }
        return [name for name, path in parts.items() if path is None]


def default_folder() -> Path:
    return platformdirs.user_cache_path("whetstone") / "benchmarks"


def find(folder: Path) -> Tools:
    """What is there already."""
    base = folder / f"llama-cpp-python-{_version()}"
    built = {name: _first(base / "build", name) for name in TARGETS}
    packages = base / "packages"
    return Tools(
        folder=base,
        llama_server=built["llama-server"],
        llama_bench=built["llama-bench"],
        python_server=packages if (packages / ".complete").is_file() else None,
    )


def set_up(folder: Path) -> Tools:
    """Fetch, compile and install whatever is missing.

    Raises:
        SetupError: a download or the compiler failed.
    """
    tools = find(folder)
    tools.folder.mkdir(parents=True, exist_ok=True)
    if tools.llama_server is None or tools.llama_bench is None:
        source = _source(tools.folder)
        _compile(source, tools.folder / "build", tools.folder / "tools")
    if tools.python_server is None:
        _install(SERVER_PACKAGES, tools.folder / "packages")
        (tools.folder / "packages" / ".complete").touch()
    return find(folder)


def _version() -> str:
    return importlib.metadata.version("llama-cpp-python")


def _first(build: Path, name: str) -> Path | None:
    suffix = ".exe" if os.name == "nt" else ""
    path = build / "bin" / f"{name}{suffix}"
    return path if path.is_file() else None


def _source(folder: Path) -> Path:
    """llama.cpp's sources out of llama-cpp-python's package."""
    source = folder / "llama.cpp"
    if (source / "CMakeLists.txt").is_file():
        return source
    download = folder / "download"
    _run(
        # Not :all:, which compiles cmake and ninja from their sources too.
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download",
         "--no-binary", "llama-cpp-python", "--no-deps", "--dest", str(download),
         f"llama-cpp-python=={_version()}"],
        "fetch llama-cpp-python",
    )  # fmt: skip
    archive = next(download.glob("*.tar.gz"))
    unpacked = folder / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as opened:
        opened.extractall(unpacked, filter="data")
    next(unpacked.glob("*/vendor/llama.cpp")).rename(source)
    shutil.rmtree(unpacked)
    return source


def _compile(source: Path, build: Path, tools: Path) -> None:
    cmake = shutil.which("cmake")
    environment: dict[str, str] = {}
    if cmake is None:
        if not (tools / "cmake").is_dir():
            _install(("cmake",), tools)
        cmake = str(tools / "cmake" / "data" / "bin" / "cmake")
    _run([cmake, "-S", str(source), "-B", str(build), *_CMAKE], "configure", environment)
    jobs = str(os.cpu_count() or 1)
    _run(
        [cmake, "--build", str(build), "--config", "Release", "-j", jobs, "--target", *TARGETS],
        "compile llama-server and llama-bench",
        environment,
    )


def _install(packages: tuple[str, ...], target: Path) -> None:
    _run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--upgrade",
         "--target", str(target), *packages],
        f"install {', '.join(packages)}",
    )  # fmt: skip


def _run(command: list[str], what: str, environment: Mapping[str, str] | None = None) -> None:
    """Run with one line of progress; the output is shown when it fails."""
    began = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, **(environment or {})},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            _show(what, line, began)
    if process.returncode:
        sys.stderr.write("".join(lines[-40:]))
        raise SetupError(
            f"{what}: failed with status {process.returncode}; its last lines are above. "
            "Run the command again to go on from here."
        )
    print(f"\r{what}: done in {time.monotonic() - began:.0f} s", flush=True)


def _show(what: str, line: str, began: float) -> None:
    share = re.match(r"\[\s*(\d+)%\]|\[(\d+)/(\d+)\]", line)
    if sys.stderr.isatty():
        note = share[0] if share else line.strip()[:50]
        sys.stderr.write(f"\r\033[K{what}: {note}  {time.monotonic() - began:.0f} s")
        sys.stderr.flush()
    elif share and share[1] and int(share[1]) % 10 == 0:
        print(f"{what}: {share[0]}  {time.monotonic() - began:.0f} s", flush=True)
