"""The environment a command sees: what programs need to run, and no secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Everything else is left out: tokens, keys, agents' sockets, proxies with passwords.
_PASSED = frozenset({
    "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "COLUMNS", "LINES", "USER", "LOGNAME", "SHELL",
    "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "PYTHONHASHSEED",
    "PYTHONWARNINGS", "PYTHONUTF8", "PYTHONIOENCODING", "PYTEST_ADDOPTS", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "DJANGO_SETTINGS_MODULE", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CI",
})  # fmt: skip


def scrubbed(
    folder: Path,
    *,
    extra: Mapping[str, str] | None = None,
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Variables for a command whose home and temporary files lie in `folder`."""
    source = os.environ if source is None else source
    kept = {
        key: value
        for key, value in source.items()
        if key.upper() in _PASSED or key.upper().startswith("LC_")
    }
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir(exist_ok=True)
    temporary.mkdir(exist_ok=True)
    kept |= {key: str(home) for key in ("HOME", "USERPROFILE")}
    kept |= {key: str(temporary) for key in ("TMPDIR", "TEMP", "TMP")}
    # Packages installed with `pip install --user` stand in the home that was just replaced.
    kept.setdefault("PYTHONUSERBASE", _user_base(source))
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        # A pool of threads per core is memory and processes that a short test does not need.
        kept.setdefault(key, "1")
    return kept | dict(extra or {})


def _user_base(source: Mapping[str, str]) -> str:
    chosen = source.get("PYTHONUSERBASE")
    if chosen:
        return chosen
    import site

    return site.getuserbase()
