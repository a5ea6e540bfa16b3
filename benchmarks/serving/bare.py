"""The ceiling: a bare llama_decode loop, and llama-bench where it is built.

Both sides do the same work on the same file with the same number of threads, in turns, each in a
process of its own: a prompt that was never seen, then single tokens one after the other.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import llama_cpp as llama

from benchmarks.serving.peers import OURS, Question, Setting, start
from whetstone.prompt import Prompt

_BATCH = 512
_ROUNDS = 5


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


def fraction(setting: Setting, prompts: list[Prompt], *, tokens: int) -> dict[str, Any]:
    """Our rates as shares of the bare loop's: medians over rounds, each measured in turns."""
    command = [
        sys.executable, "-m", "benchmarks.serving.bare", str(setting.model),
        str(setting.threads), str(setting.context_tokens),
    ]  # fmt: skip
    ours = start(OURS, "without speculation", setting)
    rows, told = [], []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as bare:
        assert bare.stdin is not None and bare.stdout is not None
        try:
            for number, prompt in enumerate(prompts[:_ROUNDS]):
                text = f"round {number}: {prompt.text}"  # no other prompt begins like it
                asked = dataclasses.replace(prompt, text=text)
                first = ours.ask(_question(asked, 1))
                count = max(1, min(tokens, setting.context_tokens - (first.prompt_tokens or 0)))
                second = ours.ask(_question(asked, count))
                bare.stdin.write(json.dumps({"text": text, "count": second.tokens}) + "\n")
                bare.stdin.flush()
                found = json.loads(bare.stdout.readline())
                told.append(found)
                rows.append((found["prompt_s"] / first.times[0],
                             found["single_s"] / second.times[0],
                             found["tokens"] / found["prompt_s"],
                             second.tokens / found["single_s"],
                             found["tokens"] / first.times[0],
                             second.tokens / second.times[0]))  # fmt: skip
        finally:
            ours.stop()
            bare.stdin.close()
    names = (
        "fraction_of_bare_prompt",
        "fraction_of_bare_decode",
        "bare_prompt_tokens_per_s",
        "bare_decode_tokens_per_s",
        "our_prompt_tokens_per_s",
        "our_decode_tokens_per_s",
    )
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return {
        **{name: statistics.median(column) for name, column in columns},
        "bare_prompt_tokens": statistics.median(found["tokens"] for found in told),
    }


def _question(prompt: Prompt, count: int) -> Question:
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
    command = [
        str(setting.tools.llama_bench), "-m", str(setting.model), "-t", str(setting.threads),
        *what, "-r", "3", "-o", "json",
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
