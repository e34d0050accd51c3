"""The network that removes noise from motion: two scales, attention at the lower, time as planes.

    [noisy planes 14·32², first frame 3·64², mask 32², place 2·32²] → 16² cells → planes 14·32²

Conditions that are single numbers (noise, speed, direction of gravity) scale and shift the
activations of every block (FiLM).

Suffixes: B samples, C channels, H W cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONDITIONS = (
    5  # log noise, log speed, cos, sin of the direction in the picture, whether it is known
)


class Block(nn.Module):
    """Two convolutions around a residual, modulated by a condition."""

    def __init__(self, wide: int, condition: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, wide), nn.GroupNorm(8, wide)
        self.conv1 = nn.Conv2d(wide, wide, 3, padding=1)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1)
        self.film = nn.Linear(condition, 2 * wide)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """[B, C, H, W] and [B, condition] → [B, C, H, W]."""
        scale, shift = self.film(c)[:, :, None, None].chunk(2, 1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.norm2(h) * (1 + scale) + shift
        return x + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Every cell looks at every other."""

    def __init__(self, wide: int, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.norm = heads, nn.GroupNorm(8, wide)
        self.qkv, self.out = nn.Conv2d(wide, 3 * wide, 1), nn.Conv2d(wide, wide, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, H, W]."""
        b, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, 3, self.heads, c // self.heads, h * w).mT.unbind(1)
        seen = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(seen.mT.reshape(b, c, h, w))


class MotionNet(nn.Module):
    """Planes [B, P, 32, 32], first frame [B, 3, 64, 64] in −1..1, mask [B, 1, 32, 32], numbers [B, 5]
    → planes [B, P, 32, 32]."""

    def __init__(self, planes: int, width: int = 64) -> None:
        super().__init__()
        deep, condition = width * 7 // 4 // 8 * 8, 2 * width
        self.conditions = nn.Sequential(
            nn.Linear(CONDITIONS, condition), nn.SiLU(), nn.Linear(condition, condition), nn.SiLU()
        )
        self.enter = nn.Conv2d(4 * planes + 48 + 4 + 2, width, 3, padding=1)
        self.first = nn.ModuleList(Block(width, condition) for _ in range(2))
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(deep, condition) for _ in range(3))
        self.attention = nn.ModuleList(Attention(deep) for _ in range(2))
        self.up = nn.Conv2d(deep, 4 * width, 1)
        self.last = nn.ModuleList(Block(width, condition) for _ in range(2))
        self.leave = nn.Sequential(
            nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 4 * planes, 3, padding=1)
        )
        nn.init.zeros_(self.leave[2].weight)
        nn.init.zeros_(self.leave[2].bias)

    def forward(self, planes: Tensor, picture: Tensor, mask: Tensor, numbers: Tensor) -> Tensor:
        """What EDM calls F: the part of the estimate that must be learnt."""
        c = self.conditions(numbers)
        seen = [
            F.pixel_unshuffle(planes, 2),
            F.pixel_unshuffle(picture, 4),
            F.pixel_unshuffle(mask, 2),
        ]
        x = self.enter(torch.cat([*seen, _place(seen[0])], 1))
        for block in self.first:
            x = block(x, c)
        y = self.down(x)
        for i, block in enumerate(self.middle):
            y = block(y, c)
            y = self.attention[i](y) if i < len(self.attention) else y
        x = x + F.pixel_shuffle(self.up(y), 2)
        for block in self.last:
            x = block(x, c)
        out: Tensor = F.pixel_shuffle(self.leave(x), 2)
        return out


def _place(like: Tensor) -> Tensor:
    """[B, 2, H, W]: x and y from −1 to 1."""
    b, _, h, w = like.shape
    ys = torch.linspace(-1, 1, h, device=like.device, dtype=like.dtype)
    xs = torch.linspace(-1, 1, w, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(ys, xs, indexing="ij")[::-1]).expand(b, 2, h, w)
