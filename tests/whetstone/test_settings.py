from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from whetstone.settings import IGNORE_GLOBS, Settings, describe, load_settings


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"WHETSTONE_DATA": str(tmp_path / "data")}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_nothing_set_gives_the_defaults_and_creates_nothing(env: dict[str, str]) -> None:
    settings, problems = load_settings(None, env=env)
    assert settings == Settings()
    assert problems == []
    assert not Path(env["WHETSTONE_DATA"]).exists()


def test_later_layers_win(env: dict[str, str], workspace: Path) -> None:
    data = Path(env["WHETSTONE_DATA"])
    data.mkdir()
    (data / "settings.toml").write_text("candidates = 2\nseed = 2\nthreads = 2\nmax_tokens = 22\n")
    (workspace / "whetstone.toml").write_text("candidates = 3\nseed = 3\nthreads = 3\n")
    env |= {"WHETSTONE_CANDIDATES": "5", "WHETSTONE_SEED": "5"}
    settings, problems = load_settings(workspace, env=env, overrides={"candidates": 6})
    assert (settings.max_tokens, settings.threads, settings.seed, settings.candidates) == (
        22, 3, 5, 6,
    )  # fmt: skip
    assert problems == []


def test_pyproject_is_read_unless_whetstone_toml_is_there(
    env: dict[str, str], workspace: Path
) -> None:
    (workspace / "pyproject.toml").write_text(
        '[tool.whetstone]\ncandidates = 7\ntest.command = ["pytest", "-q"]\n'
    )
    settings, problems = load_settings(workspace, env=env)
    assert (settings.candidates, settings.test.command) == (7, ("pytest", "-q"))
    (workspace / "whetstone.toml").write_text("seed = 9\n")
    settings, problems = load_settings(workspace, env=env)
    assert (settings.candidates, settings.seed) == (4, 9)
    assert problems == []


@pytest.mark.parametrize("text", ["[tool\n", "tool = 3\n", "[tool]\nwhetstone = 1\n"])
def test_a_strange_pyproject_is_no_matter_of_ours(
    env: dict[str, str], workspace: Path, text: str
) -> None:
    (workspace / "pyproject.toml").write_text(text)
    assert load_settings(workspace, env=env) == (Settings(), [])


def test_a_broken_whetstone_toml_is_named(env: dict[str, str], workspace: Path) -> None:
    (workspace / "whetstone.toml").write_bytes(b"candidates = \xff")
    settings, problems = load_settings(workspace, env=env)
    assert settings == Settings()
    assert len(problems) == 1 and "whetstone.toml" in problems[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("candidates", 0),
        ("candidates", "4"),
        ("candidates", True),
        ("candidates", 2.5),
        ("temperature", float("nan")),
        ("temperature", -0.1),
        ("engine", "torch"),
        ("engine", ["llama"]),
        ("diagnostics", True),
        ("ignore_codes", "E501"),
        ("ignore_codes", [1]),
        ("openai.base_url", "file:///etc/passwd"),
        ("openai.base_url", "http://host:99999/v1"),
        ("openai.base_url", "http://"),
        ("openai.base_url", "http://[::1/v1"),
        ("test.command", 'pytest "unclosed'),
        ("test.command", [""]),
        ("test.command", 3),
        ("test.consent", "yes"),
        ("model", "a\nb"),
        ("test", 3),
    ],
)
def test_a_wrong_value_names_the_key_and_falls_back(
    env: dict[str, str], name: str, value: object
) -> None:
    settings, problems = load_settings(None, env=env, overrides={name: value})
    assert settings == Settings()
    assert len(problems) == 1
    assert problems[0].startswith(name)


def test_the_message_gives_the_value_and_what_is_allowed(env: dict[str, str]) -> None:
    _, problems = load_settings(None, env=env | {"WHETSTONE_TEST_TIMEOUT_S": "soon"})
    assert problems == [
        "test.timeout_s = 'soon' (from environment variable WHETSTONE_TEST_TIMEOUT_S): "
        "allowed is a number from 0.1 to 3600; using 20.0"
    ]


