"""How long a user waits for a fix, and how many tokens a second the model makes.

    python -m benchmarks.latency                      the active model
    python -m benchmarks.latency --model NAME|PATH --cases 24 --json --out latency.json

Cold: `whetstone-lsp` is started, a file with a bug is opened, and its code action resolved; the
time runs from the start of the process to the edit. Warm: more files of the static suite in that
same server, the time of each `codeAction/resolve` alone. Tokens per second: the same prompts, the
same engine, in this process. `benchmarks.lsp_latency` looks closer at the server itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.editor import (
    CAPABILITIES,
    Server,
    machine,
    opened,
    uri,
    wait_for_diagnostics,
)
from trainer.evaluation.cases import Case, cases_of, spread
from whetstone import context, diagnose, rules
from whetstone.engine.load import load_engine
from whetstone.errors import WhetstoneError
from whetstone.models import Registry
from whetstone.problem import Document
from whetstone.prompt import FORMATS, Prompt, render
from whetstone.settings import Settings


def main() -> int:
    options = _parse()
    try:
        entry = Registry().resolve(options.model)
    except WhetstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    os.environ["WHETSTONE_MODEL"] = str(entry.path)  # for the server, whose data folder is new
    cases = spread(cases_of("static"), options.cases)
    with tempfile.TemporaryDirectory(prefix="whetstone-latency-") as name:
        cold, warm, offered = measure_server(cases, options.rounds, Path(name))
    found = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "model": {"id": entry.model_id, "bytes": entry.path.stat().st_size},
        "cold_first_fix_s": _spread(cold),
        "warm_resolve_s": _spread(warm),
        "offered": {"count": offered, "total": len(cases)},
        **measure_engine(str(entry.path), cases),
    }
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found) if options.json else describe(found))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a model of the registry or a GGUF file")
    parser.add_argument("--cases", type=int, default=24, help="files to fix")
    parser.add_argument("--rounds", type=int, default=5, help="cold starts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, help="write JSON there")
    return parser.parse_args()


# -- the server ---------------------------------------------------------------------------------


def measure_server(
    cases: Sequence[Case], rounds: int, folder: Path
) -> tuple[list[float], list[float], int]:
    """Seconds of each cold start to its first fix, of each warm resolve, and fixes offered."""
    cold: list[float] = []
    for _ in range(max(1, rounds)):
        begin = time.perf_counter()
        server = _start(folder)
        _, _ = _resolve(server, folder, cases[0])
        cold.append(time.perf_counter() - begin)
        if len(cold) < max(1, rounds):
            server.stop()
    warm, offered = [], 0
    for number, case in enumerate(cases):
        seconds, has_edit = _resolve(server, folder, case, prefix=f"w{number}_")
        warm.append(seconds)
        offered += has_edit
    server.stop()
    return cold, warm, offered


def _start(folder: Path) -> Server:
    server = Server([sys.executable, "-m", "lsp_server"], folder / "data")
    params = {"processId": os.getpid(), "rootUri": None, "capabilities": CAPABILITIES}
    server.request("initialize", params)
    server.notify("initialized", {})
    return server


def _resolve(server: Server, folder: Path, case: Case, prefix: str = "") -> tuple[float, bool]:
    """Seconds of one `codeAction/resolve`, and whether it came with an edit."""
    where = uri(folder, prefix + case.file)
    opened(server, where, case.buggy)
    wait_for_diagnostics(server, where, 1)
    span = diagnose.find(Document(text=case.buggy))[0].span
    line = {"line": span.start_line, "character": span.start_column}
    listed = server.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": where},
            "range": {"start": line, "end": line},
            "context": {"diagnostics": [], "triggerKind": 1},
        },
    )
    if not listed:
        raise SystemExit(f"error: {case.name}: the server offered no code action")
    begin = time.perf_counter()
    resolved = server.request("codeAction/resolve", listed[0])
    return time.perf_counter() - begin, bool(resolved.get("edit"))


# -- the engine ---------------------------------------------------------------------------------


def measure_engine(model: str, cases: Sequence[Case]) -> dict[str, Any]:
    """Load time, and tokens per second of prompts and of answers."""
    settings = dataclasses.replace(Settings(), model=model)
    begin = time.perf_counter()
    engine: Any = load_engine(settings, Registry())  # tokenize() is this engine's own
    load_s = time.perf_counter() - begin
    prompt_tokens = answer_tokens = 0
    prompt_s = answer_s = 0.0
    for case in cases:
        prompt = _prompt(case, engine.prompt_format)
        begin = time.perf_counter()
        _generate(engine, prompt, n=1, max_tokens=1)  # all of the prompt, and one token
        middle = time.perf_counter()
        answers = _generate(engine, prompt, n=settings.candidates, max_tokens=settings.max_tokens)
        answer_s += time.perf_counter() - middle  # the prompt is in the cache now
        prompt_s += middle - begin
        prompt_tokens += len(engine.tokenize(prompt.text))
        answer_tokens += answers
    engine.close()
    return {
        "load_s": load_s,
        "prompt_tokens": prompt_tokens,
        "prompt_tokens_per_s": prompt_tokens / prompt_s,
        "answer_tokens": answer_tokens,
        "answer_tokens_per_s": answer_tokens / answer_s,
    }


def _generate(engine: Any, prompt: Prompt, *, n: int, max_tokens: int) -> int:
    completions = engine.generate(prompt, n=n, max_tokens=max_tokens)
    return sum(completion.tokens for completion in completions)


def _prompt(case: Case, name: str) -> Prompt:
    document = Document(text=case.buggy, path=Path(case.file))
    diagnostic = diagnose.find(document)[0]
    hints = rules.hints(document, diagnostic)
    problem = context.build_problem(document, diagnostic, hints=hints)
    return render(problem, next(known for known in FORMATS if known == name))


# -- the report ---------------------------------------------------------------------------------


def _spread(seconds: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"n": len(ordered), "p50": statistics.median(ordered), "p95": p95}


def describe(found: dict[str, Any]) -> str:
    cold, warm, offered = found["cold_first_fix_s"], found["warm_resolve_s"], found["offered"]
    rows = [
        ("model", f"{found['model']['id']}, {found['model']['bytes'] / 1e6:.1f} MB"),
        ("machine", found["machine"]),
        ("date", found["made_at"]),
        (f"cold: start to first fix, {cold['n']} starts", _times(cold)),
        (f"warm: resolve, {warm['n']} files", _times(warm)),
        ("files for which a fix was offered", f"{offered['count']} of {offered['total']}"),
        ("model load", f"{found['load_s']:.2f} s"),
        ("prompt", f"{found['prompt_tokens_per_s']:,.0f} tokens/s"),
        ("answers", f"{found['answer_tokens_per_s']:,.0f} tokens/s"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _times(values: dict[str, Any]) -> str:
    return f"median {values['p50'] * 1000:,.0f} ms, 95 % {values['p95'] * 1000:,.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
