"""Decoding answers side by side changes what they cost, not what they are."""

from __future__ import annotations

import dataclasses

import llama_cpp.llama_cpp as llama
import numpy as np
import pytest

from whetstone.engine.llama import LlamaEngine
from whetstone.engine.llama.context import ROWS
from whetstone.engine.options import EngineOptions
from whetstone.errors import EngineError
from whetstone.models.starter import starter_path
from whetstone.prompt import END, FIX, IMP, Prompt

OPTIONS = EngineOptions(context_tokens=1024, threads=1)
PROMPTS = [
    "<|pre|>def area(radius):<|post|><|msg|>F821 undefined name `raduis`"
    "<|hint|>raduis -> radius<|bug|>    return 3.14159 * raduis ** 2",
    "<|pre|>def load(path):\n    with open(path) as stream:<|post|>    return data"
    "<|msg|>F821 undefined name `json`<|hint|>import json<|bug|>        data = json.load(stream)",
    "<|pre|>class Box:\n    def size(self):<|post|><|msg|>SyntaxError: expected ':'"
    "<|bug|>        if self.items == None",
]


def prompt(text=PROMPTS[0]):
    return Prompt(text=text, format="compact", stop=END, starts=(FIX, IMP))


def opened(**changes):
    options = dataclasses.replace(OPTIONS, **changes)
    return LlamaEngine(starter_path(), model_id="starter@0", options=options)


@pytest.fixture(scope="module")
def engine():
    engine = opened()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def plain():
    engine = opened(speculation=False, cache_mb=0)
    yield engine
    engine.close()


def answers(engine, text, *, n=4, seed=7, temperature=0.8, max_tokens=48):
    found = engine.generate(
        prompt(text), n=n, max_tokens=max_tokens, seed=seed, temperature=temperature
    )
    return [(c.number, c.text, c.tokens, c.finish) for c in found]


def loop(text, steps):
    """Greedy tokens by nothing but llama_decode and argmax, one token after the other."""
    model = llama.llama_model_load_from_file(
        bytes(starter_path()), llama.llama_model_default_params()
    )
    vocab = llama.llama_model_get_vocab(model)
    params = llama.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 1024, 1, 1
    context = llama.llama_init_from_model(model, params)
    data = text.encode()
    room = (llama.llama_token * 1000)()
    tokens = list(room[: llama.llama_tokenize(vocab, data, len(data), room, 1000, False, True)])
    found = []
    while len(found) < steps:
        array = (llama.llama_token * len(tokens))(*tokens)
        assert llama.llama_decode(context, llama.llama_batch_get_one(array, len(tokens))) == 0
        row = np.ctypeslib.as_array(
            llama.llama_get_logits_ith(context, -1), shape=(llama.llama_vocab_n_tokens(vocab),)
        )
        tokens = [int(row.argmax())]
        found += tokens
        if llama.llama_vocab_is_eog(vocab, tokens[0]):
            break
    llama.llama_free(context)
    llama.llama_model_free(model)
    return found


@pytest.mark.parametrize("text", PROMPTS)
def test_the_greedy_answer_is_that_of_a_plain_loop(engine, text):
    tokens = loop(text, 48)
    (answer,) = engine.generate(prompt(text), n=1, max_tokens=48)

    assert answer.text == engine._model.text(tokens[:-1])
    assert answer.tokens == len(tokens)


@pytest.mark.parametrize("text", PROMPTS)
def test_guessing_changes_nothing_but_the_number_of_passes(engine, plain, text):
    before, before_plain = engine.stats, plain.stats
    guessed, unguessed = answers(engine, text), answers(plain, text)
    spent, spent_plain = engine.stats - before, plain.stats - before_plain

    assert sorted(guessed) == sorted(unguessed)
    assert spent_plain.drafted == 0
    assert spent.decodes <= spent_plain.decodes
    if not guessed[0][1].startswith(IMP):  # an import repeats nothing of the lines it mends
        assert 0 < spent.accepted <= spent.drafted
        assert spent.decodes < spent_plain.decodes


def drafted(text, *drafts):
    return dataclasses.replace(prompt(text), drafts=drafts)


@pytest.mark.parametrize("text", PROMPTS)
def test_an_answer_that_was_drafted_takes_one_pass(engine, plain, text):
    greedy = answers(plain, text, n=1)[0][1]
    before = engine.stats
    (found,) = engine.generate(drafted(text, greedy, FIX + "pass"), n=1, max_tokens=48)
    spent = engine.stats - before

    assert found.text == greedy
    assert spent.decodes == 1
    assert spent.accepted == spent.drafted > 0


@pytest.mark.parametrize("text", PROMPTS)
@pytest.mark.parametrize("draft", [FIX + "    nonsense(here)", IMP, FIX, "", "x" * 4000])
def test_a_wrong_draft_changes_no_answer(engine, plain, text, draft):
    found = engine.generate(drafted(text, draft), n=4, max_tokens=48, seed=7)

    assert sorted((c.number, c.text, c.tokens, c.finish) for c in found) == sorted(
        answers(plain, text)
    )