def test_secrets_in_wrong_places_are_not_repeated(env: dict[str, str]) -> None:
    overrides = {"openai": {"key_env": "sk-live-123", "base_url": "http://me:hunter2@h/v1"}}
    _, problems = load_settings(None, env=env, overrides=overrides)
    assert len(problems) == 2
    assert not any("sk-live" in text or "hunter2" in text for text in problems)


def test_an_unknown_key_suggests_the_near_one(env: dict[str, str], workspace: Path) -> None:
    (workspace / "whetstone.toml").write_text("candidats = 3\n")
    _, problems = load_settings(workspace, env=env | {"WHETSTONE_CANDIDATS": "3"})
    assert problems == [
        "candidats (from whetstone.toml): no such setting; did you mean candidates?",
        "WHETSTONE_CANDIDATS: no such setting; did you mean WHETSTONE_CANDIDATES?",
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        {"whetstone": {"test": {"timeout_s": 3}, "trace": {"server": "off"}}},
        {"test": {"timeout_s": 3}, "model": None},
        {"test.timeout_s": 3},
        {"whetstone.test.timeout_s": 3.0},
    ],
)
def test_editors_may_nest_or_dot(env: dict[str, str], overrides: dict[str, Any]) -> None:
    settings, problems = load_settings(None, env=env, overrides=overrides)
    assert settings.test.timeout_s == 3
    assert problems == []


@pytest.mark.parametrize(
    "line",
    [
        'model = "/tmp/evil.gguf"',
        'engine = "openai"',
        'openai.base_url = "https://evil.example/v1"',
        'openai.key_env = "AWS_SECRET_ACCESS_KEY"',
        'openai.model = "x"',
        "test.consent = true",
        "train.min_pairs = 1",
    ],
)
def test_a_workspace_cannot_set_what_runs_code_or_sends_files(
    env: dict[str, str], workspace: Path, line: str
) -> None:
    (workspace / "whetstone.toml").write_text(line + "\n")
    settings, problems = load_settings(workspace, env=env)
    assert settings == Settings()
    assert len(problems) == 1
    assert problems[0].startswith(line.split(" ")[0])
    assert "workspace may not set" in problems[0]


def test_a_workspace_can_only_add_ignore_globs(env: dict[str, str], workspace: Path) -> None:
    (workspace / "whetstone.toml").write_text('ignore_globs = ["*.private", ".env"]\n')
    settings, problems = load_settings(workspace, env=env)
    assert settings.ignore_globs == (*IGNORE_GLOBS, "*.private")
    settings, problems = load_settings(workspace, env=env, overrides={"ignore_globs": ["a"]})
    assert settings.ignore_globs == ("a",)
    assert problems == []


def test_the_environment_reads_every_kind(env: dict[str, str]) -> None:
    env |= {
        "WHETSTONE_TEST_CONSENT": "Yes",
        "WHETSTONE_TEST_COMMAND": "pytest -q 'a b.py'",
        "WHETSTONE_IGNORE_CODES": "E501, W291",
        "WHETSTONE_TEMPERATURE": "0.5",
        "WHETSTONE_MODEL": "",
        "WHETSTONE_OPENAI_BASE_URL": "https://host/v1/",
    }
    settings, problems = load_settings(None, env=env)
    assert problems == []
    assert settings.test.consent is True
    assert settings.test.command == ("pytest", "-q", "a b.py")
    assert settings.ignore_codes == ("E501", "W291")
    assert settings.temperature == 0.5
    assert settings.model is None
    assert settings.openai.base_url == "https://host/v1"


def test_the_table_describes_every_field_and_each_default_is_allowed(env: dict[str, str]) -> None:
    def names(value: Any, prefix: str = "") -> list[str]:
        found: list[str] = []
        for item in dataclasses.fields(value):
            inner = getattr(value, item.name)
            nested = dataclasses.is_dataclass(inner)
            found += names(inner, f"{item.name}.") if nested else [prefix + item.name]
        return found

    rows = describe()
    assert [row.name for row in rows] == names(Settings())
    assert all(row.doc and row.allowed for row in rows)
    settings = Settings()
    defaults = dataclasses.asdict(settings)
    assert load_settings(None, env=env, overrides=defaults) == (settings, [])
