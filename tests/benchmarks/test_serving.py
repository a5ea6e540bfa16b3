"""The serving benchmark runs, on a tiny model, against the peers that need no set-up."""

from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.serving import peers, setup
from benchmarks.serving.figures import best_peer, figures, most, recomputed_near, spread
from benchmarks.serving.models import Shape, random_model
from benchmarks.serving.peers import Answered, Question, Setting
from benchmarks.serving.recording import Request, record
from benchmarks.serving.session import Replay
from whetstone.prompt import Prompt

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def session() -> list[Request]:
    return record(requests=12, files=4, format="compact")


def test_the_recording_is_the_same_every_time(session: list[Request]) -> None:
    assert session == record(requests=12, files=4, format="compact")
    assert session != record(requests=12, files=4, format="compact", seed=1)


def test_a_window_shortens_every_prompt() -> None:
    whole, short = (
        record(requests=4, files=2, format="chat", window=window) for window in (None, 5)
    )
    assert [r.line for r in whole] == [r.line for r in short]
    assert all(len(a.prompt.text) > len(b.prompt.text) for a, b in zip(whole, short, strict=True))


def test_the_user_comes_back_to_each_file(session: list[Request]) -> None:
    files = {request.file for request in session}
    assert len(session) == 12 and len(files) == 4
    for name in files:
        turns = [request.turn for request in session if request.file == name]
        assert turns == list(range(3))
    changes = sum(a.file != b.file for a, b in itertools.pairwise(session))
    assert changes >= 3
    assert all(request.prompt.text and request.code for request in session)


def answered(*times: float, evaluated: int = 10) -> Answered:
    return Answered(
        times=times, all_s=times[-1], texts=("<|fix|>x",) * len(times), tokens=8,
        prompt_tokens=100, evaluated=evaluated,
    )  # fmt: skip


def test_ratios_are_medians_of_pairs_against_the_best_peer(session: list[Request]) -> None:
    requests = tuple(session[:3])
    four = Replay(
        n=4,
        requests=requests,
        variants={"whetstone": "as tuned", "slow": "plain", "best": "plain"},
        answers={
            "whetstone": [answered(0.1, 0.2), answered(0.1, 0.1), answered(0.1, 0.4)],
            "slow": [answered(9.0)] * 3,
            "best": [answered(0.3, 0.4), answered(0.3, 0.5), answered(0.3, 0.4)],
        },
        memory_mb={"whetstone": 70.0, "slow": 80.0, "best": 60.0},
        cpu_s={"whetstone": [0.2, 0.1, 0.5], "slow": [9.0] * 3, "best": [0.6, 0.4, 0.5]},
    )
    assert best_peer(four) == "best"
    found = figures(four, four)
    assert found["ratio_four_candidates_vs_best_peer"] == pytest.approx(2.0)
    assert found["equal_at_temperature_0"] == {"slow": 1.0, "best": 1.0}
    assert found["ratio_four_candidates_cpu"] == pytest.approx(3.0)  # of 3, 4 and 1
    assert found["peers"]["best"]["four_candidates_cpu_s"] == pytest.approx(0.5)
    assert found["requests"] == 3
    assert found["peers"]["whetstone"]["first_of_four_s"]["p50"] == 0.1
    # 9 tokens at 90 a second and one pass of 0.1 s: 0.2 s at the least, for their 0.4, 0.5 and 0.4.
    bare = {"bare_prompt_tokens_per_s": 90.0, "bare_decode_tokens_per_s": 10.0}
    assert most(four, bare) == pytest.approx(2.0)
    assert most(four, bare, passes=3) == pytest.approx(1.0)
    seconds = [request for request in requests if request.turn == 1]
    assert found["prompt_tokens_recomputed"] == (0.1 if seconds else None)


