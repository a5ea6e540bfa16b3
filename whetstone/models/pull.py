"""Bring a model to this machine: find it, fetch it, check it, register it.

`plan_pull` asks the hub what there is and how large; `carry_out` fetches and registers. Between
the two the command line shows size and checksum. Nothing else here uses the network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from whetstone.errors import ModelError, UsageError
from whetstone.models.entry import ModelEntry, check_name
from whetstone.models.gguf_info import GgufKind, read_gguf
from whetstone.models.reference import (
    DEFAULT_QUANTIZATION,
    HubFile,
    LocalFile,
    hub_endpoint,
    model_name,
    parse_reference,
)
from whetstone.models.registry import Registry
from whetstone.models.transfer import Progress, Remote, fetch
from whetstone.models.web import check_url, fetch_json, shown

_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be fetched. `sha256` is known beforehand for files of the hub."""

    name: str
    source: str
    size: int | None
    sha256: str | None
    remote: Remote | None = None
    local: Path | None = None
    training_base: str | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What came of it."""

    entry: ModelEntry
    new_bytes: int  # fetched in this call; 0 when it was all there
    confirmed: bool  # the checksum was known beforehand and agreed


def plan_pull(
    text: str,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    name: str | None = None,
    sha256: str | None = None,
    training_base: str | None = None,
    kind: GgufKind = "model",
    env: Mapping[str, str] | None = None,
) -> Plan:
    """What `text` means: a catalogue name, a path, an address, or a hub repository.

    Args:
        kind: what a local file has to be.

    Raises:
        UsageError: it means nothing.
        ModelError: the hub cannot be asked, or has no such file.
    """
    env = os.environ if env is None else env
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256 := sha256.lower()):
        raise UsageError("--sha256 takes the 64 hexadecimal digits of the file's checksum.")
    if name is not None:
        check_name(name)
    reference = parse_reference(text, quantization=quantization, endpoint=hub_endpoint(env))
    if isinstance(reference, HubFile):
        token = env.get("HF_TOKEN") or None
        return _plan_hub(reference, quantization, name, sha256, training_base, token)
    if isinstance(reference, LocalFile):
        path = reference.path
        return Plan(
            name=name or model_name(path.name),
            source=str(path.absolute()),
            size=read_gguf(path, kind=kind).size,
            sha256=sha256,
            local=path,
            training_base=training_base,
        )
    check_url(reference.url)
    return Plan(
        name=name or model_name(unquote(urlsplit(reference.url).path) or "model"),
        source=shown(reference.url),
        size=None,
        sha256=sha256,
        remote=Remote(url=reference.url, sha256=sha256),
        training_base=training_base,
    )


def carry_out(
    plan: Plan,
    registry: Registry,
    *,
    progress: Progress = lambda done, total: None,
    copy: bool = True,
    base: ModelEntry | None = None,
) -> Pulled:
    """Fetch what is not there yet, check it, and register it. The active model stays.

    Args:
        copy: copy a local file into the registry; else it is used where it lies.
        base: the model that a LoRA adapter is put over; None for a whole model.

    Raises:
        ModelError: it cannot be fetched, is damaged, or its name is taken.
    """
    present = _present(plan, registry)
    if present is not None:
        return Pulled(entry=present, new_bytes=0, confirmed=plan.sha256 is not None)
    if plan.local is not None:
        entry = _add(plan, registry, plan.local, {"source": plan.source}, copy=copy, base=base)
        return Pulled(entry=entry, new_bytes=0, confirmed=plan.sha256 is not None)
    if plan.remote is None:
        raise ModelError(f"{plan.source}: nothing to fetch.")
    fetched = fetch(plan.remote, registry.root / "downloads", progress=progress)
    data = {
        "source": plan.source,
        "revision": fetched.revision,
        "pulled_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        entry = _add(plan, registry, fetched.path, data, move=True, base=base)
    except ModelError:
        try:
            read_gguf(fetched.path, kind="model" if base is None else "adapter")
        except ModelError:
            fetched.discard()  # no use resuming from a file that is whole and wrong
        raise
    fetched.discard()
    return Pulled(entry=entry, new_bytes=fetched.new_bytes, confirmed=plan.sha256 is not None)


def _add(
    plan: Plan,
    registry: Registry,
    path: Path,
    data: dict[str, Any],
    *,
    copy: bool = True,
    move: bool = False,
    base: ModelEntry | None = None,
) -> ModelEntry:
    return registry.add(
        path,
        name=plan.name,
        data=data,
        training_base=plan.training_base,
        expected_sha256=plan.sha256,
        copy=copy,
        move=move,
        base=base,
    )


def _present(plan: Plan, registry: Registry) -> ModelEntry | None:
    """The entry that is this very file already. A taken name is told before 2 GB are fetched."""
    for entry in registry.list():
        if entry.name == plan.name:
            if plan.sha256 is not None and entry.sha256 == plan.sha256 and entry.path.is_file():
                registry.verify(entry)
                return entry
            if plan.sha256 is not None or plan.local is None:
                raise ModelError(
                    f"{plan.name}: there is another model of this name ({entry.model_id}). Give "
                    f"this one a name by --name, or run `whetstone models remove {plan.name}`."
                )
    return None


# -- the hub ----------------------------------------------------------------------------------


def _plan_hub(
    reference: HubFile,
    quantization: str,
    name: str | None,
    sha256: str | None,
    training_base: str | None,
    token: str | None,
) -> Plan:
    listing = fetch_json(reference.listing_url, token)
    files = _gguf_files(listing)
    file = _choose(reference, files, quantization)
    size, hub_sha256 = files[file]
    if sha256 and hub_sha256 and sha256 != hub_sha256:
        raise ModelError(
            f"{reference.repository}:{file}: the hub's sha256 is {hub_sha256}, not {sha256}. "
            "It was changed, or it is another file."
        )
    checksum = sha256 or hub_sha256
    model = reference.catalogue
    if name is None and model is not None:
        default = quantization.lower() == DEFAULT_QUANTIZATION
        name = model.name if default else f"{model.name}-{quantization.lower()}"
    url = reference.file_url(file)
    return Plan(
        name=name or model_name(file),
        source=shown(url),
        size=size,
        sha256=checksum,
        remote=Remote(url=url, size=size, sha256=checksum, token=token),
        training_base=training_base or (model.training_base if model else None),
        license=model.license if model else None,
    )


def _gguf_files(listing: Any) -> dict[str, tuple[int | None, str | None]]:
    """Path -> size and sha256 of every .gguf in the hub's listing."""
    files: dict[str, tuple[int | None, str | None]] = {}
    for item in listing if isinstance(listing, list) else []:
        if not isinstance(item, dict) or item.get("type") != "file":
            continue
        path, size, stored = item.get("path"), item.get("size"), item.get("lfs")
        if not isinstance(path, str) or not path.lower().endswith(".gguf"):
            continue
        digest = stored.get("oid") if isinstance(stored, dict) else None
        sound = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)
        files[path] = (size if isinstance(size, int) else None, str(digest) if sound else None)
    return files


def _choose(
    reference: HubFile, files: Mapping[str, tuple[int | None, str | None]], quantization: str
) -> str:
    if reference.file in files:
        return str(reference.file)
    if not files:
        raise ModelError(
            f"{reference.repository}: no GGUF files there. Look for a repository whose name ends "
            "in -GGUF."
        )
    fitting: list[str] = []
    if reference.file is None or reference.catalogue is not None:
        wanted = re.compile(rf"(?<![a-z0-9]){re.escape(quantization)}(?![a-z0-9_])", re.IGNORECASE)
        fitting = [file for file in files if wanted.search(file) and not _is_part(file)]
    if len(fitting) == 1:
        return fitting[0]
    shown_files = ", ".join(list(fitting or files)[:_LISTED])
    what = reference.file or f"one file of quantization {quantization}"
    raise ModelError(
        f"{reference.repository}: {what} is not what is there. Choose one as "
        f"{reference.repository}:FILE from: {shown_files}"
    )


def _is_part(file: str) -> bool:
    base = file.rsplit("/", 1)[-1].lower()
    return "mmproj" in base or re.search(r"-\d{5}-of-\d{5}\.gguf$", base) is not None
