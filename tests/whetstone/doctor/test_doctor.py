"""`whetstone doctor` on a sound installation, and on each thing that can be wrong."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from whetstone.cli import main
from whetstone.doctor import machine, tools
from whetstone.doctor.finding import Finding
from whetstone.engine.llama.build import Build, installed
from whetstone.engine.options import EngineOptions
from whetstone.engine.tuning import Machine, TuningRecord, write_tuning
from whetstone.errors import SandboxError
from whetstone.models import Registry
from whetstone.preferences import PreferenceStore
from whetstone.sandbox import RunResult

CPU = Build(version="1", backends=("CPU",), features=(), gpu=False)


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def doctor() -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    told = json.loads(result.stdout)
    assert told["ok"] == (result.exit_code == 0)
    for row in told["findings"]:  # nothing wrong without saying what to do
        assert row["state"] == "ok" or row["advice"]
    return result.exit_code, {(row["section"], row["name"]): row for row in told["findings"]}


@pytest.fixture
def _no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has its own test here; the others need not wait for it."""
    monkeypatch.setattr(tools, "sandbox", lambda: iter(()))


def test_a_sound_installation() -> None:
    status, found = doctor()
    assert status == 0, [row for row in found.values() if row["state"] == "problem"]
    assert found["machine", "processor"]["value"].endswith("cores")
    assert "starter@" in found["models", "active"]["value"]
    assert "(the registry's active model)" in found["serving", "model"]["value"]
    assert found["serving", "threads"]["value"] == "0 (default)"
    assert found["serving", "tuning"]["advice"].startswith("Run `whetstone tune`")
    assert "is ended" in found["sandbox", "limits"]["value"]


@pytest.mark.usefixtures("_no_sandbox")
def test_for_people_it_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHETSTONE_THREADS", "many")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "machine\n  processor" in result.stdout and "\nserving\n" in result.stdout
    assert "! setting" in result.stdout and "threads = 'many'" in result.stdout
    assert "1 problem (!)" in result.stdout


@pytest.mark.usefixtures("_no_sandbox")
def test_it_says_why_each_option_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    write_tuning(
        TuningRecord(
            model_id=Registry().active().model_id,
            machine=Machine.this(),
            options=EngineOptions(threads=3, threads_batch=3, ubatch=128),
            reasons=("threads 3: twice as fast as before",),
        )
    )
    _, found = doctor()
    assert found["serving", "threads"]["value"] == "3 (measured)"
    assert found["serving", "ubatch"]["value"] == "128 (measured)"
    assert "twice as fast" in found["serving", "tuning"]["value"]
    monkeypatch.setenv("WHETSTONE_THREADS", "1")
    result = CliRunner().invoke(main, ["doctor"])
    assert "1 (settings)" in result.stdout
    assert "Measured as fastest: 3" in result.stdout


@pytest.mark.usefixtures("_no_sandbox")
def test_a_damaged_store_is_found_and_left_alone(_data: Path) -> None:
    PreferenceStore.open().close()
    path = _data / "preferences.db"
    connection = sqlite3.connect(path)
    [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pairs'")
    connection.close()
    assert doctor()[1]["data", "preferences"]["value"].endswith("whole")
    with path.open("r+b") as stream:
        stream.seek((page[0] - 1) * 4096)
        stream.write(b"\xff" * 4096)
    before = path.read_bytes()
    status, found = doctor()
    assert status == 1 and "damaged" in found["data", "preferences"]["value"]
    assert path.read_bytes() == before


@pytest.mark.usefixtures("_no_sandbox")
def test_an_earlier_damaged_store_is_mentioned(_data: Path) -> None:
    _data.mkdir()
    (_data / "preferences.db.corrupt-20260101T000000").write_bytes(b"x")
    status, found = doctor()
    assert status == 0 and "corrupt-2026" in found["data", "set aside"]["value"]


@pytest.mark.usefixtures("_no_sandbox")
def test_a_changed_model_file_is_found(tiny_gguf: Path) -> None:
    registry = Registry()
    entry = registry.add(tiny_gguf, name="mine")
    registry.use("mine")
    assert doctor()[0] == 0
    data = bytearray(entry.path.read_bytes())
    data[-1] ^= 1
    entry.path.write_bytes(data)
    status, found = doctor()
    assert status == 1
    assert found["models", "active"]["state"] == found["serving", "model"]["state"] == "problem"
    assert "sha256" in found["models", "active"]["advice"]


@pytest.mark.usefixtures("_no_sandbox")
def test_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHETSTONE_ENGINE", "openai")
    monkeypatch.setenv("WHETSTONE_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    status, found = doctor()
    assert status == 1 and "does not answer" in found["serving", "server"]["value"]
    assert "only rules answer" in found["serving", "server"]["advice"]


def test_a_gpu_that_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = {row.name: row for row in machine.machine(CPU)}
    assert rows["GPU"].state == "advice" and "-DGGML_CUDA=on" in rows["GPU"].advice
    with_gpu = Build(version="1", backends=("CPU", "CUDA"), features=(), gpu=True)
    assert {row.name: row for row in machine.machine(with_gpu)}["GPU"].value.endswith("CUDA")


def test_a_build_that_would_end_the_process_is_a_problem() -> None:
    tiles = Build(version="1", backends=("CPU",), features=("AVX512", "AMX_INT8"), gpu=False)
    row = {row.name: row for row in machine.versions(tiles)}["llama.cpp uses"]
    assert row.state == "problem" and "-U__AMX_INT8__" in row.advice
    assert {row.name: row for row in machine.versions(CPU)}["llama.cpp uses"].state == "ok"


def test_the_build_is_llama_cpps_own_word() -> None:
    build = installed()
    assert "CPU" in build.backends and build.version


def test_editors_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hx", "whetstone-lsp"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {row.name: row.value for row in tools.editors()}
    assert found == {
        "found": f"Helix ({tmp_path / 'hx'})", "whetstone-lsp": str(tmp_path / "whetstone-lsp"),
    }  # fmt: skip


@pytest.mark.parametrize("way", ["raises", "runs on"])
def test_a_sandbox_without_limits(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> RunResult:
        if way == "raises":
            raise SandboxError("No program starts here.")
        return RunResult(
            status=0, stdout="1", stderr="", timed_out=False, killed_for=None, duration_s=1,
            isolation="none",
        )  # fmt: skip

    monkeypatch.setattr(tools, "run", run)
    first = next(iter(tools.sandbox()))
    assert isinstance(first, Finding) and first.state == "problem" and first.advice
