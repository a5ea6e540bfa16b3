"""Whole recipes at small size, with real training, real files and the real sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import warm
from click.testing import CliRunner

from trainer.cli import main
from trainer.recipes.base import fetch_base
from trainer.recipes.config import load_recipe

_COMMON = ("--small", "--static", "0", "--limit", "2", "--triplets", "16", "--pairs", "8")


def arguments(name: str, out: Path, programs: Path) -> list[str]:
    given = ["recipe", "run", name, "--out", str(out), "--programs", str(programs)]
    return [*given, "--program-limit", "5", "--asked", "4", *_COMMON]


def wait_for(condition: Any, process: BaseProcess) -> None:
    deadline = time.monotonic() + 800
    while not condition():
        assert process.exitcode is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state(out: Path) -> dict[str, Any]:
    file = out / "state.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


@pytest.mark.timeout(900)
def test_a_recipe_that_was_killed_goes_on_to_its_table(tmp_path: Path, programs_file: Path) -> None:
    out = tmp_path / "out"
    process = warm.start("trainer", *arguments("starter", out, programs_file))
    try:
        wait_for(lambda: "data" in state(out), process)
    finally:
        assert process.pid
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    data = state(out)["data"]

    result = CliRunner().invoke(main, [*arguments("starter", out, programs_file), "--json"])

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found["scores"]) == {"before", "sft", "dpo", "control"}
    steps = list(found["steps"])
    assert steps[0] == "data" and steps[-1] == "seed 0: control measured"
    assert state(out)["data"] == data  # not made once more
    assert found["base"].startswith("random weights")
    dpo = found["steps"]["seed 0: dpo"]
    assert dpo["beta"] == 0.1 and dpo["kl"] >= 0 and dpo["pairs"] > 0
    assert "problems" in found["scores"]["before"][0] and "static" in found["scores"]["dpo"][0]
    table = (out / "report" / "table.md").read_text()
    assert "SFT control" in table and "McNemar" in table
    done = state(out)
    assert CliRunner().invoke(main, arguments("starter", out, programs_file)).exit_code == 0
    assert state(out) == done


@pytest.mark.parametrize("name", ["qwen2.5-3b", "llama-3.1-8b", "llama-3.2-3b"])
def test_small_models_of_every_recipe_train_export_and_answer(name: str, tmp_path: Path) -> None:
    """One training step through all the parts that depend on the architecture."""
    from export.quantize import export_gguf
    from trainer.recipes.config import shrunk
    from trainer.recipes.steps import SeedSteps
    from trainer.reporter import SilentReporter
    from trainer.triplets.triplet import Triplet
    from whetstone.engine.llama import LlamaEngine
    from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span
    from whetstone.prompt import render

    recipe = shrunk(load_recipe(name))
    base = fetch_base(recipe, tmp_path / "base", small=True, given=None)
    config = json.loads((base / "config.json").read_text())
    assert config["model_type"] == recipe.small.family
    assert config["tie_word_embeddings"] is recipe.small.tied
    problem = Problem(
        name="a.py",
        diagnostic=Diagnostic(
            source="test", code="AssertionError", message="AssertionError: assert 1 == 2",
            span=Span(start_line=0, end_line=0),
        ),
        region=Region(start=0, stop=1),
        flagged=("x = 1",),
    )  # fmt: skip
    triplets = [
        Triplet(
            source="mutant", group=str(n), origin="o", licence="", kind="constant", problem=problem,
            chosen=Replacement(kind="replace", lines=(f"x = {n}",)),
            rejected=Replacement(kind="replace", lines=("x = 1",)),
            rejected_is="unchanged", chosen_is="original", chosen_by="tests",
        )
        for n in range(2, 6)
    ]  # fmt: skip
    steps = SeedSteps(recipe, base, tmp_path / "seed", 0, SilentReporter())
    assert steps.sft(triplets)["triplets"] == 4
    facts = steps.dpo(triplets)
    assert facts["pairs"] == 4 and facts["kl"] >= 0
    engine = LlamaEngine(steps.export("dpo"), model_id="dpo")
    try:
        answers = engine.generate(render(problem, "chat"), n=2, max_tokens=4)
        assert list(answers)
    finally:
        engine.close()
    assert export_gguf(base, tmp_path / "b.gguf", quantization="q8_0").path.exists()


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as a snapshot needs."""

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        files = sorted(self.folder.iterdir())
        if self.path.startswith("/api/models/"):
            found: Any = {"id": "x", "sha": "c" * 40}
            found["siblings"] = [{"rfilename": path.name} for path in files]
            if "/tree/" in self.path:
                found = [
                    {
                        "type": "file",
                        "path": path.name,
                        "size": path.stat().st_size,
                        "oid": "d" * 40,
                    }
                    for path in files
                ]
            self._send(json.dumps(found).encode(), "application/json", body=body)
            return
        path = self.folder / self.path.rpartition("/")[2]
        if "/resolve/" in self.path and path.is_file():
            self._send(path.read_bytes(), "application/octet-stream", body=body)
        else:
            self.send_error(404)

    def _send(self, data: bytes, kind: str, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hash(data) & 0xFFFFFFFF:08x}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


def test_the_hubs_weights_are_fetched_when_nothing_else_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: the hub's library reads its settings when it is imported."""
    recipe = load_recipe("llama-3.2-3b")
    made = fetch_base(recipe, tmp_path / "made", small=True, given=None)
    handler = type("Hub", (_Hub,), {"folder": made, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    code = (
        "from pathlib import Path\n"
        "from trainer.recipes.base import fetch_base\n"
        "from trainer.recipes.config import load_recipe\n"
        "recipe = load_recipe('llama-3.2-3b')\n"
        f"print(fetch_base(recipe, Path({str(tmp_path / 'none')!r}), small=False, given=None))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stderr
    fetched = Path(done.stdout.strip().splitlines()[-1])
    assert (fetched / "model.safetensors").read_bytes() == (made / "model.safetensors").read_bytes()
    assert any("meta-llama/Llama-3.2-3B-Instruct" in path for path in handler.asked)


def test_list_names_every_recipe_with_its_base() -> None:
    result = CliRunner().invoke(main, ["recipe", "list"])
    assert result.exit_code == 0
    assert "qwen2.5-3b" in result.output and "meta-llama/Llama-3.1-8B-Instruct" in result.output
