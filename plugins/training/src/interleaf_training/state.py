"""A training's tensors by name: out of the processes, and back into them.

Only what is trained is written (and the module's buffers): frozen weights come with the model.
With FSDP2 each process holds a part of every tensor; they are gathered one by one, on the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from interleaf.errors import InvalidInput
from interleaf_training.optimiser import Average

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters with a gradient, shared ones once."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers that belong to the module's state."""
    kept = module.state_dict().keys()
    return {n: b for n, b in module.named_buffers() if n in kept}


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on the CPU, gathered from all processes where it is spread."""
    full = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full.detach().to("cpu", copy=True)


def collect(
    module: nn.Module, optimiser: torch.optim.Optimizer, average: Average
) -> dict[str, dict[str, torch.Tensor]]:
    """Everything a checkpoint needs, by file and name, whole; every process must call it."""
    parameters = trained(module)
    moments = {
        f"{name}:{part}": whole(optimiser.state[p][part])
        for name, p in parameters.items()
        for part in MOMENTS
        if part in optimiser.state.get(p, {})
    }
    return {
        "weights": {n: whole(t) for n, t in {**parameters, **buffers(module)}.items()},
        "optimiser": moments,
        "average": {n: whole(t) for n, t in average.tensors.items()},
    }


@torch.no_grad()
def restore_weights(module: nn.Module, found: Mapping[str, torch.Tensor], where: str) -> None:
    """Set parameters and buffers; InvalidInput where names or shapes differ."""
    mine: dict[str, torch.Tensor] = {**trained(module), **buffers(module)}
    _agree(mine, found, where)
    for name, tensor in mine.items():
        _set(tensor, found[name])


@torch.no_grad()
def restore_average(average: Average, found: Mapping[str, torch.Tensor], where: str) -> None:
    """Set the averaged weights."""
    _agree(average.tensors, found, where)
    for name, tensor in average.tensors.items():
        _set(tensor, found[name])


@torch.no_grad()
def restore_optimiser(
    module: nn.Module, optimiser: torch.optim.Optimizer, found: Mapping[str, torch.Tensor]
) -> None:
    """Set the moments and step counts of each parameter that has some."""
    for name, p in trained(module).items():
        state: dict[str, Any] = {}
        for part in MOMENTS:
            tensor = found.get(f"{name}:{part}")
            if tensor is None:
                continue
            if part == "step":
                state[part] = tensor.to(p.device)
            else:
                state[part] = torch.zeros_like(p, memory_format=torch.preserve_format).detach()
                _set(state[part], tensor)
        if state:
            optimiser.state[p] = state


def _agree(mine: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], where: str) -> None:
    wrong = sorted(mine.keys() ^ found.keys())
    wrong += [n for n in mine.keys() & found.keys() if mine[n].shape != found[n].shape]
    if wrong:
        raise InvalidInput(
            f"{where} is of another model: it differs in {', '.join(wrong[:3])}",
            hint="use the configuration that it was trained with",
        )


def _set(tensor: torch.Tensor, value: torch.Tensor) -> None:
    if hasattr(tensor, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(
            value.to(tensor.device),
            tensor.device_mesh,
            tensor.placements,
        )
    tensor.copy_(value)
