"""Base training: packed rows, float32 masters, one or two processes, resumable.

    python -m trainer.starter.train OUT SIZE RANK WORLD PORT    (started by `trainer starter`)

A checkpoint holds weights, optimizer state, step, tokens and seconds, and is written whole. After
a kill the run goes on from the last one; each process then draws fresh batches.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.starter.config import StarterConfig, load_config
from trainer.starter.model import make_model
from trainer.starter.optim import Masters, fast_type, rate
from trainer.starter.pack import IGNORED, Batch, Packer

_LOG_EVERY = 20
CHECKPOINT = "checkpoint.pt"
LOG = "train.jsonl"


@dataclass(slots=True)
class Progress:
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The run ends, its learning rate at zero, with the first of the two that is used up."""

    tokens: int
    seconds: float | None

    def used(self, progress: Progress) -> float:
        by_time = progress.seconds / self.seconds if self.seconds else 0.0
        return max(progress.tokens / self.tokens, by_time)


class Process:
    """One of `world` processes; they share gradients and keep equal weights."""

    def __init__(self, out: Path, config: StarterConfig, rank: int, world: int) -> None:
        self.out, self.config, self.rank, self.world = out, config, rank, world
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(config.train.seed)
        self.model = make_model(config).to(self.device, fast_type())
        self.masters = Masters(self.model, config.train)
        self.progress = Progress()
        self._restore()
        self.body: Any = torch.compile(self.model.model, dynamic=False)
        self.packer = Packer(
            out / "tokens.npz",
            width=config.train.row_tokens,
            rows=config.train.rows,
            prompt_loss=config.train.prompt_loss,
            seed=config.train.seed + 1000 * rank + self.progress.step,
            pad=0,
        )

    def run(self, budget: Budget) -> None:
        saved = last = time.monotonic()
        sums = torch.zeros(3)
        while budget.used(self.progress) < 1:
            loss, answer_loss, tokens = self._step(rate(
                budget.used(self.progress), self.progress.step, self.config.train
            ))  # fmt: skip
            now = time.monotonic()
            took = self._shared(now - last)
            last = now
            self.progress.step += 1
            self.progress.tokens += tokens
            self.progress.seconds += took
            sums += torch.tensor([loss, answer_loss, 1.0])
            if self.rank == 0 and self.progress.step % _LOG_EVERY == 0:
                self._log(sums / sums[2], budget)
                sums.zero_()
            if self.rank == 0 and now - saved > self.config.train.checkpoint_s:
                self._save()
                saved = now
        if self.rank == 0:
            self._save()

    def _step(self, share: float) -> tuple[float, float, int]:
        batch = self.packer.next()
        losses, answers = self._losses(batch)
        loss = losses.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        flat = torch.cat([_gradient(weight).reshape(-1) for weight in self.model.parameters()])
        extra = torch.tensor([batch.tokens], dtype=torch.float32, device=self.device)
        if self.world > 1:
            dist.all_reduce(flat)
            dist.all_reduce(extra)
            flat /= self.world
        self.model.zero_grad(set_to_none=True)
        self.masters.step(flat, share)
        losses = losses.detach()
        answer_loss = float(losses[answers].mean()) if bool(answers.any()) else float("nan")
        return float(loss.detach()), answer_loss, int(extra)

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss of every learned target, and which of them belong to answers."""
        hidden = self.body(
            input_ids=batch.ids.to(self.device),
            attention_mask=batch.mask.to(self.device),
            position_ids=batch.positions.to(self.device),
            use_cache=False,
        ).last_hidden_state  # (rows, width, hidden)
        targets = batch.targets.to(self.device).reshape(-1)
        picked = (targets != IGNORED).nonzero()[:, 0]  # logits only where something is learned
        logits = self.model.lm_head(hidden.reshape(-1, hidden.shape[-1])[picked]).float()
        losses = F.cross_entropy(logits, targets[picked], reduction="none")
        return losses, batch.answer.to(self.device).reshape(-1)[picked]

    def _shared(self, seconds: float) -> float:
        """The first process's clock, so that all end at the same step."""
        if self.world == 1:
            return seconds
        value = torch.tensor([seconds], dtype=torch.float64)
        dist.broadcast(value, 0)
        return float(value)

    def _log(self, means: Tensor, budget: Budget) -> None:
        row = {
            "step": self.progress.step,
            "tokens": self.progress.tokens,
            "seconds": round(self.progress.seconds, 1),
            "used": round(budget.used(self.progress), 4),
            "loss": round(float(means[0]), 4),
            "answer_loss": round(float(means[1]), 4),
            "tokens_per_s": round(self.progress.tokens / max(1e-9, self.progress.seconds)),
        }
        with (self.out / LOG).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        state = {
            **self.masters.state(),
            "step": self.progress.step,
            "tokens": self.progress.tokens,
            "seconds": self.progress.seconds,
        }
        temporary = self.out / f"{CHECKPOINT}.tmp"
        torch.save(state, temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(self.out / CHECKPOINT)

    def _restore(self) -> None:
        path = self.out / CHECKPOINT
        if path.exists():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.masters.restore(state)
            self.progress = Progress(state["step"], state["tokens"], state["seconds"])


def _gradient(weight: nn.Parameter) -> Tensor:
    assert weight.grad is not None
    return weight.grad.float()


def main() -> None:
    out, size, rank, world, port, seconds = sys.argv[1:]
    threads = max(1, (os.cpu_count() or 1) // int(world))
    torch.set_num_threads(threads)
    config = load_config(size)
    if int(world) > 1:
        dist.init_process_group(
            "gloo", rank=int(rank), world_size=int(world), init_method=f"tcp://127.0.0.1:{port}"
        )
    budget = Budget(tokens=config.train.tokens, seconds=float(seconds) or None)
    Process(Path(out), config, int(rank), int(world)).run(budget)
    if int(world) > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
