"""AdamW (arXiv 1711.05101) with decay for matrices alone, clipping, and averaged weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from interleaf_training.config import Recipe

Groups = Callable[[nn.Module], list[dict[str, Any]]]


def usual_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Weight decay for tensors of two or more dimensions, none for biases, gains and scalars."""
    trained = [p for p in module.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2]},
        {"params": [p for p in trained if p.ndim < 2], "decay_scale": 0.0},
    ]
    return [group for group in groups if group["params"]]


def adamw(module: nn.Module, recipe: Recipe, groups: Groups | None) -> torch.optim.AdamW:
    """The optimiser; a group may carry ``lr_scale`` and ``decay_scale``, factors of the values."""
    made = (groups or usual_groups)(module)
    for group in made:
        group.setdefault("lr_scale", 1.0)
        group.setdefault("decay_scale", 1.0)
    return torch.optim.AdamW(
        made, lr=recipe.lr, betas=recipe.betas, eps=recipe.eps,
        weight_decay=recipe.weight_decay, fused=True,
    )  # fmt: skip


def steer(optimiser: torch.optim.Optimizer, values: Mapping[str, float]) -> None:
    """Give every group this step's learning rate and weight decay."""
    for group in optimiser.param_groups:
        group["lr"] = values["lr"] * group["lr_scale"]
        group["weight_decay"] = values["weight_decay"] * group["decay_scale"]


def gradients(parameters: Iterable[nn.Parameter]) -> list[torch.Tensor]:
    """Those that are there: a parameter that took no part in the loss has none."""
    return [p.grad for p in parameters if p.grad is not None]


def mean_and_clip(grads: list[torch.Tensor], scale: float, limit: float) -> float:
    """Multiply gradients of a sum by ``scale``, to those of the mean, and shrink them to norm ``limit``.

    One pass for the norm and one for the factor. Returns the mean's norm before clipping.
    """
    if not grads:
        return 0.0
    norm = torch.nn.utils.get_total_norm(grads)
    full = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    size = float(full) * scale
    factor = scale * min(1.0, limit / (size + 1e-6)) if limit else scale
    torch._foreach_mul_(grads, factor)
    return size


class Average:
    """Exponential average of the trained parameters: ``a ← d·a + (1 − d)·w`` after every step."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.tensors = {n: p.detach().clone() for n, p in parameters.items()} if decay else {}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        if self.decay:
            now = [self.parameters[n].detach() for n in self.tensors]
            torch._foreach_lerp_(list(self.tensors.values()), now, 1 - self.decay)

    @torch.no_grad()
    def restart(self) -> None:
        """Begin anew from the weights as they are now."""
        for name, tensor in self.tensors.items():
            tensor.copy_(self.parameters[name].detach())

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and average; twice is nothing."""
        for name, tensor in self.tensors.items():
            live = self.parameters[name].detach()
            kept = live.clone()
            live.copy_(tensor)
            tensor.copy_(kept)
