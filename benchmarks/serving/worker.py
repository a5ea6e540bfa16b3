"""An engine in a process of its own: one question a line on standard input, answers as they come.

Started by `benchmarks.serving.peers`; not meant to be run by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from whetstone.prompt import Prompt

Say = Callable[[dict[str, Any]], None]


class Ours:
    """The engine as the server loads it, with the tuning record of this machine if there is one."""

    def __init__(self, options: argparse.Namespace) -> None:
        from whetstone.engine.llama import LlamaEngine
        from whetstone.engine.load import options_for
        from whetstone.models import Registry
        from whetstone.settings import Settings

        settings = dataclasses.replace(
            Settings(), threads=options.threads, context_tokens=options.context
        )
        entry = Registry().resolve(options.model)
        chosen = options_for(settings, entry.model_id)
        if options.variant in ("without speculation", "as a bare loop"):
            chosen = dataclasses.replace(chosen, speculation=False)
        if options.variant == "as a bare loop":  # the texts are alike: nothing may be taken over
            chosen = dataclasses.replace(chosen, context_shift="off")
        self._engine = LlamaEngine(entry.path, model_id=entry.model_id, options=chosen)
        self.ready = {"cache_mb": chosen.cache_mb}

    def answer(self, question: dict[str, Any], say: Say) -> None:
        # Without `starts`: the others cannot be told how an answer begins.
        prompt = Prompt(**{**question["prompt"], "starts": ()})
        before = self._engine.stats
        tokens = 0
        for completion in self._engine.generate(
            prompt,
            n=question["n"],
            max_tokens=question["max_tokens"],
            temperature=question["temperature"],
            seed=question["seed"],
        ):
            tokens += completion.tokens
            say({"text": completion.text})
        did = self._engine.stats - before
        say(
            {
                "done": {
                    "tokens": tokens,
                    "prompt_tokens": did.prompt_tokens,
                    "evaluated": did.prompt_tokens_recomputed,
                }
            }
        )


class HighLevel:
    """llama-cpp-python's `Llama`, called as its documentation shows, one answer at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        from llama_cpp import Llama
        from llama_cpp.llama_speculative import LlamaPromptLookupDecoding

        draft = None
        if options.variant == "prompt lookup":
            draft = LlamaPromptLookupDecoding(num_pred_tokens=2)  # what it advises for CPUs
        self._llama = Llama(
            options.model,
            n_ctx=options.context,
            n_batch=512,
            n_threads=options.threads,
            n_threads_batch=options.threads,
            n_gpu_layers=-1,
            draft_model=draft,
            verbose=False,
        )
        self.ready: dict[str, Any] = {}

    def answer(self, question: dict[str, Any], say: Say) -> None:
        tokens = prompt_tokens = 0
        for number in range(question["n"]):
            found: Any = self._llama.create_completion(
                question["prompt"]["text"],
                max_tokens=question["max_tokens"],
                temperature=question["temperature"] if number else 0.0,
                top_p=0.95,
                seed=question["seed"] + number,
                stop=[question["prompt"]["stop"]],
            )
            say({"text": found["choices"][0]["text"]})
            tokens += found["usage"]["completion_tokens"]
            prompt_tokens = found["usage"]["prompt_tokens"]
        say({"done": {"tokens": tokens, "prompt_tokens": prompt_tokens}})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--variant", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    options = parser.parse_args()
    # llama.cpp writes to standard output here and there: keep the real one for the answers.
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(value: dict[str, Any]) -> None:
        channel.write(json.dumps(value) + "\n")
        channel.flush()

    peer = (Ours if options.name == "whetstone" else HighLevel)(options)
    say(peer.ready)
    for line in sys.stdin:
        peer.answer(json.loads(line), say)


if __name__ == "__main__":
    main()
