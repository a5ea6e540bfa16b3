"""The models of this machine, and the one that is served.

    models/
      active.json      the pointer: replaced in one step, and read again when its stamp changes
      entries/NAME.json
      files/NAME-SHA8.gguf
      hashes.json, .lock, files/*.tmp

A file is copied under a temporary name, checked, synchronised and only then given its own name,
which is never written again: what a server has mapped cannot change under it. Several processes
may use one folder; changes are made under a lock, reading needs none.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whetstone.errors import ModelError
from whetstone.models.adapters import base_name, check_fits, is_over, over
from whetstone.models.entry import STARTER, ModelEntry, check_name, dump_entry, read_entry
from whetstone.models.files import copy_in, guarded, sweep, sync_folder
from whetstone.models.gguf_info import GgufInfo, GgufKind, read_gguf
from whetstone.models.hashing import HashMemory, identity, sha256_of
from whetstone.models.lock import locked
from whetstone.models.pointer import Pointer, PointerFile
from whetstone.models.starter import starter_path
from whetstone.paths import atomic_write_text, data_dir

# `Registry.list` hides the builtin inside the class.
_Entries = list[ModelEntry]
_Messages = list[str]
_Pointers = list[Pointer]


class Registry:
    """The models folder. Nothing is created until something is added."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = data_dir() / "models" if root is None else root
        self._entries, self._files = self.root / "entries", self.root / "files"
        self._pointer = PointerFile(self.root / "active.json")
        self._hashes = HashMemory(self.root / "hashes.json")
        self._embedded: tuple[list[int | str], ModelEntry] | None = None
        self._sound: dict[Path, list[int | str]] = {}  # what was checked: identity and sha256

    # -- reading ------------------------------------------------------------------------------

    def active(self) -> ModelEntry:
        """The model to serve: the chosen one, or the embedded starter when none was chosen.

        Raises:
            ModelError: its file is missing, truncated or changed; says how to get another.
        """
        pointer = self._pointer.read()
        if pointer is None or pointer.name == STARTER:
            return self._starter()
        entry = self.get(pointer.name)
        if entry.sha256 != pointer.sha256:
            raise ModelError(
                f"{entry.name}: not the file that was chosen (sha256 {entry.sha256[:12]}, chosen "
                f"{pointer.sha256[:12]}). Run `whetstone models use {entry.name}` to accept it."
            )
        self._check(entry)
        return entry

    def active_stamp(self) -> tuple[int, ...]:
        """Changes when another model is chosen; one stat, cheap enough for every request."""
        return self._pointer.stamp()

    def active_name(self) -> str:
        """The chosen name, whether or not its file is sound."""
        pointer = self._pointer.read()
        return STARTER if pointer is None else pointer.name

    def get(self, name: str) -> ModelEntry:
        """Raises ModelError when there is no such model."""
        if name == STARTER:
            return self._starter()
        try:
            return read_entry(self._entries / f"{check_name(name)}.json", self._files)
        except FileNotFoundError:
            known = ", ".join(entry.name for entry in self.list()) or "none yet"
            raise ModelError(
                f"{name}: no such model. Known: {known}. `whetstone models pull` fetches one."
            ) from None

    def list(self, *, broken: _Messages | None = None) -> _Entries:
        """All models, oldest first, the starter before them; messages of damaged ones go to
        `broken`."""
        found: _Entries = []
        try:
            found.append(self._starter())
        except ModelError as error:
            if broken is not None:
                broken.append(str(error))
        stored: _Entries = []
        for path in self._entries.glob("*.json"):
            try:
                stored.append(read_entry(path, self._files))
            except FileNotFoundError:
                continue  # removed by another process just now
            except ModelError as error:
                if broken is not None:
                    broken.append(str(error))
        return found + sorted(stored, key=lambda entry: (entry.created_at, entry.name))

    def base_of(self, entry: ModelEntry) -> ModelEntry:
        """The model that the adapter `entry` is put over; a model is its own base.

        Raises:
            ModelError: it is missing, damaged, or another one than the adapter was trained on.
        """
        if entry.base is None:
            return entry
        base = self.get(base_name(entry))
        if base.model_id != entry.base:
            raise ModelError(
                f"{entry.name}: was trained on {entry.base}, and {base.name} is another model now "
                f"({base.model_id}). Choose a model with `whetstone models use NAME`."
            )
        self._check(base)
        return base

    def resolve(self, model: str | None) -> ModelEntry:
        """What the setting `model` means: None is the active one, else a name, else a path."""
        if model is None:
            return self.active()
        path = Path(model).expanduser()
        if path.suffix.lower() != ".gguf" and os.sep not in model and "/" not in model:
            return self.resolve_name(model)
        info = read_gguf(path)
        name = "".join(char if char.isalnum() or char in "._-" else "-" for char in path.stem)
        return _entry(name or "model", path.absolute(), self._sha256(path.absolute()), info,
                      owned=False)  # fmt: skip

    def resolve_name(self, name: str) -> ModelEntry:
        """`get`, with the file checked. Raises ModelError."""
        entry = self.get(name)
        self._check(entry)
        return entry

    def history(self) -> _Pointers:
        """The choices made, oldest first, with their reasons."""
        return self._pointer.log()

    def lineage(self, name: str) -> _Entries:
        """`name`, the model it was trained from, and so on back."""
        by_id = {entry.model_id: entry for entry in self.list()}
        chain = [self.get(name)]
        while (parent := by_id.get(chain[-1].parent or "")) and parent not in chain:
            chain.append(parent)
        return chain

    def verify(self, entry: ModelEntry) -> GgufInfo:
        """Read the whole file again: its sha256 and its structure must be what the entry says.

        Raises:
            ModelError: they are not.
        """
        info = read_gguf(entry.path, kind=entry.kind)
        digest = guarded(entry.path, lambda: sha256_of(entry.path))
        if digest != entry.sha256:
            raise _changed(entry, digest)
        return info

    # -- changing -----------------------------------------------------------------------------

    def add(
        self,
        path: Path,
        *,
        name: str,
        parent: str | None = None,
        metrics: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        training_base: str | None = None,
        training_adapter: str | None = None,
        base: ModelEntry | None = None,
        expected_sha256: str | None = None,
        copy: bool = True,
        move: bool = False,
    ) -> ModelEntry:
        """Register the GGUF at `path`; the active model stays what it is.

        Adding the same content under the same name again changes nothing.

        Args:
            base: the model that a LoRA adapter at `path` is put over; None for a whole model.
            expected_sha256: refuse any other content.
            copy: copy it into the registry; else it is used where it lies and never deleted.
            move: take the file itself instead of a copy; it must lie on the same disk.

        Raises:
            ModelError: not a sound GGUF, the name is taken, or the disk is full.
        """
        if check_name(name) == STARTER:
            raise ModelError("'starter' is the embedded model's name. Choose another name.")
        kind: GgufKind = "model" if base is None else "adapter"
        info = read_gguf(path, kind=kind)
        if base is not None:
            check_fits(path, info, base)
        details: dict[str, Any] = {
            "training_adapter": training_adapter,
            "parent": parent,
            "metrics": dict(metrics or {}),
            "data": dict(data or {}),
            "training_base": training_base,
        }

        def work() -> ModelEntry:
            self._make_folders()
            where, temporary = path.absolute(), None
            if move:
                temporary, digest = path, sha256_of(path)
            elif copy:
                temporary, digest = copy_in(path, self._files, info.size)
            else:
                digest = self._sha256(where)
            try:
                if expected_sha256 not in (None, digest):
                    raise ModelError(f"{path}: sha256 {digest}, expected {expected_sha256}.")
                if temporary is not None:
                    where = self._files / f"{name}-{digest[:8]}.gguf"
                facts = read_gguf(temporary or where, kind=kind)
                owned = temporary is not None
                entry = _entry(name, where, digest, facts, owned=owned, **details)
                if base is not None:
                    entry = over(base, entry)
                return self._register(entry, temporary)
            finally:
                if temporary is not None and not move:
                    temporary.unlink(missing_ok=True)

        return guarded(self.root, work)

    def use(self, name: str, *, reason: str = "chosen by the user") -> ModelEntry:
        """Make `name` the active model, after checking its file. "starter" is the embedded one."""
        return self._choose(name, reason, promoted=False)

    def promote(self, name: str, reason: str) -> ModelEntry:
        """`use`, for a model that passed the gate; the entry remembers why."""
        return self._choose(name, reason, promoted=True)

    def rollback(self, *, reason: str = "rolled back") -> ModelEntry:
        """Back to the model that was active before the present one.

        Raises:
            ModelError: there was none, or none of them is sound any more.
        """

        def work() -> ModelEntry:
            self._make_folders()
            with locked(self.root / ".lock"):
                for depth, pointer in enumerate(self._pointer.previous(), start=1):
                    try:
                        entry = self.get(pointer.name)
                        self._check(entry)
                    except ModelError:
                        continue  # removed or damaged since: the one before it
                    self._pointer.step_back(depth, entry, reason=reason)
                    return entry
            raise ModelError(
                "There is no earlier model to go back to. `whetstone models list` shows all; "
                "`whetstone models use NAME` chooses one."
            )

        return guarded(self.root, work)

    def remove(self, name: str) -> None:
        """Forget a model, and delete its file if it is the registry's own.

        Raises:
            ModelError: it is active, embedded or unknown.
        """
        if check_name(name) == STARTER:
            raise ModelError("The starter is part of Whetstone and cannot be removed.")

        def work() -> None:
            with locked(self.root / ".lock"):
                users = [other.name for other in self.list() if is_over(other, name)]
                if users:
                    raise ModelError(
                        f"{name}: the adapter {users[0]} is put over it. Remove that first: "
                        f"`whetstone models remove {users[0]}`."
                    )
                if self.active_name() == name:
                    raise ModelError(
                        f"{name} is the active model. Choose another first: "
                        "`whetstone models use NAME` or `whetstone models rollback`."
                    )
                path = self._entries / f"{name}.json"
                try:
                    entry: ModelEntry | None = read_entry(path, self._files)
                except ModelError:
                    entry = None  # damaged: the file, if any, is found by its name
                path.unlink()
                owned = [entry.path] if entry and entry.owned else []
                if entry is None:
                    owned = [*self._files.glob(f"{name}-{'[0-9a-f]' * 8}.gguf")]
                for file in owned:
                    file.unlink(missing_ok=True)

        if not (self._entries / f"{name}.json").is_file():
            self.get(name)  # raises, listing what there is
        guarded(self.root, work)

    # -- parts --------------------------------------------------------------------------------

    def _starter(self) -> ModelEntry:
        path = starter_path()
        now = identity(path)
        if self._embedded is None or self._embedded[0] != now:
            info, digest = read_gguf(path), self._sha256(path)
            entry = _entry(STARTER, path, digest, info, owned=False, promoted=True)
            self._embedded = now, entry
        return self._embedded[1]

    def _sha256(self, path: Path) -> str:
        return guarded(path, lambda: self._hashes.sha256(path))

    def _check(self, entry: ModelEntry) -> None:
        """Sound by its header and extents, and the content it had when it was added."""
        now = [*identity(entry.path), entry.sha256] if entry.path.is_file() else []
        if not now or self._sound.get(entry.path) != now:
            read_gguf(entry.path, kind=entry.kind)
            digest = self._sha256(entry.path)
            if digest != entry.sha256:
                raise _changed(entry, digest)
            self._sound[entry.path] = now
        self.base_of(entry)

    def _make_folders(self) -> None:
        for folder in (self.root, self._entries, self._files):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(self._files)

    def _register(self, entry: ModelEntry, temporary: Path | None = None) -> ModelEntry:
        with locked(self.root / ".lock"):
            if (self._entries / f"{entry.name}.json").exists():
                present = self.get(entry.name)
                if present.sha256 == entry.sha256 and present.path.is_file():
                    return present
                raise ModelError(
                    f"{entry.name}: there is another model of this name ({present.model_id}). "
                    f"Choose another name, or run `whetstone models remove {entry.name}` first."
                )
            if temporary is not None:
                # A file without an entry is what a kill between these two steps leaves behind.
                temporary.replace(entry.path)
                sync_folder(self._files)
            self._hashes.remember(entry.path, entry.sha256)
            self._write_entry(entry)
            return entry

    def _write_entry(self, entry: ModelEntry) -> None:
        path = self._entries / f"{entry.name}.json"
        guarded(path, lambda: atomic_write_text(path, dump_entry(entry)))

    def _choose(self, name: str, reason: str, *, promoted: bool) -> ModelEntry:
        def work() -> ModelEntry:
            self._make_folders()
            with locked(self.root / ".lock"):
                entry = self.get(name)
                self._check(entry)
                if promoted and name != STARTER:
                    entry = dataclasses.replace(entry, promoted=True, reason=reason)
                    self._write_entry(entry)
                self._pointer.point(entry, reason=reason)
                return entry

        return guarded(self.root, work)


def _entry(
    name: str, path: Path, digest: str, info: GgufInfo, *, owned: bool = True, **details: Any
) -> ModelEntry:
    return ModelEntry(
        name=name,
        path=path,
        sha256=digest,
        size=info.size,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        prompt_format=info.prompt_format,
        architecture=info.architecture,
        parameters=info.parameters,
        quantization=info.quantization,
        context_tokens=info.context_tokens,
        owned=owned,
        **details,
    )


def _changed(entry: ModelEntry, digest: str) -> ModelError:
    return ModelError(
        f"{entry.path}: sha256 {digest[:12]}, expected {entry.sha256[:12]}: the file was changed "
        f"or damaged. Run `whetstone models remove {entry.name}` and fetch or add it again, or "
        "`whetstone models rollback` to serve the one before."
    )
