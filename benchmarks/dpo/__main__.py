"""Preference training beside TRL's DPOTrainer, on the same model, pairs, seeds and LoRA.

    python -m benchmarks.dpo                                  CPU, 12 M parameters
    python -m benchmarks.dpo --shape qwen2.5-3b --device cuda --json
    python -m benchmarks.dpo --shape qwen2.5-3b --device cuda --qlora --batch 1

Twice: with 16 prompt tokens to one of an answer, and with 2. Both sides train in this process, in
turn, `--repeats` times; the best time of each counts. Ours includes the pass that computes what
the reference says; `--precomputed` adds TRL with its own option for that. Memory on a GPU is what
torch allocated at most, the model included; on the CPU the growth of a fresh process per side,
with the longer prompts only.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RATIOS = (16, 2)
_UNSAID = ("json", "out", "note", "memory_of")  # options that say nothing about the result


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.dpo", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--shape", choices=("tiny", "small", "qwen2.5-3b"), default="small")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--qlora", action="store_true", help="base in 4 bit (nf4); wants a GPU")
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing")
    parser.add_argument("--precomputed", action="store_true", help="a third side, see above")
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None, help="of torch, on the CPU")
    parser.add_argument("--note", default="", help="kept in the result, such as 'shared machine'")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)  # a side, in its own process
    arguments = parser.parse_args()
    _quiet()
    import torch

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("error: --device cuda: torch sees no GPU here. Use --device cpu.", file=sys.stderr)
        return 2
    if arguments.qlora and arguments.device != "cuda":
        print("error: --qlora needs --device cuda and bitsandbytes.", file=sys.stderr)
        return 2
    if arguments.memory_of:
        print(_measure(arguments.memory_of, arguments, RATIOS[0]).memory)
        return 0
    found = _everything(arguments)
    text = json.dumps(found, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    print(text if arguments.json else _table(found))
    return 0


def _quiet() -> None:
    for name in ("HF_DATASETS_DISABLE_PROGRESS_BARS", "HF_HUB_OFFLINE", "TQDM_DISABLE"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore")


def _measure(side: Any, arguments: argparse.Namespace, ratio: int) -> Any:
    from benchmarks.dpo.sides import Setting, measure

    return measure(
        side,
        Setting(
            shape=arguments.shape,
            device=arguments.device,
            ratio=ratio,
            pairs=arguments.pairs,
            batch=arguments.batch,
            epochs=arguments.epochs,
            seed=arguments.seed,
            qlora=arguments.qlora,
            checkpointing=arguments.checkpointing,
        ),
    )


def _everything(arguments: argparse.Namespace) -> dict[str, Any]:
    import torch
    import trl

    from trainer.dpo.attention import choose_attention

    cuda = arguments.device == "cuda"
    runs = {ratio: _of_ratio(arguments, ratio) for ratio in RATIOS}
    if not cuda:
        for side in _sides(arguments):
            runs[RATIOS[0]][side]["memory"] = _memory_of(side)
            runs[RATIOS[1]][side]["memory"] = None
    keys = {
        f"ratio_pairs_per_s_{ratio}_1": run["ours"]["pairs_per_s"] / run["trl"]["pairs_per_s"]
        for ratio, run in runs.items()
    }
    busy = {
        f"ratio_cpu_time_{ratio}_1": run["trl"]["cpu_seconds"] / run["ours"]["cpu_seconds"]
        for ratio, run in runs.items()
    }
    memory = {side: runs[RATIOS[0]][side]["memory"] for side in ("ours", "trl")}
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": torch.cuda.get_device_name() if cuda else _cpu(),
        "note": arguments.note,
        "versions": {"torch": torch.__version__, "trl": trl.__version__},
        "attention": choose_attention() if cuda else "sdpa",
        "options": {k: v for k, v in vars(arguments).items() if k not in _UNSAID},
        **keys,
        **({} if cuda else busy),
        "ratio_peak_memory": memory["ours"] / memory["trl"],
        "max_abs_loss_difference": max(run["max_abs_loss_difference"] for run in runs.values()),
        **({"matrix_tflops": _matrix_rate()} if cuda else {}),
        **{f"{ratio}_1": run for ratio, run in runs.items()},
    }


def _of_ratio(arguments: argparse.Namespace, ratio: int) -> dict[str, Any]:
    best: dict[str, Any] = {}
    if arguments.device == "cuda":
        for side in _sides(arguments):
            _measure(side, arguments, ratio)  # compiles kernels
    for _ in range(arguments.repeats):
        for side in _sides(arguments):
            run = _measure(side, arguments, ratio)
            if side not in best or run.seconds < best[side].seconds:
                best[side] = run
    differences = [abs(a - b) for a, b in zip(best["ours"].losses, best["trl"].losses, strict=True)]
    return {
        "max_abs_loss_difference": max(differences),
        **{side: _summary(run) for side, run in best.items()},
    }


def _sides(arguments: argparse.Namespace) -> tuple[str, ...]:
    return ("ours", "trl", "trl-precomputed") if arguments.precomputed else ("ours", "trl")


def _megabytes(run: dict[str, Any]) -> str:
    return f"{run['memory'] / 2**20:>8.0f} MB" if run["memory"] is not None else " " * 11


def _summary(run: Any) -> dict[str, Any]:
    return {
        **{k: v for k, v in dataclasses.asdict(run).items() if k != "losses"},
        "pairs_per_s": run.pairs / run.seconds,
        "tokens_per_s": run.tokens / run.seconds,
        "tflops": run.flops / run.seconds / 1e12,
        "first_loss": run.losses[0],
        "final_loss": run.losses[-1],
    }


def _memory_of(side: str) -> int:
    """With the longer prompts, in a process of its own: what another run freed would be used."""
    command = [sys.executable, "-m", "benchmarks.dpo", *sys.argv[1:], "--memory-of", side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def _matrix_rate() -> float:
    """What the chip does on a plain bfloat16 product of two 8192 x 8192 matrices, TFLOP/s."""
    import torch

    size = 8192
    a, b = (torch.randn(size, size, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    for _ in range(5):
        a @ b
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(50):
        a @ b
    torch.cuda.synchronize()
    return 50 * 2 * size**3 / (time.perf_counter() - begin) / 1e12


def _cpu() -> str:
    name, listing = platform.processor(), Path("/proc/cpuinfo")
    if listing.exists():
        lines = listing.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}"


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['machine']}, {found['attention']}, {found['options']['shape']}"]
    for ratio in RATIOS:
        lines.append(f"\nprompt : answer = {ratio} : 1")
        for side in (name for name in found[f"{ratio}_1"] if name != "max_abs_loss_difference"):
            run = found[f"{ratio}_1"][side]
            lines.append(
                f"  {side:<16}{run['pairs_per_s']:>9.2f} pairs/s {run['tokens_per_s']:>9.0f} "
                f"tokens/s {_megabytes(run)}   loss {run['final_loss']:.5f}"
            )
    for key in (key for key in found if key.startswith("ratio_")):
        lines.append(f"{key:<26}{found[key]:.3f}")
    lines.append(f"{'max_abs_loss_difference':<26}{found['max_abs_loss_difference']:.2e}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
