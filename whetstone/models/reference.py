"""What a user may name to be pulled: a model of the catalogue, a file, an address, a repository."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from whetstone.errors import ModelError, UsageError

DEFAULT_QUANTIZATION = "q4_k_m"
_HUB = "https://huggingface.co"
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)(?::([^:\\]+\.gguf))?", re.IGNORECASE)
_HUB_PATH = re.compile(r"/([\w.-]+/[\w.-]+)/(?:resolve|blob)/([^/]+)/(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueModel:
    """A model that has been chosen for this task, by its short name."""

    name: str
    parameters: str
    license: str

    @property
    def training_base(self) -> str:
        return f"Qwen/Qwen2.5-Coder-{self.parameters}-Instruct"

    @property
    def repository(self) -> str:
        return f"{self.training_base}-GGUF"

    def file(self, quantization: str) -> str:
        return f"qwen2.5-coder-{self.parameters.lower()}-instruct-{quantization}.gguf"


CATALOGUE: dict[str, CatalogueModel] = {
    model.name: model
    for model in (
        CatalogueModel(name="qwen2.5-coder-0.5b", parameters="0.5B", license="Apache-2.0"),
        CatalogueModel(name="qwen2.5-coder-1.5b", parameters="1.5B", license="Apache-2.0"),
        CatalogueModel(name="qwen2.5-coder-3b", parameters="3B",
                       license="Qwen Research License (no commercial use)"),
        CatalogueModel(name="qwen2.5-coder-7b", parameters="7B", license="Apache-2.0"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a hub repository; `file` None means: the one of the wanted quantization."""

    endpoint: str
    repository: str
    file: str | None = None
    revision: str = "main"
    catalogue: CatalogueModel | None = None

    @property
    def listing_url(self) -> str:
        return (
            f"{self.endpoint}/api/models/{self.repository}/tree/{quote(self.revision, safe='')}"
            "?recursive=true"
        )

    def file_url(self, file: str) -> str:
        revision = quote(self.revision, safe="")
        return f"{self.endpoint}/{self.repository}/resolve/{revision}/{quote(file)}"


Reference = LocalFile | Address | HubFile


def hub_endpoint(env: Mapping[str, str] | None = None) -> str:
    """The model hub's address; HF_ENDPOINT names a mirror."""
    env = os.environ if env is None else env
    return (env.get("HF_ENDPOINT") or _HUB).rstrip("/")


def parse_reference(text: str, *, quantization: str, endpoint: str) -> Reference:
    """What `text` names. Nothing is fetched.

    Raises:
        UsageError: it names nothing; lists what could have been meant.
    """
    model = CATALOGUE.get(text.lower())
    if model is not None:
        return HubFile(
            endpoint=endpoint,
            repository=model.repository,
            file=model.file(quantization.lower()),
            catalogue=model,
        )
    if "://" in text:
        return _parse_url(text, endpoint)
    path = Path(text).expanduser()
    if path.is_file() or path.is_absolute() or text.startswith((".", "~")):
        return LocalFile(path=path)
    match = _REPOSITORY.fullmatch(text)
    if match and not (match[2] is None and text.lower().endswith(".gguf")):
        return HubFile(endpoint=endpoint, repository=match[1], file=_safe_file(match[2]))
    close = difflib.get_close_matches(text, CATALOGUE, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    raise UsageError(
        f"{text}: no such file, and not a model's name.{guess} Known: {', '.join(CATALOGUE)}; "
        "or give a .gguf path, an https address, or a hub repository as owner/name[:file.gguf]."
    )


def _parse_url(text: str, endpoint: str) -> Reference:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{text}: only https addresses can be fetched.")
    match = _HUB_PATH.fullmatch(parts.path)
    if match and f"{parts.scheme}://{parts.netloc}" == endpoint:
        return HubFile(
            endpoint=endpoint,
            repository=match[1],
            revision=unquote(match[2]),
            file=_safe_file(unquote(match[3])),
        )
    return Address(url=text)


def _safe_file(file: str | None) -> str | None:
    if file is not None and ".." in file.split("/"):
        raise UsageError(f"{file}: not a file inside a repository.")
    return file


def model_name(file: str) -> str:
    """A registry name made from a file's name: `Some Model Q4_K_M.gguf` -> `some-model-q4_k_m`."""
    stem = file.rsplit("/", 1)[-1]
    stem = stem[: -len(".gguf")] if stem.lower().endswith(".gguf") else stem
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:100].rstrip("-._")
    if not name:
        raise ModelError(
            f"{file}: no name for the model can be made from this; give one by --name."
        )
    return name
