"""One tree of settings, validated in one table where it enters.

Order, later wins: the defaults below, `settings.toml` in the data folder, the workspace's
`whetstone.toml` (or `[tool.whetstone]` in its pyproject.toml), the environment (`WHETSTONE_` and
the key in capitals, dots as underscores), and what the editor sends.

A workspace is somebody else's text: opening a cloned repository must not run its code or send the
user's files anywhere. Keys that could do so are not taken from a workspace; a message says so.
`describe()` gives the whole table, from which the documentation is generated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

from whetstone.settings_values import (
    AutoOr,
    Choice,
    Command,
    EnvironmentName,
    Flag,
    Integer,
    Kind,
    Number,
    Text,
    Url,
    Words,
)

_FILE_LIMIT = 1_000_000  # bytes; a settings file is a page, not a data set
IGNORE_GLOBS = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", ".pgpass", ".pypirc", ".npmrc",
    ".htpasswd", ".git-credentials", "credentials", "credentials.json", "secrets.json",
    "secrets.toml", "secrets.yaml", "secrets.yml",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings:
    """An OpenAI-compatible server: llama-server, vLLM, Ollama."""

    base_url: str = "http://127.0.0.1:8080/v1"
    model: str | None = None
    key_env: str | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSettings:
    """The command that proves a candidate, and the limits it runs under."""

    __test__ = False  # not a test class, whatever pytest thinks of the name

    command: tuple[str, ...] | None = None
    python: str | None = None
    timeout_s: float = 20.0
    memory_mb: int = 1024
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    min_pairs: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSettings:
    """Fixes that are made ready before anybody asks for them."""

    enabled: bool = True
    delay_s: float = 0.4
    on_battery: bool = False
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    retrain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Defaults stand here and nowhere else; `_KEYS` says what each key means and allows."""

    enabled: bool = True
    model: str | None = None
    adapter: str | None = None
    engine: Literal["llama", "openai"] = "llama"
    openai: OpenAISettings = field(default_factory=OpenAISettings)
    candidates: int = 4
    max_tokens: int = 96
    temperature: float = 0.8
    seed: int = 0
    threads: int = 0
    context_tokens: int = 4096
    gpu_layers: int = -1
    cache_mb: int = 512
    cache_on_disk: bool = False
    context_shift: Literal["auto", "on", "off"] = "auto"
    deadline_s: float = 3.0
    threshold: float | Literal["auto"] = "auto"
    prepare: PrepareSettings = field(default_factory=PrepareSettings)
    analogies: bool = True
    codelens: bool = True
    settle_s: float = 30.0
    diagnostics: Literal["off", "auto", "on"] = "auto"
    ignore_codes: tuple[str, ...] = ()
    ignore_globs: tuple[str, ...] = IGNORE_GLOBS
    test: TestSettings = field(default_factory=TestSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Key:
    name: str
    kind: Kind
    doc: str
    workspace: bool = True  # may a workspace's file set it?
    extends: bool = False  # a workspace adds to the list instead of replacing it


_KEYS: dict[str, _Key] = {
    key.name: key
    for key in (
        _Key(name="enabled", kind=Flag(),
             doc="Off: no diagnostics, no fixes, nothing prepared."),
        _Key(name="model", kind=Text(optional=True), workspace=False,
             doc="Model to serve: a name in the registry or the path of a GGUF file. "
                 "Unset: the registry's active model."),
        _Key(name="adapter", kind=Text(optional=True),
             doc="LoRA adapter to answer with: the name of one in the registry that belongs to the "
                 "model that serves, or that model's own name for none. Each folder of a workspace "
                 "may have its own. Unset: what is active."),
        _Key(name="engine", kind=Choice(options=("llama", "openai")), workspace=False,
             doc="`llama` runs the GGUF in this process; `openai` asks a server."),
        _Key(name="openai.base_url", kind=Url(), workspace=False,
             doc="Address of the OpenAI-compatible server, up to and including /v1."),
        _Key(name="openai.model", kind=Text(optional=True), workspace=False,
             doc="Model name sent to the server. Unset: the first one it lists."),
        _Key(name="openai.key_env", kind=EnvironmentName(), workspace=False,
             doc="Name of the environment variable that holds the key, never the key itself."),
        _Key(name="openai.timeout_s", kind=Number(low=1, high=3600), workspace=False,
             doc="Seconds to wait for the server's answer to one request."),
        _Key(name="candidates", kind=Integer(low=1, high=64),
             doc="Answers asked of the model for each problem."),
        _Key(name="max_tokens", kind=Integer(low=1, high=4096),
             doc="Longest answer, in tokens."),
        _Key(name="temperature", kind=Number(low=0, high=2),
             doc="Sampling temperature of all answers but the first, which is greedy."),
        _Key(name="seed", kind=Integer(low=0, high=2**31 - 1),
             doc="Seed of the sampler; the same seed gives the same answers."),
        _Key(name="threads", kind=Integer(low=0, high=1024),
             doc="CPU threads of the engine; 0 chooses by the machine."),
        _Key(name="context_tokens", kind=Integer(low=256, high=1_048_576),
             doc="Context window, in tokens; cut to what the model was trained with."),
        _Key(name="gpu_layers", kind=Integer(low=-1, high=10_000),
             doc="Layers given to the GPU; -1 gives all of them where there is one."),
        _Key(name="cache_mb", kind=Integer(low=0, high=1_048_576), workspace=False,
             doc="Memory for the computed prompts of recent documents, in MB."),
        _Key(name="cache_on_disk", kind=Flag(), workspace=False,
             doc="Keep them in the data folder from one session to the next. They are made from "
                 "your code."),
        _Key(name="context_shift", kind=Choice(options=("auto", "on", "off")), workspace=False,
             doc="Take over what was computed of text that an edit only moved. Much sooner, and an "
                 "answer can differ a little; `auto` does it for models with chat prompts."),
        _Key(name="deadline_s", kind=Number(low=0.05, high=600),
             doc="Seconds a client without resolve support waits for code actions."),
        _Key(name="threshold", kind=AutoOr(number=Number(low=0, high=1)),
             doc="A fix is offered when it is at least so likely to be kept, by your own history; "
                 "`auto` chooses the cut."),
        _Key(name="prepare.enabled", kind=Flag(),
             doc="Make fixes ready in the background, before you ask."),
        _Key(name="prepare.delay_s", kind=Number(low=0, high=60),
             doc="Seconds without typing before preparing begins."),
        _Key(name="prepare.on_battery", kind=Flag(),
             doc="Prepare while the machine runs on its battery, too."),
        _Key(name="prepare.threads", kind=Integer(low=1, high=1024), workspace=False,
             doc="Most CPU threads of the engine while preparing; checks take turns with it."),
        _Key(name="analogies", kind=Flag(),
             doc="Propose first what you did twice where the same was found. Learnt from your "
                 "choices as they are made, without training; `whetstone prefs learned` lists it."),
        _Key(name="codelens", kind=Flag(),
             doc="Show \"keep\" and \"revert\" above the lines that a fix changed."),
        _Key(name="settle_s", kind=Number(low=0, high=3600),
             doc="Seconds that a saved change must stand until its outcome is final."),
        _Key(name="diagnostics", kind=Choice(options=("off", "auto", "on")),
             doc="Publish own diagnostics; `auto` goes quiet where another tool reports the same."),
        _Key(name="ignore_codes", kind=Words(),
             doc="Diagnostic codes that are never offered a fix, such as E501."),
        _Key(name="ignore_globs", kind=Words(), extends=True,
             doc="Files whose text is never stored or copied. A workspace can only add to them."),
        _Key(name="test.command", kind=Command(),
             doc="Command that must pass with the fix applied, as a list or a quoted string; "
                 "run without a shell, in a copy of the workspace."),
        _Key(name="test.python", kind=Text(optional=True), workspace=False,
             doc="Python that runs single tests. Unset: the workspace's .venv or venv, the active "
                 "environment, or the one Whetstone runs in."),
        _Key(name="test.timeout_s", kind=Number(low=0.1, high=3600),
             doc="Seconds the command may run."),
        _Key(name="test.memory_mb", kind=Integer(low=64, high=1_048_576),
             doc="Memory, in MiB, that its processes may use together."),
        _Key(name="test.consent", kind=Flag(), workspace=False,
             doc="The user's word that test commands may run code from the workspace."),
        _Key(name="train.min_pairs", kind=Integer(low=1, high=1_000_000), workspace=False,
             doc="New pairs that must have come before a training run starts, or is proposed."),
        _Key(name="notify.retrain", kind=Flag(), workspace=False,
             doc="Propose to retrain, at most once a day, when `train.min_pairs` have come."),
    )
}  # fmt: skip

# Sent by editors beside our keys, for their own client's use.
_CLIENT_KEYS = ("trace", "server")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """One row of the documentation."""

    name: str
    default: str
    allowed: str
    environment: str
    workspace: bool
    doc: str


def describe() -> list[KeyInfo]:
    """Every key, in the order of the table."""
    defaults = _flatten_settings(Settings())
    return [
        KeyInfo(
            name=key.name,
            default=key.kind.show(defaults[key.name]),
            allowed=key.kind.allowed,
            environment=_variable(key.name),
            workspace=key.workspace,
            doc=key.doc,
        )
        for key in _KEYS.values()
    ]


def load_settings(
    workspace: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[Settings, list[str]]:
    """The settings in force, and one message for each value that could not be used.

    Args:
        workspace: root folder whose whetstone.toml or pyproject.toml is read.
        overrides: what the editor sent, nested or with dotted keys, with or without `whetstone`.
        env: the environment; the process's own when None.
    """
    env = os.environ if env is None else env
    loading = _Loading()
    user_file = _data_folder(env) / "settings.toml"
    loading.take(_read_toml(user_file, loading.problems), where=str(user_file))
    if workspace is not None:
        loading.take_workspace(workspace)
    loading.take_environment(env)
    loading.take_overrides(overrides or {})
    return _build(loading.values), loading.problems


class _Loading:
    """Values by dotted key, and the messages, while the layers are read one over the other."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = _flatten_settings(Settings())
        self.problems: list[str] = []

    def take(
        self, tree: Mapping[str, Any], *, where: str, trusted: bool = True, client: bool = False
    ) -> None:
        for name, value in _flatten(tree).items():
            if client and (value is None or name.split(".")[0] in _CLIENT_KEYS):
                continue
            key = _KEYS.get(name)
            if key is None:
                self.problems.append(f"{name} (from {where}): no such setting{_guess(name)}")
            elif not trusted and not key.workspace:
                self.problems.append(
                    f"{name} (from {where}): a workspace may not set this, because it could run "
                    f"code or send files elsewhere. Set {_variable(name)} or your editor's "
                    "settings if you want it."
                )
            else:
                self.set(key, value, where=where, extend=key.extends and not trusted)

    def set(self, key: _Key, value: object, *, where: str, extend: bool = False) -> None:
        try:
            checked = key.kind.check(value)
        except ValueError:
            current = self.values[key.name]
            self.problems.append(
                f"{key.name} = {key.kind.quote(value)} (from {where}): allowed is "
                f"{key.kind.allowed}; using {key.kind.show(current)}"
            )
            return
        if extend:
            checked = tuple(dict.fromkeys((*self.values[key.name], *checked)))
        self.values[key.name] = checked

    def take_workspace(self, workspace: Path) -> None:
        own = workspace / "whetstone.toml"
        if own.is_file():
            self.take(_read_toml(own, self.problems), where="whetstone.toml", trusted=False)
            return
        # A broken pyproject.toml is for its own tools to report, and no setting of ours.
        tree = _read_toml(workspace / "pyproject.toml", []).get("tool", {})
        section = tree.get("whetstone", {}) if isinstance(tree, dict) else {}
        if isinstance(section, dict):
            self.take(section, where="[tool.whetstone] in pyproject.toml", trusted=False)

    def take_environment(self, env: Mapping[str, str]) -> None:
        variables = {_variable(name): key for name, key in _KEYS.items()}
        for variable, text in env.items():
            key = variables.get(variable)
            if key is not None:
                native = key.kind.from_text(text)
                self.set(key, native, where=f"environment variable {variable}")
            elif variable.startswith("WHETSTONE_") and variable != "WHETSTONE_DATA":
                # Other variables of ours may exist; only a near miss is worth a message.
                from difflib import get_close_matches  # only for what is misspelt

                close = get_close_matches(variable, variables, n=1, cutoff=0.85)
                if close:
                    self.problems.append(f"{variable}: no such setting; did you mean {close[0]}?")

    def take_overrides(self, overrides: Mapping[str, Any]) -> None:
        inner = overrides.get("whetstone", overrides)
        if not isinstance(inner, Mapping):
            self.problems.append("whetstone (from the editor): expected an object with settings")
            return
        self.take(inner, where="the editor", client=True)


def _variable(name: str) -> str:
    return "WHETSTONE_" + name.upper().replace(".", "_")


def _guess(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, _KEYS, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _data_folder(env: Mapping[str, str]) -> Path:
    # Not paths.data_dir(): reading the settings must not create a folder.
    chosen = env.get("WHETSTONE_DATA")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("whetstone")


def _read_toml(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > _FILE_LIMIT:
            raise ValueError(f"larger than {_FILE_LIMIT} bytes")
        import tomllib  # most have no such file

        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{path}: cannot be read ({error}); its settings are not used")
        return {}


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables to dotted keys; a key that is written dotted already stays as it is."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in _KEYS and key.count(".") < 4:
            flat |= _flatten(value, f"{key}.")
        else:
            flat[key.removeprefix("whetstone.")] = value
    return flat


def _flatten_settings(settings: Settings) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in _KEYS:
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        flat[name] = value
    return flat


def _build(values: Mapping[str, Any]) -> Settings:
    top: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {
        "openai": {}, "prepare": {}, "test": {}, "train": {}, "notify": {},
    }  # fmt: skip
    for name, value in values.items():
        group, _, leaf = name.rpartition(".")
        (groups[group] if group else top)[leaf] = value
    return Settings(
        **top,
        openai=OpenAISettings(**groups["openai"]),
        prepare=PrepareSettings(**groups["prepare"]),
        test=TestSettings(**groups["test"]),
        train=TrainSettings(**groups["train"]),
        notify=NotifySettings(**groups["notify"]),
    )
