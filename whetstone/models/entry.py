"""One model of the registry, and how it stands on disk."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whetstone.errors import ModelError
from whetstone.models.gguf_info import GgufKind
from whetstone.prompt import FORMATS, FormatName

STARTER = "starter"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One GGUF model: where it is, what it is, and what it was made from.

    A LoRA adapter is an entry, too: its file and size are its own, and what else describes a model
    is that of its `base`.
    """

    name: str
    path: Path
    sha256: str
    size: int
    created_at: str
    prompt_format: FormatName = "chat"
    parent: str | None = None  # model_id of the model it was trained from
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)  # what it was trained on, or fetched from
    training_base: str | None = None  # folder or hub repository that training starts from
    base: str | None = None  # of a LoRA adapter: model_id of the model that it is put over
    training_adapter: str | None = None  # of a LoRA adapter: folder to train it further from
    architecture: str = ""
    parameters: int = 0
    quantization: str = ""
    context_tokens: int | None = None
    promoted: bool = False
    reason: str = ""  # why it was promoted
    owned: bool = True  # the file lies in the registry's own folder

    @property
    def model_id(self) -> str:
        """Stands beside every suggestion."""
        return f"{self.name}@{self.sha256[:8]}"

    @property
    def kind(self) -> GgufKind:
        return "model" if self.base is None else "adapter"

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "path": str(self.path)}


def check_name(name: str) -> str:
    """`name`, when it can name a model and a file on every system.

    Raises:
        ModelError: it cannot.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ModelError(
            f"{name!r} cannot name a model: use letters, digits, '.', '_' and '-', at most 100."
        )
    return name


def dump_entry(entry: ModelEntry) -> str:
    """JSON text; the path of an owned file is stored by its name, so that the folder can move."""
    stored = entry.to_json()
    if entry.owned:
        stored["path"] = entry.path.name
    return json.dumps(stored, indent=2, ensure_ascii=False) + "\n"


def read_entry(path: Path, files: Path) -> ModelEntry:
    """The entry stored at `path`.

    Raises:
        FileNotFoundError: there is none.
        ModelError: it is damaged.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        known = {item.name for item in dataclasses.fields(ModelEntry)}
        values = {key: value for key, value in stored.items() if key in known}
        if values["owned"] and Path(values["path"]).name != values["path"]:
            raise ValueError("an owned file outside the folder")
        values["path"] = files / values["path"] if values["owned"] else Path(values["path"])
        entry = ModelEntry(**values)
        if entry.name != path.stem or not _SHA256.fullmatch(entry.sha256):
            raise ValueError("name or sha256")
        if entry.prompt_format not in FORMATS:
            raise ValueError("prompt_format")
        return entry
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{path}: the entry is damaged ({error}). "
            f"Run `whetstone models remove {path.stem}` and add the model again."
        ) from error
