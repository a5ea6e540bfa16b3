"""The ceiling: a bare llama_decode loop, and llama-bench where it is built.

Both sides do the same work on the same file with the same number of threads, in turns, each in a
process of its own: a prompt that was never seen, then single tokens one after the other.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import llama_cpp as llama

from benchmarks.serving.peers import OURS, Peer, Question, Setting, start
from whetstone.prompt import Prompt

_BATCH = 512
_ROUNDS, _LEAST, _ENOUGH_S = 9, 2, 60.0
_FUNCTION = "def f(a, b):\n    return a + b\n\n\n"
_COPIES = (4, 16)
_LARGE = 1_000_000_000  # bytes
_FEW, _MANY = 8, 72  # tokens of an answer

Bare = Callable[[str, int], dict[str, float]]


class Loop:
    """The least that a program can do to run a model: decode and take the likeliest token."""

    def __init__(self, model: str, threads: int, context: int) -> None:
        llama.llama_log_set(_SILENT, ctypes.c_void_p(0))
        llama.llama_backend_init()
        params = llama.llama_model_default_params()
        params.n_gpu_layers = 999
        self._model = llama.llama_model_load_from_file(os.fsencode(model), params)
        options = llama.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch = context, _BATCH, _BATCH
        options.n_threads = options.n_threads_batch = threads
        self._context = llama.llama_init_from_model(self._model, options)
        self._memory = llama.llama_get_memory(self._context)
        self._batch = llama.llama_batch_init(_BATCH, 0, 1)

    def run(self, prompt: list[int], count: int) -> tuple[float, float]:
        """Seconds for the prompt, and for `count` single tokens after it."""
        llama.llama_memory_clear(self._memory, True)
        begin = time.perf_counter()
        for start_at in range(0, len(prompt), _BATCH):
            self._decode(prompt[start_at : start_at + _BATCH], start_at)
        middle = time.perf_counter()
        for number in range(count):
            self._decode([prompt[number % len(prompt)]], len(prompt) + number)
        return middle - begin, time.perf_counter() - middle

    def _decode(self, tokens: list[int], begin: int) -> None:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index], batch.pos[index] = token, begin + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = index == len(tokens) - 1
        if llama.llama_decode(self._context, batch) != 0:
            raise SystemExit("error: llama_decode failed in the bare loop.")
        llama.llama_synchronize(self._context)


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _SILENT(_level: int, _text: bytes, _data: Any) -> None: ...


def fraction(setting: Setting, prompts: list[Prompt]) -> dict[str, Any]:
    """Our rates as shares of the bare loop's: medians over rounds, each measured in turns.

    A rate is a difference: a long prompt less a short one, a long answer less a short one. What a
    request costs besides (its way to the process and back, tokenizing, caches) is in both, and is
    told by itself: `fraction_of_bare_request` compares whole requests with short answers.
    """
    command = [
        sys.executable, "-m", "benchmarks.serving.bare", str(setting.model),
        str(setting.threads), str(setting.context_tokens),
    ]  # fmt: skip
    ours = start(OURS, "as a bare loop", setting)
    rows: list[dict[str, float]] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            bare = functools.partial(_bare, process)
            begin = time.monotonic()
            for number in range(_ROUNDS):
                if number >= _LEAST and time.monotonic() - begin > _ENOUGH_S:
                    break  # a large model
                prompt = prompts[number % len(prompts)]
                rows.append(_rates(ours, bare, number) | _request(ours, bare, number, prompt))
        finally:
            ours.stop()
            assert process.stdin is not None
            process.stdin.close()
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def _rates(ours: Peer, bare: Bare, number: int) -> dict[str, float]:
    """Seconds for each further token of a prompt and of an answer, on both sides."""
    short, long = (_text(number, copies) for copies in _COPIES)
    took, tokens = [], []
    for text in (short, long):
        answer = ours.ask(_question(text, 1))
        took.append(answer.times[0])
        tokens.append(answer.prompt_tokens or 0)
    few, many = (ours.ask(_question(long, count)) for count in (_FEW, _MANY))
    below, whole = bare(short, 0), bare(long, many.tokens)
    prompt = tokens[1] - tokens[0]
    our_prompt_s, bare_prompt_s = took[1] - took[0], whole["prompt_s"] - below["prompt_s"]
    our_token_s = (many.times[0] - few.times[0]) / (many.tokens - few.tokens)
    bare_token_s = whole["single_s"] / many.tokens
    return {
        "fraction_of_bare_prompt": bare_prompt_s / our_prompt_s,
        "fraction_of_bare_decode": bare_token_s / our_token_s,
        "bare_prompt_tokens_per_s": prompt / bare_prompt_s,
        "bare_decode_tokens_per_s": 1 / bare_token_s,
        "our_prompt_tokens_per_s": prompt / our_prompt_s,
        "our_decode_tokens_per_s": 1 / our_token_s,
        "bare_prompt_tokens": tokens[1],
    }


def _request(ours: Peer, bare: Bare, number: int, prompt: Prompt) -> dict[str, float]:
    """A whole request of the recording, never seen before, beside its bare computation."""
    text = f"request {number}: {prompt.text}"
    answer = ours.ask(_question(text, _FEW))
    alone = bare(text, answer.tokens)
    seconds = alone["prompt_s"] + alone["single_s"]
    return {"fraction_of_bare_request": seconds / answer.times[0]}


def _bare(process: subprocess.Popen[str], text: str, count: int) -> dict[str, float]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps({"text": text, "count": count}) + "\n")
    process.stdin.flush()
    found: dict[str, float] = json.loads(process.stdout.readline())
    return found


def _text(number: int, copies: int) -> str:
    """Code that no other round begins with, and that a model goes on with for a while."""
    return f"# {number} {copies}\n" + _FUNCTION * copies


def _question(text: str, count: int) -> Question:
    prompt = Prompt(text=text, stop="", starts=(), format="compact")
    return Question(prompt=prompt, file="bare", n=1, max_tokens=count)


def llama_bench(setting: Setting, prompt_tokens: int) -> dict[str, float] | None:
    """llama-bench's own figures for such a prompt, and for 64 single tokens after it."""
    if setting.tools.llama_bench is None:
        return None
    size = str(prompt_tokens)
    return {
        "prompt_tokens_per_s": _bench(setting, "-p", size, "-n", "0"),
        "decode_tokens_per_s": _bench(setting, "-p", "0", "-n", "64", "-d", size),
    }


def _bench(setting: Setting, *what: str) -> float:
    rounds = "3" if setting.model.stat().st_size < _LARGE else "1"
    command = [
        str(setting.tools.llama_bench), "-m", str(setting.model), "-t", str(setting.threads),
        *what, "-r", rounds, "-o", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)[0]["avg_ts"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("threads", type=int)
    parser.add_argument("context", type=int)
    options = parser.parse_args()
    loop = Loop(options.model, options.threads, options.context)
    vocabulary = llama.llama_model_get_vocab(loop._model)
    for line in sys.stdin:
        asked = json.loads(line)
        data = asked["text"].encode()
        room = (llama.llama_token * (len(data) + 8))()
        size = llama.llama_tokenize(vocabulary, data, len(data), room, len(room), False, True)
        prompt_s, single_s = loop.run(list(room[:size]), asked["count"])
        print(json.dumps({"prompt_s": prompt_s, "single_s": single_s, "tokens": size}), flush=True)


if __name__ == "__main__":
    main()
