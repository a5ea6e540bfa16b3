"""Fetch the editors that tests/editors drives: `python scripts/editors/fetch.py [NAME...]`.

They go to $WHETSTONE_EDITORS (~/.cache/whetstone-editors), each with a launcher in its `bin`. What
is there already stays; `--again` fetches anew, which moves `nvim-newest` to what Debian has today.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import debian
import vscode
from debian import FetchError, install

NPM_STYLUA = "@johnnymorganz/stylua@2.5.2"
HERE = Path(__file__).parent
LISTS = ThreadPoolExecutor(max_workers=2)
SUITES: dict[str, Future[debian.Suite]] = {}
SUITES_LOCK = threading.Lock()


def cache() -> Path:
    default = Path.home() / ".cache/whetstone-editors"
    return Path(os.environ.get("WHETSTONE_EDITORS") or default).expanduser().absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class Debian:
    """A program from a suite of Debian."""

    suite: str
    packages: tuple[str, ...]
    program: str
    libraries: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    before: str = ""

    def __call__(self, name: str, target: Path, launcher: Path) -> str:
        fresh = target.with_name(f".{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        version = suite(self.suite).unpack(self.packages, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
        script = debian.launcher(
            name=name,
            version=version,
            root=target,
            program=self.program,
            libraries=self.libraries,
            environment=self.environment,
            before=self.before,
        )
        install(launcher, script)
        return version


def suite(name: str) -> debian.Suite:
    """A suite whose package lists are read once, for all programs from it."""
    with SUITES_LOCK:
        if name not in SUITES:
            SUITES[name] = LISTS.submit(debian.Suite, name)
    return SUITES[name].result()


def stylua(name: str, target: Path, launcher: Path) -> str:
    """StyLua as WebAssembly: its packages with a native binary download it from elsewhere."""
    target.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--ignore-scripts", "--prefix", str(target)]
    try:
        done = subprocess.run([*command, NPM_STYLUA], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise FetchError("npm was not found; Node 20 or newer is needed") from error
    if done.returncode != 0:
        raise FetchError(f"npm failed:\n{done.stderr[-600:]}")
    library = target / "node_modules/@johnnymorganz/stylua/stylua_lib_node.cjs"
    script = shutil.copy(HERE / "stylua.cjs", target)  # this checkout may go, the editors stay
    install(launcher, f'#!/bin/sh\nexec node "{script}" "{library}" "$@"\n')
    return NPM_STYLUA.rpartition("@")[2]


NVIM_ENVIRONMENT = (
    'VIMRUNTIME="$root/usr/share/nvim/runtime"',
    'LUA_PATH="$root/usr/share/lua/5.1/?.lua;;"',
    'LUA_CPATH="$lib/lua/5.1/?.so;;"',
)
NVIM_BEFORE = '--cmd "set runtimepath+=$root/usr/lib/nvim"'  # the parsers of tree-sitter
EMACS_ENVIRONMENT = (
    'EMACSDATA="$(echo "$root"/usr/share/emacs/[0-9]*/etc)"',
    'EMACSDOC="$EMACSDATA"',
    'EMACSPATH="$(echo "$root"/usr/libexec/emacs/[0-9]*/*-linux-gnu*)"',
    'EMACSLOADPATH="$(find "$root"/usr/share/emacs/[0-9]*/lisp -type d | paste -sd:)"',
)

Fetcher = Callable[[str, Path, Path], str]
EDITORS: dict[str, Fetcher] = {
    "nvim-0.10": Debian(
        suite="trixie",
        packages=("neovim",),
        program="usr/bin/nvim",
        environment=NVIM_ENVIRONMENT,
        before=NVIM_BEFORE,
    ),
    "nvim-newest": Debian(
        suite="sid",
        packages=("neovim",),
        program="usr/bin/nvim",
        environment=NVIM_ENVIRONMENT,
        before=NVIM_BEFORE,
    ),
    "emacs": Debian(
        suite="trixie",
        packages=("emacs-nox",),
        program="usr/bin/emacs-nox",
        libraries=("blas", "lapack"),
        environment=EMACS_ENVIRONMENT,
        before='--dump-file="$(echo "$EMACSPATH"/*.pdmp)"',
    ),
    "helix": Debian(
        suite="trixie",
        packages=("hx",),
        program="usr/lib/hx/hx",
        environment=('HELIX_RUNTIME="$root/usr/lib/hx/runtime"',),
    ),
    "luacheck": Debian(
        suite="trixie",
        packages=("lua-check",),
        program="usr/bin/lua5.1",
        environment=(
            'LUA_PATH="$root/usr/share/lua/5.1/?.lua;$root/usr/share/lua/5.1/?/init.lua"',
            'LUA_CPATH="$lib/lua/5.1/?.so"',
        ),
        before='"$root/usr/bin/luacheck"',
    ),
    "stylua": stylua,
    **vscode.EDITORS,
}


def fetch(name: str, *, again: bool) -> str | None:
    """Fetch one unless it is there; the reason when it cannot be had."""
    folder = cache()
    launcher = folder / "bin" / name
    if launcher.exists() and not again:
        return None
    began = time.monotonic()
    try:
        version = EDITORS[name](name, folder / name, launcher)
    except FetchError as error:
        return str(error)
    print(f"  {name:<14} {version:<24} {time.monotonic() - began:.0f} s", flush=True)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EDITORS)}")
    parser.add_argument("--again", action="store_true", help="also what is there already")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in EDITORS]
    if unknown:
        parser.error(f"{unknown[0]}: not one of {', '.join(EDITORS)}")
    names = options.names or list(EDITORS)
    print(f"Editors in {cache()}", flush=True)
    with ThreadPoolExecutor(max_workers=3) as pool:
        reasons = list(pool.map(lambda name: fetch(name, again=options.again), names))
    missing = {name: reason for name, reason in zip(names, reasons, strict=True) if reason}
    for name, reason in missing.items():
        print(f"  {name}: not fetched. {reason}", file=sys.stderr)
    # On a developer's machine the tests of a missing editor are skipped, and say so.
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
