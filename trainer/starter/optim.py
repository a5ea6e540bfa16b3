"""Muon for matrices, AdamW for the rest, on 32-bit masters of the model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from trainer.starter.config import TrainOptions

_CLIP = 1.0
_FLOOR = 0.01  # the rates end at this share of their peak
_MOMENTUM, _DECAY = 0.95, 0.01
_NEWTON_SCHULZ = ((3.4445, -4.7750, 2.0315),) * 5


def fast_type() -> torch.dtype:
    """bfloat16 where the processor has instructions for it; emulated it is forty times slower."""
    if torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return torch.float32


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon, but for the type it orthogonalizes in: that one always takes bfloat16."""

    def __init__(self, matrices: list[Tensor], *, lr: float, dtype: torch.dtype) -> None:
        super().__init__(matrices, {"lr": lr})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                momentum = state["momentum_buffer"]
                momentum.lerp_(weight.grad, 1 - _MOMENTUM)
                update = _orthogonal(weight.grad.lerp(momentum, _MOMENTUM), self._dtype)
                weight.mul_(1 - group["lr"] * _DECAY)
                rows, columns = weight.shape
                weight.add_(update, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


def _orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Newton-Schulz: the singular values near 1, the singular vectors kept."""
    x = matrix.to(dtype)
    if tall := x.shape[0] > x.shape[1]:
        x = x.T
    x = x / x.norm().clamp(min=1e-7)
    for a, b, c in _NEWTON_SCHULZ:
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)


class Masters:
    """The weights in float32, their optimizers, and the way back into the model."""

    def __init__(self, model: nn.Module, options: TrainOptions) -> None:
        self._model = model
        self.weights = {
            name: weight.detach().clone().float().requires_grad_(True)
            for name, weight in model.named_parameters()
        }
        matrices: list[Tensor] = []
        rest: list[Tensor] = []
        for name, weight in self.weights.items():
            (matrices if weight.ndim == 2 and "embed" not in name else rest).append(weight)
        self._peaks = (options.matrix_lr, options.other_lr)
        self._optimizers: tuple[torch.optim.Optimizer, ...] = (
            Muon(matrices, lr=options.matrix_lr, dtype=fast_type()),
            torch.optim.AdamW(rest, lr=options.other_lr, betas=(0.9, 0.98), weight_decay=0.0),
        )

    def step(self, gradients: Tensor, share: float) -> float:
        """One update from the flat gradient, with the learning rates at `share` of their peaks.

        Returns the gradient's norm before clipping.
        """
        norm = float(gradients.norm())
        scale = min(1.0, _CLIP / (norm + 1e-9))
        at = 0
        for weight in self.weights.values():
            weight.grad = (gradients[at : at + weight.numel()].view_as(weight) * scale).clone()
            at += weight.numel()
        for optimizer, peak in zip(self._optimizers, self._peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * max(_FLOOR, share)
            optimizer.step()
        self.copy_into_model()
        return norm

    @torch.no_grad()
    def copy_into_model(self) -> None:
        for name, weight in self._model.named_parameters():
            weight.copy_(self.weights[name])

    def state(self) -> dict[str, Any]:
        return {
            "weights": {name: weight.detach() for name, weight in self.weights.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(state["weights"][name])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.copy_into_model()


def rate(progress: float, step: int, options: TrainOptions) -> float:
    """The share of the peak learning rate: warm-up, plateau, then linear decay to zero.

    >>> from trainer.starter.config import load_config
    >>> round(rate(0.75, 10_000, load_config("nano").train), 2)
    0.5
    """
    warm = min(1.0, (step + 1) / max(1, options.warmup_steps))
    return warm * min(1.0, max(0.0, (1.0 - progress) / options.decay))
