"""The first stages: corpus, samples, tokenizer, token arrays. Each leaves one file and is skipped
when that file is there; files appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data import templates
from trainer.data.corpus import Unit, collect, installed_files, read_units
from trainer.data.samples import Sample, make_runtime_samples, make_samples
from trainer.starter.config import StarterConfig
from trainer.starter.tokenizer import load_tokenizer, train_tokenizer
from whetstone.paths import atomic_write_text

Say = Callable[[str], None]
_SHARDS = 10  # more shards than workers: progress is seen, and a kill costs one shard
_MAX_TOKENS = 440


def make_corpus(config: StarterConfig, out: Path, say: Say) -> Path:
    """corpus.jsonl: working documents of both splits."""
    path = out / "corpus.jsonl"
    if not path.exists():
        options = config.corpus
        units = list(
            collect(
                installed_files(),
                per_package=options.per_package,
                per_file=options.per_file,
                seed=options.seed,
            )
        )
        for split, share in (("train", 1.0), ("held", 0.06)):
            units += templates.units(split, int(options.templates * share), options.seed)
        _write_lines(path, (unit.to_json() for unit in units))
    splits = [unit.split for unit in read_units(path)]
    say(f"corpus: {len(splits)} documents, {splits.count('held')} of them held out")
    return path


def make_sample_files(config: StarterConfig, out: Path, say: Say, workers: int = 2) -> list[Path]:
    """samples/train-NN.jsonl, samples/train-runtime.jsonl and samples/held.jsonl."""
    folder = out / "samples"
    folder.mkdir(exist_ok=True)
    options = config.samples
    each = -(-options.train // _SHARDS)
    jobs = [
        ("held", options.held, options.seed, folder / "held.jsonl"),
        ("runtime", options.runtime, options.seed * 1000 + _SHARDS, folder / "train-runtime.jsonl"),
    ]
    jobs += [
        ("train", each, options.seed * 1000 + shard, folder / f"train-{shard:02d}.jsonl")
        for shard in range(_SHARDS)
    ]
    missing = [job for job in jobs if not job[3].exists()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = pool.map(_sample_file, [(out / "corpus.jsonl", *job) for job in missing])
        for number, kept in enumerate(done, start=1):
            say(f"samples: file {number} of {len(missing)}, {kept} samples")
    return [job[3] for job in jobs[1:]]


def _sample_file(job: tuple[Path, str, int, int, Path]) -> int:
    corpus, split, count, seed, path = job
    if split == "runtime":
        samples = list(make_runtime_samples("train", count, seed))
    else:
        units: list[Unit] = [unit for unit in read_units(corpus) if unit.split == split]
        samples = list(make_samples(units, count, seed))
    keep = tuple(asdict(samples[0])) if split == "held" else ("kind", "prompt", "answer")
    rows = ({key: value for key, value in asdict(s).items() if key in keep} for s in samples)
    _write_lines(path, map(json.dumps, rows))
    return len(samples)


def read_samples(paths: Iterable[Path]) -> Iterable[Sample]:
    for path in paths:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                yield Sample(**json.loads(line))


def make_tokenizer(config: StarterConfig, out: Path, say: Say) -> Path:
    """tokenizer/: byte-level BPE with Qwen2's splitter, trained on the training samples."""
    folder = out / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        files = sorted((out / "samples").glob("train-*.jsonl"))[:8]
        texts = (sample.prompt + sample.answer for sample in read_samples(files))
        train_tokenizer(texts, config.model["vocab_size"], folder)
    say(f"tokenizer: {config.model['vocab_size']} entries")
    return folder


def make_tokens(out: Path, say: Say) -> Path:
    """tokens.npz: `ids` of all samples end to end, `ends` of each, `prompts` their lengths."""
    path = out / "tokens.npz"
    if not path.exists():
        tokenizer = load_tokenizer(out / "tokenizer")
        ids: list[NDArray[np.uint16]] = []
        prompts: list[int] = []
        for file in sorted((out / "samples").glob("train-*.jsonl")):
            samples = list(read_samples([file]))
            heads = tokenizer.encode_batch([s.prompt for s in samples], add_special_tokens=False)
            tails = tokenizer.encode_batch([s.answer for s in samples], add_special_tokens=False)
            for head, tail in zip(heads, tails, strict=True):
                if len(head.ids) + len(tail.ids) <= _MAX_TOKENS:
                    ids.append(np.array(head.ids + tail.ids, dtype=np.uint16))
                    prompts.append(len(head.ids))
        lengths = np.array([len(row) for row in ids])
        arrays: dict[str, Any] = {
            "ids": np.concatenate(ids),
            "ends": np.cumsum(lengths),
            "prompts": np.array(prompts),
        }
        temporary = path.with_suffix(f".{os.getpid()}.tmp.npz")
        np.savez(temporary, **arrays)
        temporary.replace(path)
    with np.load(path) as data:
        count, total = len(data["ends"]), int(data["ends"][-1])
    say(f"tokens: {total / 1e6:.1f} M in {count} samples, {total / count:.0f} each")
    return path


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    atomic_write_text(path, "".join(line + "\n" for line in lines), mode=0o644)