def test_requests_near_the_last_one_in_their_file_are_told_apart(session: list[Request]) -> None:
    places = [("a.py", 10), ("a.py", 30), ("b.py", 31), ("a.py", 300), ("a.py", 339)]
    requests = [
        dataclasses.replace(session[0], number=number, file=file, line=line)
        for number, (file, line) in enumerate(places)
    ]
    shares = [1, 2, 3, 4, 6]
    replay = Replay(
        n=1, requests=tuple(requests), variants={"whetstone": ""},
        answers={"whetstone": [answered(0.1, evaluated=10 * share) for share in shares]},
    )  # fmt: skip
    assert recomputed_near(replay) == pytest.approx(0.4)  # of 0.2 and 0.6


def test_percentiles() -> None:
    assert spread([float(n) for n in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert spread([]) == {}


def test_an_interrupted_replay_counts_what_every_peer_answered(session: list[Request]) -> None:
    cut = Replay(
        n=1, requests=tuple(session), variants={"whetstone": "", "other": ""},
        answers={"whetstone": [answered(0.1)] * 3, "other": [answered(0.1)] * 2},
    )  # fmt: skip
    assert cut.done == 2 and figures(cut, cut)["requests"] == 2


def test_a_random_model_has_the_shape_that_was_asked_for(tmp_path: Path) -> None:
    shape = Shape(
        name="small", layers=2, hidden=128, heads=4, kv_heads=2, intermediate=256, vocabulary=2_000
    )
    path = random_model(shape, tmp_path)
    before = path.stat().st_mtime_ns
    assert random_model(shape, tmp_path) == path and path.stat().st_mtime_ns == before
    setting = Setting(model=path, threads=1, context_tokens=512, tools=setup.find(tmp_path))
    prompt = Prompt(text="def area(length):\n", format="chat", stop="<|im_end|>")
    peer = peers.start("whetstone", "as tuned", setting)
    try:
        found = peer.ask(Question(prompt=prompt, file="a.py", n=4, max_tokens=6))
        assert peer.memory_mb() > 10
    finally:
        peer.stop()
    assert len(found.times) == len(set(found.texts)) == 4
    assert found.times == tuple(sorted(found.times)) and found.all_s >= found.times[-1]
    assert found.prompt_tokens == found.evaluated
    assert [*tmp_path.glob("*.tmp")] == []


def test_a_peer_that_ends_shows_its_log(tmp_path: Path) -> None:
    setting = Setting(
        model=tmp_path / "no.gguf", threads=1, context_tokens=512, tools=setup.find(tmp_path)
    )
    with pytest.raises(peers.PeerError, match=r"no\.gguf"):
        peers.start("whetstone", "as tuned", setting)


def test_it_measures_ours_and_the_high_level_call(tmp_path: Path, tiny_gguf: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--model", str(tiny_gguf), "--requests", "4",
         "--threads", "1", "--json", "--folder", str(tmp_path), "--out", str(tmp_path / "out"),
         "--name", "tiny", "--trials", "1",
         "--context", "512"],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "not built: llama-server" in done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "out" / "tiny.json").read_text())
    assert (tmp_path / "out" / "tiny.png").stat().st_size > 5_000
    [model] = found["models"].values()
    assert model["requests"] == 4 and set(model["peers"]) == {"whetstone", "llama_cpp.Llama"}
    for key in ("ratio_four_candidates_vs_best_peer", "ratio_one_candidate_vs_best_peer",
                "fraction_of_bare_decode"):  # fmt: skip
        assert model[key] > 0
    assert model["files"] == 1  # ten requests in each, as in the whole session
    assert 0 <= model["prompt_tokens_recomputed"] <= 1
    ours = model["peers"]["whetstone"]
    assert ours["cache_mb"] == 512 and ours["four_candidates_cpu_s"] > 0
    assert found["machine"] and found["made_at"]


def test_a_missing_model_is_one_line_on_stderr(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--model", "no-such", "--folder",
         str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "error: no-such: no such model" in done.stderr
