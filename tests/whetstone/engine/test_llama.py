"""The in-process engine on a real GGUF, judged against transformers on the same weights."""

from __future__ import annotations

import threading
import time

import pytest

from whetstone.engine import Cancel, PromptTooLong
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.options import EngineOptions
from whetstone.errors import Cancelled, ModelError
from whetstone.prompt import END, Prompt

TEXT = "<|pre|>def area(radius):<|post|><|msg|>F821 undefined name<|bug|>    return raduis"
OPTIONS = EngineOptions(context_tokens=512, threads=1)
ANSWER = "<|fix|>    return radius"


def prompt(text=TEXT):
    return Prompt(text=text, format="compact", stop=END)


@pytest.fixture(scope="module")
def engine(tiny_gguf):
    engine = LlamaEngine(tiny_gguf, model_id="tiny@0", options=OPTIONS)
    yield engine
    engine.close()


def answers(engine, n=3, **arguments):
    found = engine.generate(prompt(), n=n, max_tokens=12, **arguments)
    return [(c.text, c.tokens) for c in found]


def reference_logprob(folder, text, answer):
    """Sum of log-probabilities of `answer`, by transformers in float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    head = tokenizer(text, add_special_tokens=False).input_ids
    tail = tokenizer(answer, add_special_tokens=False).input_ids
    with torch.no_grad():
        logits = model(torch.tensor([head + tail])).logits[0]  # (tokens, vocabulary)
    logprobs = logits.log_softmax(-1)
    return sum(float(logprobs[len(head) - 1 + i, token]) for i, token in enumerate(tail)), len(tail)


def test_scores_equal_those_of_transformers(engine, tiny_hf):
    score = engine.score(prompt(), ANSWER)
    expected, tokens = reference_logprob(tiny_hf, TEXT, ANSWER + END)

    assert score.tokens == tokens
    assert score.logprob == pytest.approx(expected, abs=2e-2)


def test_the_same_seed_gives_the_same_answers_whatever_came_before(engine):
    first = answers(engine, seed=5)
    list(engine.generate(prompt("<|pre|>other text entirely<|bug|>x"), n=2, max_tokens=5))

    assert answers(engine, seed=5) == first
    assert answers(engine, seed=6)[0] == first[0]  # the greedy one
    assert answers(engine, seed=6)[1:] != first[1:]


def test_a_shared_beginning_is_not_decoded_again(engine):
    list(engine.generate(prompt(TEXT), n=1, max_tokens=1))
    before = engine.stats
    list(engine.generate(prompt(TEXT + "x"), n=1, max_tokens=1))
    spent = engine.stats - before

    assert spent.prompt_tokens == len(engine.tokenize(TEXT + "x"))
    assert spent.prompt_tokens_recomputed < spent.prompt_tokens / 4


def test_what_does_not_fit_says_so(engine):
    with pytest.raises(PromptTooLong, match="context_tokens"):
        list(engine.generate(prompt("x y " * 2000), n=1, max_tokens=8))


def test_cancelling_stops_at_once_and_the_engine_works_on(tiny_gguf):
    engine = LlamaEngine(tiny_gguf, model_id="tiny@0", options=OPTIONS)
    cancel = Cancel()
    stopped: list[float] = []

    def ask():
        try:
            while True:  # a tiny model is quick: ask until the flag is seen
                long = prompt("x = 1\n" * 80)
                list(engine.generate(long, n=4, max_tokens=16, cancel=cancel))
        except Cancelled:
            stopped.append(time.monotonic())

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    asked = time.monotonic()
    cancel.set()
    thread.join(5)
    after = list(engine.generate(prompt(), n=1, max_tokens=4))
    engine.close()

    assert stopped[0] - asked < 2  # 200 ms are promised; benchmarks.lsp_latency measures them
    assert len(after) == 1


def test_an_aborted_prompt_leaves_no_trace(engine):
    clean = answers(engine)
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        list(engine.generate(prompt("something else " * 20), n=1, max_tokens=4, cancel=cancel))

    assert answers(engine) == clean


@pytest.mark.parametrize("size", [0, 20, 3000])
def test_a_damaged_file_is_a_model_error(tiny_gguf, tmp_path, size):
    path = tmp_path / "broken.gguf"
    path.write_bytes(tiny_gguf.read_bytes()[:size])

    with pytest.raises(ModelError, match=r"broken\.gguf"):
        LlamaEngine(path, model_id="x@0")


def test_a_missing_file_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"no such model file"):
        LlamaEngine(tmp_path / "none.gguf", model_id="x@0")


def test_the_prompt_format_comes_from_the_file(engine):
    assert engine.prompt_format == "compact"


def test_an_answer_begins_as_the_prompt_says(engine):
    free = list(engine.generate(prompt(), n=4, max_tokens=3))
    bound = Prompt(text=TEXT, format="compact", stop=END, starts=("<|fix|>", "<|imp|>"))
    answers_bound = list(engine.generate(bound, n=4, max_tokens=3))

    assert not all(c.text.startswith(("<|fix|>", "<|imp|>")) for c in free)
    assert all(c.text.startswith(("<|fix|>", "<|imp|>")) for c in answers_bound)
    assert len(answers_bound) == 4
