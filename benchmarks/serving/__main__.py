"""How soon fixes are there: this engine beside what users would run instead.

    python -m benchmarks.serving setup            build the peers, once (10 CPU minutes)
    python -m benchmarks.serving                  the active model and two of true sizes
    python -m benchmarks.serving --requests 20 --model starter --json

Replays a recorded editing session (see recording.py) against this engine, llama-cpp-python's
`Llama`, its OpenAI server and llama.cpp's own llama-server, each at the best of its settings, with
the same file, prompts and number of threads, in turns. --model takes a name of the registry, a
GGUF file, or qwen2.5-0.5b and qwen2.5-3b, whose files have random weights and are written when
first asked for. Ctrl-C ends a replay early; what was measured until then is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.editor import load, machine
from benchmarks.serving import bare, models, peers, setup
from benchmarks.serving.figures import figures, most
from benchmarks.serving.recording import REQUESTS, Request, files_for, record
from benchmarks.serving.report import plot, table
from benchmarks.serving.session import choose_variants, replay
from export.quantize import silence
from whetstone.errors import WhetstoneError
from whetstone.models import Registry, read_gguf
from whetstone.settings import Settings

# A random model never ends an answer by itself: as many tokens as a block of two lines has.
_FIXED_TOKENS = 24
# A session that a machine with two cores replays in a fair time, by the size of the file in MB.
_SHORTER = ((100, REQUESTS), (1000, 20), (10**9, 10))
_TRIED = ((100, 6), (1000, 2), (10**9, 1))  # requests for each setting of a peer, by that size


def main() -> int:
    options = _parse()
    try:
        if options.command == "setup":
            print(f"Everything is in {setup.set_up(options.folder).folder}")
            return 0
        return run(options)
    except (WhetstoneError, setup.SetupError, peers.PeerError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nerror: stopped; run it again to go on or to start over.", file=sys.stderr)
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=("run", "setup"), default="run")
    parser.add_argument(
        "--folder", type=Path, default=setup.default_folder(),
        help="where the peers and the models lie (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--model", action="append", dest="models", metavar="NAME",
        help="may be given several times (default: the active one and both random ones)",
    )  # fmt: skip
    parser.add_argument("--requests", type=int, help="length of the session (default: by size)")
    parser.add_argument(
        "--trials", type=int, metavar="REQUESTS",
        help="requests to try each setting of a peer with; 0: the first one (default: by size)",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=int, metavar="LINES",
        help="show fewer lines around each problem: quicker, and not what is served",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--context", type=int, default=4096, help="tokens (default: %(default)s)")
    parser.add_argument("--peer", action="append", dest="peers", help="only these, and ours")
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write serving.json and serving.png there"
    )
    parser.add_argument("--name", default="serving", metavar="STEM", help="the name of those files")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    tools = setup.find(options.folder)
    if tools.missing:
        _say(f"not built: {', '.join(tools.missing)}. `python -m benchmarks.serving setup` does it",
             end="\n")  # fmt: skip
    silence()
    found: dict[str, Any] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": load(),
        "python": sys.version.split()[0],
        "models": {},
    }
    for name in options.models or ("active", *models.SHAPES):
        path, random = _model(name, options.folder)
        found["models"][name] = measure(path, random, options, tools)
        _say(table(name, found["models"][name]), end="\n\n")
        if options.out:  # after each, so that a long run that is stopped leaves what it has
            _write(found, options.out / options.name)
    if options.json:
        print(json.dumps(found))
    return 0


def _model(name: str, folder: Path) -> tuple[Path, bool]:
    """The file, and whether its weights are random."""
    shape = models.SHAPES.get(name)
    if shape is None:
        return Registry().resolve(None if name == "active" else name).path, False
    return models.random_model(
        shape, folder / "models", progress=lambda a, b: _say(f"writing {name}: {a} of {b} tensors")
    ), True


def measure(
    path: Path, random: bool, options: argparse.Namespace, tools: setup.Tools
) -> dict[str, Any]:
    """All figures of one model."""
    info = read_gguf(path)
    requests = _recorded(path, info.prompt_format, options)
    setting = peers.Setting(
        model=path,
        threads=options.threads,
        context_tokens=min(options.context, info.context_tokens or options.context),
        tools=tools,
    )
    names = [
        name
        for name in peers.available(tools)
        if not options.peers or name in (*options.peers, peers.OURS)
    ]
    length = {"max_tokens": _FIXED_TOKENS if random else Settings().max_tokens}
    passes = _FIXED_TOKENS if random else 1  # what is random cannot be guessed
    trials = _by_size(_TRIED, path) if options.trials is None else options.trials
    chosen = choose_variants(
        names, requests[:trials], setting, guessing=not random, progress=_say, **length
    )
    four = replay(requests, chosen, setting, n=4, progress=_say, **length)
    one = replay(requests[: four.done], chosen, setting, n=1, progress=_say, **length)
    _say("beside a bare loop")
    ceiling = bare.fraction(setting, [request.prompt for request in requests])
    return {
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "random_weights": random,
        "files": len({request.file for request in requests}),
        "window": options.window,
        "threads": options.threads,
        "answer_tokens": "fixed at 24" if random else "as the model ends",
        **figures(one, four),
        **ceiling,
        "most_times_sooner_one_candidate": most(one, ceiling, passes),
        "most_times_sooner_four_candidates": most(four, ceiling, passes),
        "llama_bench": bare.llama_bench(setting, int(ceiling["bare_prompt_tokens"])),
    }


def _recorded(path: Path, format: Any, options: argparse.Namespace) -> list[Request]:
    count = max(2, options.requests or _by_size(_SHORTER, path))
    return record(
        requests=count, files=files_for(count), format=format,
        window=options.window, progress=lambda a, b: _say(f"recording: {a} of {b} requests"),
    )  # fmt: skip


def _by_size(table: tuple[tuple[int, int], ...], path: Path) -> int:
    return next(count for limit, count in table if path.stat().st_size <= limit * 1e6)


def _write(found: dict[str, Any], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    Path(f"{stem}.json").write_text(text, encoding="utf-8")
    plot(found["models"], Path(f"{stem}.png"))


_began = time.monotonic()


def _say(text: str, end: str = "") -> None:
    """Progress on standard error: one line that is written over, or a tenth of the lines."""
    counted = re.search(r"(\d+) of (\d+)", text)
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}{end}")
    elif end or counted is None or int(counted[1]) % max(1, int(counted[2]) // 10) == 0:
        sys.stderr.write(f"[{time.monotonic() - _began:.0f} s] {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
