"""A training's tensors by name: out of the processes, and back into them.

Only what is trained is written (and the module's buffers): frozen weights come with the model.
With FSDP2 each process holds, writes and reads a part of every tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from interleaf.errors import InvalidInput
from interleaf_training.checkpoint import Checkpoint
from interleaf_training.optimiser import Average
from interleaf_training.spread import described, read_spread

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters with a gradient, shared ones once."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


def buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers that belong to the module's state."""
    kept = module.state_dict().keys()
    return {n: b for n, b in module.named_buffers() if n in kept}


def parts(
    module: nn.Module, optimiser: torch.optim.Optimizer, average: Average
) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors of a checkpoint as they are, by file and name."""
    parameters = trained(module)
    moments = {
        f"{name}:{part}": optimiser.state[p][part]
        for name, p in parameters.items()
        for part in MOMENTS
        if part in optimiser.state.get(p, {})
    }
    live = {n: t.detach() for n, t in {**parameters, **buffers(module)}.items()}
    return {"weights": live, "optimiser": moments, "average": average.tensors}


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A copy on the CPU, gathered from all processes where it is spread."""
    full = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full.detach().to("cpu", copy=True)


def restore(
    found: Checkpoint, module: nn.Module, optimiser: torch.optim.Optimizer | None, average: Average
) -> None:
    """Set weights, average and, where one is given, the optimiser's moments from a checkpoint.

    InvalidInput where names or shapes differ. A checkpoint without an average starts one from its
    weights.
    """
    live: dict[str, torch.Tensor] = {**trained(module), **buffers(module)}
    _fill(found, "weights", live)
    averaged = "average.safetensors" in found.files or found.is_spread("average")
    if average.tensors and (averaged or found.held.get("average")):
        _fill(found, "average", average.tensors)
    elif average.tensors:
        average.restart()
    if optimiser is not None:
        _restore_moments(found, trained(module), optimiser)


def _restore_moments(
    found: Checkpoint, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> None:
    known = _described(found, "optimiser")
    targets: dict[str, torch.Tensor] = {}
    for name, p in parameters.items():
        state = {
            part: torch.zeros((), dtype=torch.float32, device=p.device)
            if part == "step"
            else torch.zeros_like(p, memory_format=torch.preserve_format).detach()
            for part in MOMENTS
            if f"{name}:{part}" in known
        }
        targets |= {f"{name}:{part}": tensor for part, tensor in state.items()}
        if state:
            optimiser.state[p] = state
    _fill(found, "optimiser", targets)


def _described(found: Checkpoint, name: str) -> Mapping[str, torch.Tensor]:
    return described(found.folder / name) if found.is_spread(name) else found.tensors(name)


@torch.no_grad()
def _fill(found: Checkpoint, name: str, targets: Mapping[str, torch.Tensor]) -> None:
    """Copy a checkpoint's tensors into ``targets``, each process its part where these are spread."""
    live = {n: t.detach() for n, t in targets.items()}
    known = _described(found, name)
    _agree(live, known, f"{found.folder / name}" if found.files else "the state given")
    if found.is_spread(name):
        alone = not any(hasattr(t, "full_tensor") for t in live.values())
        read_spread(found.folder / name, live, alone=alone)
        return
    for key, tensor in live.items():
        set_tensor(tensor, known[key])


def _agree(mine: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], where: str) -> None:
    wrong = sorted(mine.keys() ^ found.keys())
    wrong += [n for n in mine.keys() & found.keys() if mine[n].shape != found[n].shape]
    if wrong:
        raise InvalidInput(
            f"{where} is of another model: it differs in {', '.join(wrong[:3])}",
            hint="use the configuration that it was trained with",
        )


def set_tensor(tensor: torch.Tensor, value: torch.Tensor) -> None:
    """Copy a whole value into a tensor, which may be spread."""
    if hasattr(tensor, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(value.to(tensor.device), tensor.device_mesh, tensor.placements)
    tensor.copy_(value)
