"""Memory and time of merging an adapter into a large model and exporting it.

    python -m benchmarks.export_memory [--shape qwen2.5-7b] [--quantization q4_k_m] [--json]

Weights are random, in the true shape and in 16 bit, so the disk has to hold about three times the
model; everything is written in a temporary folder of `--folder` and deleted. Each step runs in a
process of its own, and its peak is what the system counted for that process (ru_maxrss: mapped
pages of files that it read included) beside its own memory without files, sampled 20 times a
second (RssAnon).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.qwen import QWEN2_5, QwenShape

SHAPES = {
    **{f"qwen2.5-{size}": shape for size, shape in QWEN2_5.items()},
    "tiny": QwenShape(  # to see that everything runs
        layers=2, hidden=256, intermediate=512, heads=4, kv_heads=2, vocabulary=5120, tied=False
    ),
}
_POOL = 1 << 24  # random numbers, used over and over


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.export_memory", description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="qwen2.5-7b")
    parser.add_argument("--quantization", default="q4_k_m")
    parser.add_argument("--folder", type=Path, help="on a disk with room [default: the system's]")
    parser.add_argument("--note", default="", help="kept in the result, such as 'shared machine'")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--step", choices=("make", "merge", "export"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        _do(options.step, options.folder, options)
        return 0
    with tempfile.TemporaryDirectory(prefix="whetstone-export-", dir=options.folder) as name:
        found = _measure(Path(name), options)
    text = json.dumps(found, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text if options.json else _table(found))
    return 0


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    steps = {}
    for step in ("make", "merge", "export"):
        print(f"{options.shape}: {step}", file=sys.stderr, flush=True)
        steps[step] = _watched(step, folder, options)
        if step == "merge":
            shutil.rmtree(folder / "base")
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "note": options.note,
        "shape": options.shape,
        "quantization": options.quantization,
        "bytes": {
            "merged": sum(path.stat().st_size for path in (folder / "merged").iterdir()),
            "gguf": (folder / "model.gguf").stat().st_size,
        },
        "merge": steps["merge"],
        "export": steps["export"],
    }


def _watched(step: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Run one step in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.export_memory", "--step", step, "--folder", str(folder),
        "--shape", options.shape, "--quantization", options.quantization,
    ]  # fmt: skip
    started, anonymous = time.monotonic(), 0
    process = subprocess.Popen(command)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        anonymous = max(anonymous, _anonymous(process.pid))
        time.sleep(0.05)
    if status:
        raise SystemExit(f"error: the step {step} failed; see above.")
    return {
        "seconds": round(time.monotonic() - started, 1),
        "peak_rss_gb": round(usage.ru_maxrss * 1024 / 1e9, 2),
        "peak_anonymous_gb": round(anonymous / 1e9, 2),
    }


def _anonymous(pid: int) -> int:
    """Bytes of a process that are in memory and in no file; 0 where that cannot be told."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _do(step: str, folder: Path, options: argparse.Namespace) -> None:
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if step == "make":
        _make(options.shape, folder)
    elif step == "merge":
        from export.merge import merge

        merge(folder / "base", folder / "adapter", folder / "merged")
    else:
        from export.quantize import export_gguf

        export_gguf(folder / "merged", folder / "model.gguf", quantization=options.quantization)


def _make(shape: str, folder: Path) -> None:
    """A model and an adapter of random numbers, tensor by tensor."""
    import gguf
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen2Config

    from export.architectures import ARCHITECTURES, all_names, is_required
    from export.gguf_to_hf import tokenizer_of
    from export.shards import save_shards
    from export.tokenizer import from_gguf
    from whetstone.models.starter import starter_path

    qwen = SHAPES[shape]
    layers, hidden, wide, tied = qwen.layers, qwen.hidden, qwen.intermediate, qwen.tied
    narrow = hidden // qwen.heads * qwen.kv_heads
    shapes = {
        "embed_tokens": (qwen.vocabulary, hidden), "lm_head": (qwen.vocabulary, hidden),
        "q_proj": (hidden, hidden), "k_proj": (narrow, hidden), "v_proj": (narrow, hidden),
        "o_proj": (hidden, hidden), "gate_proj": (wide, hidden),
        "up_proj": (wide, hidden), "down_proj": (hidden, wide),
    }  # fmt: skip
    torch.manual_seed(0)
    pool = torch.randn(_POOL) * 0.02

    def values(*dimensions: int, dtype: Any = torch.bfloat16) -> Any:
        count = 1
        for length in dimensions:
            count *= length
        # A copy: a view of a few numbers would keep the whole pool in memory, once for each tensor.
        return pool.repeat(-(-count // _POOL))[:count].reshape(dimensions).to(dtype, copy=True)

    def tensors() -> Iterator[tuple[str, Any]]:
        architecture = ARCHITECTURES["qwen2"]
        for name in all_names(architecture, layers, tied=tied):
            part = name.split(".")[-2]
            if is_required(architecture, name):
                bias = name.endswith("bias")
                whole = shapes.get(part, (hidden,))
                yield name, values(whole[0]) if bias else values(*whole)

    base = folder / "base"
    base.mkdir()
    save_shards(tensors(), base)
    tokenizer = from_gguf(tokenizer_of(gguf.GGUFReader(starter_path())))
    tokenizer.save_pretrained(base)
    Qwen2Config(
        num_hidden_layers=layers, hidden_size=hidden, intermediate_size=wide,
        num_attention_heads=qwen.heads, num_key_value_heads=qwen.kv_heads,
        vocab_size=qwen.vocabulary,
        tie_word_embeddings=tied, max_position_embeddings=32768, dtype="bfloat16",
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        architectures=["Qwen2ForCausalLM"],
    ).save_pretrained(base)  # fmt: skip
    _make_adapter(folder / "adapter", layers, shapes, values, save_file)


def _make_adapter(folder: Path, layers: int, shapes: Any, values: Any, save_file: Any) -> None:
    import torch

    folder.mkdir()
    rank, weights = 16, {}
    for layer in range(layers):
        for part, (rows, columns) in shapes.items():
            if not part.endswith("_proj"):
                continue
            block = "mlp" if part.split("_")[0] in ("gate", "up", "down") else "self_attn"
            module = f"base_model.model.model.layers.{layer}.{block}.{part}"
            weights[f"{module}.lora_A.weight"] = values(rank, columns, dtype=torch.float32)
            weights[f"{module}.lora_B.weight"] = values(rows, rank, dtype=torch.float32)
    save_file(weights, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 32}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['shape']} to {found['quantization']}, {found['machine']}"]
    for step in ("merge", "export"):
        one = found[step]
        lines.append(
            f"{step:<8}{one['seconds']:>8.0f} s   peak {one['peak_rss_gb']:.2f} GB, "
            f"without mapped files {one['peak_anonymous_gb']:.2f} GB"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
