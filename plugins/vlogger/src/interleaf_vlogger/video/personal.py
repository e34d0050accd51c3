"""A network made someone's own by adapters of low rank (Hu et al. 2021), put in and taken out again.

The network's weights are never touched: without the adapters it is what it was, bit for bit.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from interleaf.errors import CorruptData, InvalidInput
from interleaf_training.model import seeded


class Adapted(nn.Module):
    """A layer and what is added to it: B A x, B zero at first."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, scale
        if isinstance(layer, nn.Conv2d):
            self.down: nn.Module = nn.Conv2d(
                layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, bias=False
            )
            self.up: nn.Module = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        assert isinstance(self.up.weight, Tensor)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives, and the adapter's share."""
        found: Tensor = self.layer(x) + self.scale * self.up(self.down(x))
        return found


def attach(
    network: nn.Module, rank: int = 4, seed: int = 0, scale: float = 1.0
) -> list[nn.Parameter]:
    """Put adapters on linear layers and 3×3 convolutions, in place; gives what learns, the rest is frozen."""
    if rank < 1:
        raise InvalidInput(f"adapters of rank {rank}", hint="4 to 16")
    if any(isinstance(m, Adapted) for m in network.modules()):
        raise InvalidInput("the network has adapters already", hint="detach them first")
    network.requires_grad_(False)
    with seeded(seed):
        for parent, name, layer in _layers(network):
            setattr(parent, name, Adapted(layer, rank, scale))
    return [p for p in network.parameters() if p.requires_grad]


def detach(network: nn.Module) -> nn.Module:
    """Take the adapters out, in place: the network is what it was, bit for bit."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Adapted):
                setattr(module, name, child.layer)
    return network


def _layers(network: nn.Module) -> list[tuple[nn.Module, str, nn.Linear | nn.Conv2d]]:
    wide = (nn.Linear, nn.Conv2d)
    return [
        (module, name, child)
        for module in network.modules()
        for name, child in module.named_children()
        if isinstance(child, wide) and not (isinstance(child, nn.Conv2d) and child.kernel_size != (3, 3))
    ]  # fmt: skip


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """The adapters' own weights, by name."""
    return {
        f"{name}.{part}": getattr(module, part).weight
        for name, module in network.named_modules() if isinstance(module, Adapted)
        for part in ("down", "up")
    }  # fmt: skip


def save(network: nn.Module, file: Path) -> None:
    """The adapters alone."""
    kept = {n: t.detach().cpu().contiguous() for n, t in tensors(network).items()}
    save_file(kept, file, metadata={"kind": "interleaf-vlogger adapters"})


def load(network: nn.Module, file: Path) -> None:
    """Put saved adapters on a network without any; CorruptData where they are another network's."""
    try:
        found = load_file(file)
    except Exception as error:  # readers of foreign files raise whatever they like
        raise CorruptData(f"{file} cannot be read: {error}", hint="copy it again") from None
    ranks = {t.shape[0] for n, t in found.items() if n.endswith(".down")}
    if len(ranks) != 1:
        raise CorruptData(
            f"{file} holds no adapters of one rank", hint="as personalize writes them"
        )
    attach(network, int(ranks.pop()))
    own = tensors(network)
    if own.keys() != found.keys() or any(own[n].shape != found[n].shape for n in own):
        detach(network)
        raise CorruptData(f"{file} is of another network", hint="the weights it was trained with")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(found[name])
