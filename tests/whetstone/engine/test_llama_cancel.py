"""Stopping: between two passes, inside one, and never by mistake."""

from __future__ import annotations

import threading

import pytest

from whetstone.engine import Cancel
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.options import EngineOptions
from whetstone.errors import Cancelled, EngineError
from whetstone.models.starter import starter_path
from whetstone.prompt import END, FIX, IMP, Prompt

SHORT = "<|pre|>def area(radius):<|post|><|msg|>F821 undefined<|bug|>    return raduis * radius"
LONG = "<|pre|>" + "\n".join(f"value_{i} = {i}" for i in range(190)) + "<|bug|>x = nope"


def prompt(text=SHORT):
    return Prompt(text=text, format="compact", stop=END, starts=(FIX, IMP))


@pytest.fixture(scope="module")
def engine():
    options = EngineOptions(context_tokens=2048, threads=1, cache_mb=0)
    engine = LlamaEngine(starter_path(), model_id="starter@0", options=options)
    yield engine
    engine.close()


def answers(engine):
    return [c.text for c in engine.generate(prompt(), n=4, max_tokens=32, seed=1)]


def test_no_pass_begins_after_the_flag_is_set(engine):
    cancel = Cancel()
    stream = engine.generate(prompt(), n=8, max_tokens=48, temperature=2.0, cancel=cancel)
    next(stream)
    decodes = engine.stats.decodes
    cancel.set()

    with pytest.raises(Cancelled):
        list(stream)
    assert engine.stats.decodes == decodes


def test_a_flag_that_is_set_already_lets_nothing_begin(engine):
    cancel = Cancel()
    cancel.set()
    decodes = engine.stats.decodes

    with pytest.raises(Cancelled):
        list(engine.generate(prompt("<|pre|>other<|bug|>x"), n=1, max_tokens=4, cancel=cancel))
    assert engine.stats.decodes == decodes


class SeenByTheWatcher(Cancel):
    """Set for the thread that watches while llama.cpp computes, and only then for the others."""

    seen = False

    def is_set(self):
        if threading.current_thread().name == "whetstone-stop":
            self.seen = True
        return self.seen


def test_llama_cpp_itself_is_stopped_while_it_computes(engine):
    options = EngineOptions(context_tokens=2048, threads=1, batch=2048, ubatch=2048)
    whole = LlamaEngine(starter_path(), model_id="starter@0", options=options)
    whole._context._token_s = 1e-6  # as if it were fast: the prompt goes in one pass, of 200 ms
    with pytest.raises(Cancelled):
        list(whole.generate(prompt(LONG), n=1, max_tokens=1, cancel=SeenByTheWatcher()))
    stopped = whole.stats
    after = answers(whole)
    whole.close()

    assert (stopped.decodes, stopped.prompt_tokens_recomputed) == (0, 0)
    assert stopped.prompt_tokens > 1500
    assert after == answers(engine)


class SetAtTheThirdPass(Cancel):
    """Is looked at before every pass, and by the watcher."""

    passes = 0

    def is_set(self):
        if threading.current_thread().name != "whetstone-stop":
            self.passes += 1
        return self.passes > 2


def test_what_was_computed_before_a_stop_is_not_computed_again(engine):
    list(engine.generate(prompt(), n=1, max_tokens=1))
    cancel = SetAtTheThirdPass()
    engine._context._token_s = 1.0  # as if it were slow: the prompt goes in small pieces
    before = engine.stats
    with pytest.raises(Cancelled):
        list(engine.generate(prompt(LONG), n=1, max_tokens=1, cancel=cancel))
    done = engine.stats - before
    list(engine.generate(prompt(LONG), n=1, max_tokens=1))
    rest = engine.stats - before

    assert done.decodes == 2
    assert 0 < done.prompt_tokens_recomputed < done.prompt_tokens
    # The last token is computed for its logits.
    assert rest.prompt_tokens_recomputed <= done.prompt_tokens + 1


def test_a_stop_that_came_too_late_does_not_stop_the_next_request(engine):
    expected = answers(engine)
    stream = engine.generate(prompt(), n=4, max_tokens=32, seed=1)
    found = [next(stream).text]
    engine._context.stop._flag[0] = b"\1"  # what a watcher may still do about the one before
    found += [c.text for c in stream]

    assert found == expected


def test_a_closed_engine_says_so():
    engine = LlamaEngine(starter_path(), model_id="starter@0")
    engine.close()
    engine.close()

    with pytest.raises(EngineError, match="closed"):
        list(engine.generate(prompt(), n=1, max_tokens=4))


def test_a_score_that_was_stopped_leaves_nothing_behind(engine):
    expected = answers(engine)
    long = FIX + "\n".join(f"    value_{i} = compute({i})" for i in range(30))
    decodes = engine.stats.decodes
    with pytest.raises(Cancelled):
        engine.score(prompt(), long, cancel=SetAtTheThirdPass())

    assert engine.stats.decodes == decodes + 2
    assert answers(engine) == expected
    list(engine.generate(prompt(SHORT + " # more"), n=1, max_tokens=4))


def test_nobody_watches_when_nothing_runs(engine):
    cancel = SeenByTheWatcher()
    list(engine.generate(prompt(), n=1, max_tokens=2, cancel=Cancel()))
    engine._context.stop._cancel = cancel
    threading.Event().wait(0.05)

    assert not cancel.seen
