"""The denoiser of `trumans.motion`, preset small: what a body does next, given what it did, where it shall
go, and what stands around it (TRUMANS, arXiv 2403.08629, figure 3, in miniature).

    window  24 noisy frames as 128 numbers          ┐
    given   6 frames as 96 numbers                  │
    where   points of the lane ahead, speed         ├→ residual perceptrons → the clean window
    level   of the noise                            │
    scene   4 layers of 32×32 cells → 64 numbers    ┘

The paper's is a transformer over frames. On windows as short as these, written in a basis of their own, a
perceptron sees five times as many of them in the same time; which of the two walks better was not measured.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from interleaf_trumans.motion.seeing import CELLS, LAYERS

LATENT, GIVEN = 128, 96  # numbers of a window, and of the given frames
WHERE = 9  # numbers: four points of the lane (left, forward), speed
WAVES = 32  # of the noise level's embedding
SCENE = 64


class Perceiver(nn.Module):
    """Layers of cells [B, 4, 32, 32] → [B, 64]: patches of patches."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Linear(LAYERS * 16, 32)
        self.wide = nn.Linear(32 * 4, 64)
        self.whole = nn.Linear(64 * (CELLS // 8) ** 2, SCENE)

    def forward(self, cells: Tensor) -> Tensor:
        x = nn.functional.gelu(self.near(patches(cells.movedim(1, -1), 4)))
        x = nn.functional.gelu(self.wide(patches(x, 2)))
        return cast(Tensor, self.whole(x.flatten(1)))


def patches(x: Tensor, side: int) -> Tensor:
    """[B, H, W, C] → [B, H/side, W/side, side·side·C]."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // side, side, w // side, side, c).movedim(3, 2)
    return x.reshape(b, h // side, w // side, side * side * c)


class Block(nn.Module):
    """A perceptron after a norm, added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.down(nn.functional.gelu(self.up(self.norm(x)))))


class Denoiser(nn.Module):
    """Clean windows from noisy ones."""

    def __init__(self, width: int = 256, depth: int = 3) -> None:
        super().__init__()
        self.scene = Perceiver()
        self.noisy = nn.Linear(LATENT + WAVES, width)
        self.asked = nn.Linear(GIVEN + WHERE + SCENE, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.window = nn.Linear(width, LATENT)

    def told(self, given: Tensor, where: Tensor, cells: Tensor) -> Tensor:
        """What does not depend on the noise [B, width]: ``given`` [B, 96], ``where`` [B, 9], ``cells``
        [B, 4, 32, 32]."""
        return cast(Tensor, self.asked(torch.cat([given, where, self.scene(cells)], 1)))

    def forward(self, noisy: Tensor, level: Tensor, told: Tensor) -> Tensor:
        """``noisy`` [B, 128] at noise ``level`` [B] in 0..1 → [B, 128]."""
        x = self.noisy(torch.cat([noisy, waves(level)], 1)) + told
        for block in self.blocks:
            x = block(x)
        return cast(Tensor, self.window(self.norm(x)))


def waves(level: Tensor) -> Tensor:
    """A noise level [B] as [B, 32]."""
    rates = torch.exp(torch.linspace(0, 4, WAVES // 2, device=level.device))
    angles = level[:, None] * rates * torch.pi / 2
    return torch.cat([angles.sin(), angles.cos()], 1)
