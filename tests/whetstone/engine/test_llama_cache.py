"""Prompts computed before: reused, parked, evicted, written to disk, and never wrong for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from whetstone.engine.llama import LlamaEngine
from whetstone.engine.llama.shift import Moved, moved
from whetstone.engine.llama.state import read_state, write_state
from whetstone.engine.options import EngineOptions
from whetstone.models.starter import starter_path
from whetstone.problem import Diagnostic, Problem, Region, Span
from whetstone.prompt import END, FIX, IMP, Prompt, render

OPTIONS = EngineOptions(context_tokens=1024, threads=1)


def opened(state_folder=None, path=None, **changes):
    options = dataclasses.replace(OPTIONS, **changes)
    return LlamaEngine(
        path or starter_path(), model_id="starter@0", options=options, state_folder=state_folder
    )


@pytest.fixture(scope="module")
def engine():
    engine = opened()
    yield engine
    engine.close()


def text(name, lines=12, flagged="    return raduis"):
    above = "\n".join(f"{name}_{i} = {i} + {i * i}" for i in range(lines))
    return f"<|pre|>{above}<|post|><|msg|>F821 undefined name `raduis`<|bug|>{flagged}"


def ask(engine, prompt_text, n=3):
    """The answers, and what was spent on them."""
    before = engine.stats
    prompt = Prompt(text=prompt_text, format="compact", stop=END, starts=(FIX, IMP))
    found = [
        (c.number, c.text, c.tokens)
        for c in engine.generate(prompt, n=n, max_tokens=32, seed=3)
    ]  # fmt: skip
    return found, engine.stats - before


def fresh(prompt_text, **changes):
    engine = opened(cache_mb=0, **changes)
    found, _ = ask(engine, prompt_text)
    engine.close()
    return found


def test_another_flagged_line_computes_only_what_follows_it(engine):
    ask(engine, text("one"))
    found, spent = ask(engine, text("one", flagged="    return raduis + 1"))

    assert spent.prompt_tokens_recomputed < spent.prompt_tokens / 10
    assert found == fresh(text("one", flagged="    return raduis + 1"))


def test_the_same_prompt_again_computes_one_token(engine):
    first, _ = ask(engine, text("again"))
    second, spent = ask(engine, text("again"))

    assert spent.prompt_tokens_recomputed == 1
    assert second == first


def test_a_document_is_still_known_after_others_were_asked_about(engine):
    first, _ = ask(engine, text("kept"))
    for name in ("b", "c", "d"):
        ask(engine, text(name))
    again, spent = ask(engine, text("kept"))

    assert spent.prompt_tokens_recomputed == 1
    assert again == first


def test_the_least_recently_used_document_goes_first():
    engine = opened()
    ask(engine, text("a"))
    ask(engine, text("b"))
    (one,) = engine._cache.parked
    engine.close()

    engine = opened(cache_mb=1)  # room for one or two of them
    room = 1_000_000 // one.state.nbytes
    names = [f"n{i}" for i in range(room + 3)]
    for name in names:
        ask(engine, text(name), n=1)
    assert engine._cache.parked_bytes <= 1_000_000

    _, last = ask(engine, text(names[-2]), n=1)
    _, first = ask(engine, text(names[0]), n=1)
    engine.close()
    assert last.prompt_tokens_recomputed == 1
    assert first.prompt_tokens_recomputed > first.prompt_tokens / 2


def test_without_a_budget_only_the_current_prompt_is_kept():
    engine = opened(cache_mb=0)
    ask(engine, text("a"))
    ask(engine, text("b"))
    _, spent = ask(engine, text("a"))
    engine.close()

    assert engine._cache.parked == []
    assert spent.prompt_tokens_recomputed > spent.prompt_tokens / 2


def test_recent_documents_come_back_from_disk(tmp_path):
    engine = opened(tmp_path, cache_on_disk=True)
    expected, _ = ask(engine, text("a"))
    ask(engine, text("b"))
    engine.close()
    assert len(list(tmp_path.glob("*.prompt"))) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("*.prompt"))

    engine = opened(tmp_path, cache_on_disk=True)
    found, spent = ask(engine, text("a"))
    engine.close()
    assert found == expected
    assert spent.prompt_tokens_recomputed == 1


def test_documents_stay_in_memory_unless_asked_for(tmp_path):
    engine = opened(tmp_path)
    ask(engine, text("a"))
    engine.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "other", "empty"])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    engine = opened(tmp_path, cache_on_disk=True)
    expected, _ = ask(engine, text("a"))
    engine.close()
    (path,) = tmp_path.glob("*.prompt")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[-1] ^= 1
    elif damage == "other":
        data[:4] = b"GGUF"
    else:
        data = bytearray()
    path.write_bytes(data)

    engine = opened(tmp_path, cache_on_disk=True)
    found, spent = ask(engine, text("a"))
    engine.close()
    assert found == expected
    assert spent.prompt_tokens_recomputed == spent.prompt_tokens


def test_a_state_is_not_used_for_another_layout(tmp_path):
    engine = opened(tmp_path, cache_on_disk=True)
    ask(engine, text("a"))
    engine.close()

    engine = opened(tmp_path, cache_on_disk=True, kv_type="q8_0", flash_attention="on")
    _, spent = ask(engine, text("a"))
    engine.close()
    assert spent.prompt_tokens_recomputed == spent.prompt_tokens


def test_llama_cpp_refusing_a_state_is_no_harm(tmp_path, engine):
    expected, _ = ask(engine, text("refused"))
    ask(engine, text("other"))
    for entry in engine._cache.parked:
        entry.state = entry.state[: entry.state.size // 2]
    found, _ = ask(engine, text("refused"))

    assert found == expected


def test_a_state_file_larger_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "x.prompt"
    write_state(path, "key", np.arange(4, dtype=np.int32), np.zeros(1000, np.uint8))

    assert read_state(path, "key", limit=500) is None
    assert read_state(path, "other key", limit=5000) is None
    tokens, state = read_state(path, "key", limit=5000)
    assert tokens.tolist() == [0, 1, 2, 3]
    assert state.size == 1000


def test_a_moved_run_is_found():
    old = np.arange(100, 300, dtype=np.int32)
    new = np.concatenate([old[:50], [1, 2, 3], old[50:]]).astype(np.int32)

    assert moved(old, new, 50, most=8) == [Moved(old=50, new=53, size=149)]  # the last is computed
    assert moved(old, new[:60], 50, most=8) == []  # too short


def test_the_runs_between_several_edits_are_found_in_their_order():
    old = np.arange(100, 400, dtype=np.int32)
    new = np.concatenate([old[:50], [1], old[52:120], old[200:240], old[130:300]]).astype(np.int32)

    # Of 200 to 240, which stands in front of its place now, and 130 to 300 the longer one stays.
    first, last = Moved(old=52, new=51, size=68), Moved(old=130, new=159, size=169)
    assert moved(old, new, 50, most=8) == [first, last]
    assert moved(old, new, 50, most=1) == [last]


def test_shifting_computes_only_the_edit_and_what_follows_the_run():
    engine = opened(context_shift="on")
    ask(engine, text("a", lines=16))
    edited = text("a", lines=16).replace("a_2 = 2", "a_2 = 2 * 2")
    _, spent = ask(engine, edited)
    engine.close()

    assert spent.prompt_tokens_shifted > spent.prompt_tokens / 2
    assert spent.prompt_tokens_recomputed + spent.prompt_tokens_shifted < spent.prompt_tokens
    assert spent.prompt_tokens_recomputed < spent.prompt_tokens / 4


def test_two_edits_cost_their_own_lines_only():
    engine = opened(context_shift="on")
    ask(engine, text("a", lines=32))
    edited = text("a", lines=32).replace("a_2 = 2", "a_2 = 2 * 2").replace("a_20 =", "a_20 = 1 +")
    _, spent = ask(engine, edited)
    engine.close()

    assert spent.prompt_tokens_shifted > spent.prompt_tokens * 2 / 3
    assert spent.prompt_tokens_recomputed < spent.prompt_tokens / 5


def test_the_known_prompt_that_holds_most_is_brought_back_though_another_begins_alike():
    """After an import is added, all windows of a file begin alike and differ from there."""
    engine = opened(context_shift="on")
    here, there = text("here", lines=24), text("there", lines=24)
    ask(engine, here)
    ask(engine, there)
    _, spent = ask(engine, here.replace("<|pre|>", "<|pre|>import os\n"))
    engine.close()

    assert spent.prompt_tokens_shifted > spent.prompt_tokens * 2 / 3
    assert spent.prompt_tokens_recomputed < spent.prompt_tokens / 4


def test_what_was_shifted_is_forgotten_with_the_prompt():
    engine = opened(context_shift="on")
    ask(engine, text("a", lines=16))
    ask(engine, text("a", lines=16).replace("a_2 = 2", "a_2 = 2 * 2"))
    found, _ = ask(engine, text("unrelated"))
    engine.close()

    assert found == fresh(text("unrelated"))


@pytest.fixture(scope="module")
def chat_gguf(tmp_path_factory):
    """The tiny random model, saying that it takes chat prompts."""
    import tiny_qwen

    from export.quantize import export_gguf

    folder = tmp_path_factory.mktemp("chat")
    tiny_qwen.make(folder / "hf", prompt_format="chat")
    path = folder / "tiny.gguf"
    export_gguf(folder / "hf", path, quantization="f32")
    return path


def chat_prompt(name):
    span = Span(start_line=1, end_line=1)
    problem = Problem(
        name=f"{name}.py",
        diagnostic=Diagnostic(source="ruff", code="F821", message="undefined", span=span),
        region=Region(start=1, stop=2),
        above=(f"def {name}():",),
        flagged=("    return nope",),
    )
    return render(problem, "chat")


def ask_chat(engine, name):
    before = engine.stats
    found = [c.text for c in engine.generate(chat_prompt(name), n=2, max_tokens=8, seed=1)]
    return found, engine.stats - before


def test_text_that_moved_is_taken_over_for_chat_prompts_and_not_for_short_ones(chat_gguf):
    spent = []
    for path in (None, chat_gguf):
        engine = opened(path=path)
        ask(engine, text("a", lines=16))
        spent.append(ask(engine, text("a", lines=16).replace("a_2 = 2", "a_2 = 2 * 2"))[1])
        engine.close()
    compact, chat = spent

    assert compact.prompt_tokens_shifted == 0
    assert chat.prompt_tokens_shifted > 0


def test_the_constant_beginning_is_computed_once_per_model(tmp_path, chat_gguf):
    engine = opened(tmp_path, path=chat_gguf)
    expected, first = ask_chat(engine, "one")
    engine.close()
    (path,) = tmp_path.iterdir()

    engine = opened(tmp_path, path=chat_gguf)
    found, second = ask_chat(engine, "one")
    engine.close()
    assert found == expected
    assert first.prompt_tokens_recomputed == first.prompt_tokens
    assert second.prompt_tokens_recomputed < first.prompt_tokens / 2
    assert path.stat().st_mode & 0o077 == 0


def test_another_file_under_the_same_name_has_another_beginning(tmp_path, chat_gguf):
    engine = opened(tmp_path, path=chat_gguf)
    ask_chat(engine, "one")
    engine.close()
    larger = tmp_path / "larger.gguf"
    larger.write_bytes(chat_gguf.read_bytes() + bytes(32))

    engine = opened(tmp_path, path=larger)
    _, spent = ask_chat(engine, "one")
    engine.close()
    assert spent.prompt_tokens_recomputed == spent.prompt_tokens


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path, chat_gguf):
    (tmp_path / "states").write_text("a file where the folder should be")
    engine = opened(tmp_path / "states", path=chat_gguf)
    found, _ = ask_chat(engine, "one")
    engine.close()

    assert found
