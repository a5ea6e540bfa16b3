"""The remote engine against llama.cpp's own server, where the benchmark's set-up has built it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving import peers, setup
from whetstone.engine.base import Cancel
from whetstone.engine.openai import OpenAIEngine
from whetstone.errors import Cancelled
from whetstone.prompt import Prompt
from whetstone.settings import OpenAISettings, Settings

TOOLS = setup.find(setup.default_folder())
pytestmark = pytest.mark.skipif(
    TOOLS.llama_server is None, reason="`python -m benchmarks.serving setup` was not run"
)
PROMPT = Prompt(
    text="<|im_start|>system\nRepair.<|im_end|>\n<|im_start|>user\nx = <|im_end|>\n"
    "<|im_start|>assistant\n",
    format="chat",
    stop="<|im_end|>",
)


@pytest.fixture(scope="module")
def engine(tiny_gguf: Path) -> Iterator[OpenAIEngine]:
    setting = peers.Setting(model=tiny_gguf, threads=1, context_tokens=512, tools=TOOLS)
    server = peers.start("llama-server", "slots", setting)
    url = f"http://127.0.0.1:{server._port}/v1"  # type: ignore[attr-defined]
    yield OpenAIEngine(Settings(openai=OpenAISettings(base_url=url)))
    server.stop()


def test_answers_with_log_probabilities(engine: OpenAIEngine) -> None:
    found = list(engine.generate(PROMPT, n=4, max_tokens=6, seed=1))
    assert next(item.number for item in found) == 0
    assert 2 <= len(found) <= 4 and len({item.text for item in found}) == len(found)
    assert all(not math.isnan(item.logprob) and item.logprob < 0 for item in found)
    assert all(0 < item.tokens <= 7 for item in found)
    again = list(engine.generate(PROMPT, n=1, max_tokens=6))
    assert again[0].text == found[0].text


def test_the_others_come_from_one_request(engine: OpenAIEngine) -> None:
    assert not engine._repeats
    list(engine.generate(PROMPT, n=3, max_tokens=4))
    assert not engine._repeats


def test_scoring_is_none_or_a_likelihood(engine: OpenAIEngine) -> None:
    score = engine.score(PROMPT, "x = 1")
    assert score is None or score.logprob < 0


def test_a_cancelled_request_leaves_the_server_usable(engine: OpenAIEngine) -> None:
    with pytest.raises(Cancelled):
        list(engine.generate(PROMPT, n=4, max_tokens=200, cancel=Cancel(timeout_s=0.01)))
    assert len(list(engine.generate(PROMPT, n=1, max_tokens=2))) == 1
