"""The data folder: can it be written, is the preference store whole, are the models sound."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from whetstone.doctor.finding import Finding
from whetstone.errors import ModelError, WhetstoneError
from whetstone.models import Registry
from whetstone.paths import data_dir, preferences_path

_LOW_GB = 1.0


def data() -> Iterator[Finding]:
    try:
        folder = data_dir()
    except WhetstoneError as error:
        yield _problem("folder", "cannot be made", str(error))
        return
    if os.access(folder, os.W_OK):
        yield Finding(section="data", name="folder", value=str(folder))
    else:
        yield _problem("folder", f"{folder} cannot be written",
                       "Make it writable, or set WHETSTONE_DATA to another folder.")  # fmt: skip
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < _LOW_GB:
        yield _problem("disk", f"{free_gb:.1f} GB free", "Free some space: training needs several "
                       "GB, and a full disk stops the recording of choices.")  # fmt: skip
    else:
        yield Finding(section="data", name="disk", value=f"{free_gb:,.0f} GB free")
    store = preferences_path()
    yield _store(store)
    aside = sorted(folder.glob(f"{store.name}.corrupt-*"))
    if aside:
        yield Finding(
            section="data", name="set aside", value=", ".join(path.name for path in aside),
            state="advice",
            advice=f"Damaged earlier. `sqlite3 {aside[-1].name} .recover` may bring their "
            "contents back; delete them when you do not need them.",
        )  # fmt: skip


def _store(path: Path) -> Finding:
    """The whole file is read, without changing it."""
    if not path.is_file():
        return Finding(section="data", name="preferences", value="none recorded yet")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=15)
        try:
            [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            count = connection.execute("SELECT count(*) FROM suggestions").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        found, count = str(error), 0
    if found != "ok":
        return _problem(
            "preferences", f"damaged ({found})",
            "Start an editor with Whetstone, or run `whetstone prefs stats`: the damaged file is "
            "set aside, never deleted, and a new one is started.",
        )  # fmt: skip
    size = path.stat().st_size / 1e6
    return Finding(
        section="data", name="preferences", value=f"{count:,} suggestions, {size:,.1f} MB, whole"
    )


def models(registry: Registry) -> Iterator[Finding]:
    """The registry, and whether the active model's file is the one that was chosen."""
    broken: list[str] = []
    entries = registry.list(broken=broken)
    names = ", ".join(entry.name for entry in entries)
    yield Finding(section="models", name="registered", value=names or "none")
    for message in broken:
        yield Finding(
            section="models", name="damaged", value=message.split(":")[0], state="problem",
            advice=message,
        )  # fmt: skip
    try:
        active = registry.active()
    except ModelError as error:
        yield Finding(
            section="models", name="active", value="cannot be used", state="problem",
            advice=str(error),
        )  # fmt: skip
        return
    kind = active.quantization or active.architecture
    yield Finding(
        section="models", name="active",
        value=f"{active.model_id}, {active.size / 1e6:,.1f} MB, {kind}; its sha256 is the recorded",
    )  # fmt: skip


def _problem(name: str, value: str, advice: str) -> Finding:
    return Finding(section="data", name=name, value=value, state="problem", advice=advice)
