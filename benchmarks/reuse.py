"""How many prompt tokens a whole editing session computes, counted and not timed.

    python -m benchmarks.reuse [--model FILE] [--cache-mb 512] [--requests 200] [--json]

The session of benchmarks.serving, in the format of the model and with its tokenizer, through the
engine's own prompt cache; only the context below it is a stand-in that computes nothing. So the
counts are those of the engine, the same on every machine. Beside it what a server computes that
keeps every prompt and shares beginnings only, as llama-server does.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.figures import near_the_last
from benchmarks.serving.recording import REQUESTS, files_for, record
from whetstone.engine.llama.cache import PromptCache
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.shift import Tokens
from whetstone.engine.llama.stats import Counters
from whetstone.engine.options import EngineOptions
from whetstone.models import Registry

_EVERYTHING_MB = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", metavar="FILE", help="default: the active one")
    parser.add_argument("--cache-mb", type=int, default=EngineOptions().cache_mb)
    parser.add_argument(
        "--cell-bytes", type=int, default=12_288,
        help="of a token in the cache (default: %(default)s, of Qwen2.5-0.5B; 3B: 36864)",
    )  # fmt: skip
    parser.add_argument(
        "--context-shift", choices=("auto", "on", "off"), default="auto",
        help="auto, as the engine has it: on for chat prompts",
    )  # fmt: skip
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = Model(Registry().resolve(options.model).path, gpu_layers=0)
    requests = record(
        requests=options.requests,
        files=files_for(options.requests),
        format="chat" if model.format == "chat" else "compact",
    )
    prompts = [np.array(model.tokenize(request.prompt.text), np.int32) for request in requests]
    model.close()
    near = near_the_last(requests)
    which = {
        "all": [True] * len(requests),
        "not_the_first": [request.turn > 0 for request in requests],
        "second": [request.turn == 1 for request in requests],
        "near": [request.number in near for request in requests],
    }
    shift = options.context_shift == "on" or (
        options.context_shift == "auto" and model.format == "chat"
    )
    ours = counts(prompts, shift=shift, cell=options.cell_bytes, cache_mb=options.cache_mb)
    theirs = counts(prompts, shift=False, cell=options.cell_bytes, cache_mb=_EVERYTHING_MB)
    found = {
        "model": Path(options.model or "active").name,
        "requests": len(requests),
        "cache_mb": options.cache_mb,
        "prompt_tokens": statistics.mean(prompt.size for prompt in prompts),
        "ours": _shares(ours, prompts, which),
        "beginnings_only": _shares(theirs, prompts, which),
        "times_fewer": statistics.median(t / o for t, o in zip(theirs, ours, strict=True)),
    }
    print(json.dumps(found, indent=None if options.json else 2))


class _Nothing:
    """A context that computes nothing and whose states have the size they would have."""

    sequences = EngineOptions().sequences
    chunk = EngineOptions().batch

    def __init__(self, cell: int) -> None:
        self._cell = cell
        self.cache: PromptCache | None = None

    def decode_prompt(self, tokens: Any, position: int, *, outputs: int) -> int:
        return 0

    def save(self, sequence: int) -> NDArray[np.uint8]:
        assert self.cache is not None
        size = self.cache.live.size * self._cell
        return np.broadcast_to(np.zeros(1, np.uint8), (size,))  # takes no memory

    def load(self, sequence: int, data: NDArray[np.uint8]) -> bool:
        return True

    def trim(self, sequence: int, begin: int) -> bool:
        return True

    def drop(self, sequence: int) -> None: ...

    def copy(self, source: int, target: int, begin: int = -1, end: int = -1) -> None: ...

    def move(self, sequence: int, delta: int) -> None: ...


def counts(prompts: list[Tokens], *, shift: bool, cell: int, cache_mb: int) -> list[int]:
    """Tokens that are computed of each prompt."""
    counters = Counters()
    context: Any = _Nothing(cell)
    cache = context.cache = PromptCache(
        context, counters, owner="", budget_bytes=cache_mb * 1_000_000, shift=shift
    )
    computed = []
    for prompt in prompts:
        before = counters.prompt_tokens_recomputed
        cache.compute(prompt, ())
        cache.settle()
        computed.append(counters.prompt_tokens_recomputed - before)
    return computed


def _shares(
    computed: list[int], prompts: list[Tokens], which: dict[str, list[bool]]
) -> dict[str, float]:
    """Of all tokens together, and the median request of each kind."""
    shares = [count / prompt.size for count, prompt in zip(computed, prompts, strict=True)]
    medians = {
        name: statistics.median(s for s, wanted in zip(shares, chosen, strict=True) if wanted)
        for name, chosen in which.items()
        if any(chosen)
    }
    total = sum(computed) / sum(prompt.size for prompt in prompts)
    return {"of_all_tokens": round(total, 3)} | {n: round(s, 3) for n, s in medians.items()}


if __name__ == "__main__":
    main()