def test_the_next_draft_is_followed_where_the_first_is_not(engine, plain):
    greedy = answers(plain, PROMPTS[0], n=1)[0][1]
    wrong = greedy[:-3] + "+ 1"
    before = engine.stats
    found = list(engine.generate(drafted(PROMPTS[0], wrong, greedy), n=1, max_tokens=48))
    spent = engine.stats - before

    assert [answer.text for answer in found] == [greedy]
    assert spent.decodes == 2


def test_a_draft_longer_than_a_pass_is_followed_in_several(engine):
    """All of it is guessed, however little of it the model takes."""
    lines = "\n".join(f"    total_{number} = {number} + radius" for number in range(20))
    before = engine.stats
    (answer,) = engine.generate(drafted(PROMPTS[0], FIX + lines), n=1, max_tokens=200)
    spent = engine.stats - before

    assert spent.decodes <= answer.tokens + 1
    assert spent.drafted >= ROWS - 1


@pytest.mark.parametrize("text", PROMPTS)
def test_answers_side_by_side_are_those_of_one_sequence_alone(plain, text):
    side_by_side = {answer[1] for answer in answers(plain, text, n=6, temperature=1.0)}
    one_wide = opened(speculation=False, sequences=1)
    in_turn = {answer[1] for answer in answers(one_wide, text, n=6, temperature=1.0)}
    one_wide.close()

    assert side_by_side == in_turn


def test_what_answers_share_is_decoded_once(plain):
    before = plain.stats
    found = answers(plain, PROMPTS[0], n=8)
    spent = plain.stats - before

    assert spent.tokens_generated < 8 * max(tokens for _, _, tokens, _ in found)
    assert spent.decodes <= max(tokens for _, _, tokens, _ in found) + 1


def test_equal_answers_are_given_once(plain):
    found = answers(plain, PROMPTS[0], n=8, temperature=0.0)

    assert [number for number, *_ in found] == [0]
    assert len({text for _, text, *_ in answers(plain, PROMPTS[0], n=8)}) == len(
        answers(plain, PROMPTS[0], n=8)
    )


def test_an_answer_is_given_when_it_ends_and_not_when_all_do(plain):
    stream = plain.generate(prompt(PROMPTS[1]), n=8, max_tokens=48, temperature=2.0)
    before = plain.stats
    first = next(stream)
    early = (plain.stats - before).decodes
    rest = list(stream)

    assert rest
    assert first.tokens <= min(answer.tokens for answer in rest)
    assert (plain.stats - before).decodes > early


def test_the_order_is_the_same_each_time(engine):
    first = answers(engine, PROMPTS[2], n=8, temperature=1.2)

    assert answers(engine, PROMPTS[2], n=8, temperature=1.2) == first


def test_an_answer_that_does_not_end_is_cut(engine):
    (answer,) = engine.generate(prompt(), n=1, max_tokens=3)

    assert (answer.tokens, answer.finish) == (3, "length")


def test_likelihoods_are_those_of_score(engine):
    found = list(engine.generate(prompt(PROMPTS[1]), n=4, max_tokens=48))
    scores = [engine.score(prompt(PROMPTS[1]), answer.text) for answer in found]
    # A model may spell an answer with other tokens than the tokenizer would.
    same = [(a, s) for a, s in zip(found, scores, strict=True) if a.tokens == s.tokens]

    assert same
    for answer, score in same:
        assert answer.logprob == pytest.approx(score.logprob, abs=0.02)


def test_a_long_answer_is_scored_in_pieces(engine):
    long = FIX + "\n".join(f"    value_{i} = compute({i})" for i in range(12))
    whole = engine.score(prompt(), long)
    small = opened(batch=32, ubatch=32)
    again = small.score(prompt(), long)
    small.close()

    assert whole.tokens > 64
    assert again.logprob == pytest.approx(whole.logprob, abs=0.05)


def test_a_later_request_ends_the_one_before(engine):
    first = engine.generate(prompt(PROMPTS[1]), n=8, max_tokens=48, temperature=2.0)
    next(first)
    expected = answers(engine, PROMPTS[0])

    with pytest.raises(EngineError, match="later request"):
        list(first)
    assert answers(engine, PROMPTS[0]) == expected


def test_an_abandoned_request_leaves_nothing_behind(engine):
    expected = answers(engine, PROMPTS[0])
    stream = engine.generate(prompt(PROMPTS[1]), n=8, max_tokens=48, temperature=2.0)
    next(stream)
    stream.close()

    assert answers(engine, PROMPTS[0]) == expected


def test_two_engines_answer_at_once(engine, plain):
    expected = answers(plain, PROMPTS[1], n=1)
    one = engine.generate(prompt(PROMPTS[0]), n=4, max_tokens=48)
    next(one)

    assert answers(plain, PROMPTS[1], n=1) == expected
    list(one)
