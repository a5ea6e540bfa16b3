"""How soon a request stops when it is cancelled: within its prompt, and while it generates.

    python -m benchmarks.stopping [--model NAME] [--rounds 10] [--json]

The model is one of the registry, a GGUF file, or qwen2.5-0.5b and qwen2.5-3b with random weights,
which benchmarks.serving writes. The flag is set from another thread, each round at another moment
of the pass; what is told is the time from there until the request has ended.
"""

from __future__ import annotations

import argparse
import argparse as module  # the text of the prompts: any long module does
import functools
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.editor import load, machine
from benchmarks.serving import models, setup
from whetstone.engine.base import Cancel
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.options import EngineOptions
from whetstone.errors import Cancelled
from whetstone.models import Registry
from whetstone.prompt import Prompt

_ANSWERS, _TOKENS = 4, 96
_WARM = 8  # tokens of an answer before it is stopped


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", metavar="NAME", help="default: the active one")
    parser.add_argument("--folder", type=Path, default=setup.default_folder())
    parser.add_argument("--threads", type=int, default=0, help="0: as the engine chooses")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--prompt-tokens", type=int, default=1500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shape = models.SHAPES.get(options.model)
    path = (
        models.random_model(shape, options.folder / "models")
        if shape
        else Registry().resolve(options.model).path
    )
    found = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": load(),
        "model": options.model or "active",
        **measure(
            path,
            threads=options.threads,
            rounds=options.rounds,
            prompt_tokens=options.prompt_tokens,
        ),
    }
    print(json.dumps(found, indent=None if options.json else 2))


def measure(path: Path, *, threads: int, rounds: int, prompt_tokens: int) -> dict[str, Any]:
    """Milliseconds of each round, the longest last, and what a pass takes."""
    engine = LlamaEngine(
        path, model_id="benchmark", options=EngineOptions(threads=threads, cache_mb=0)
    )
    engine._model.ends = lambda token: False  # type: ignore[method-assign]  # go on for long
    try:
        before = engine.stats
        list(engine.generate(_prompt(engine, 0, prompt_tokens), n=_ANSWERS, max_tokens=_WARM))
        spent = engine.stats - before
        prompt_s, pass_s = spent.prompt_seconds, spent.answer_seconds / _WARM
        within, generating = [], []
        for number in range(rounds):
            share = (number + 0.5) / rounds
            ask = _prompt(engine, number + 1, prompt_tokens)
            within.append(_stopped(engine, ask, lambda: True, share * prompt_s))
            # The same prompt again: what was computed of it stays known, and the rest is quick.
            list(engine.generate(ask, n=1, max_tokens=1))
            going = functools.partial(_has_drawn, engine, engine.stats.tokens_generated + _WARM)
            generating.append(_stopped(engine, ask, going, share * pass_s))
        return {
            "threads": threads,
            "prompt_tokens": spent.prompt_tokens,
            "prompt_s": round(prompt_s, 3),
            "pass_ms": round(1000 * pass_s, 1),
            "stopped_within_prompt_ms": _sorted_ms(within),
            "stopped_while_generating_ms": _sorted_ms(generating),
        }
    finally:
        engine.close()


def _prompt(engine: LlamaEngine, number: int, tokens: int) -> Prompt:
    """One that no other round begins with."""
    text = f"# round {number}\n" + Path(module.__file__).read_text(encoding="utf-8")
    tokens = min(tokens, engine._context.size // 2)
    characters = len(text) * tokens // len(engine.tokenize(text))
    return Prompt(text=text[:characters], format="compact", stop="")


def _has_drawn(engine: LlamaEngine, least: int) -> bool:
    return engine.stats.tokens_generated > least


def _stopped(
    engine: LlamaEngine, prompt: Prompt, ready: Callable[[], bool], delay_s: float
) -> float | None:
    """Seconds from the flag, set `delay_s` after `ready` says so, to the end of the request.

    None when the request was complete before.
    """
    cancel = Cancel()
    at: list[float] = []

    def set_it() -> None:
        while not ready() and not cancel.is_set():
            time.sleep(0.001)
        time.sleep(delay_s)
        at.append(time.perf_counter())
        cancel.set()

    setter = threading.Thread(target=set_it, daemon=True)
    setter.start()
    try:
        list(engine.generate(prompt, n=_ANSWERS, max_tokens=_TOKENS, cancel=cancel))
    except Cancelled:
        return time.perf_counter() - at[0]
    finally:
        cancel.set()
        setter.join(1.0)
    return None


def _sorted_ms(seconds: list[float | None]) -> list[float]:
    return sorted(round(1000 * each, 1) for each in seconds if each is not None)


if __name__ == "__main__":
    main()
