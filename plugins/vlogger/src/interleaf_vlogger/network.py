"""M, which turns sound into movement (section 3.1): a causal transformer that denoises.

Shapes: B sequences, T frames, C channels of movement, A numbers of sound a frame, d width. Each frame
attends to itself and the past alone; of the future it knows ``AHEAD`` frames of sound.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BEHIND, AHEAD = 4, 4  # frames of sound that a frame hears before and after itself
HEARS = BEHIND + 1 + AHEAD  # W below


class Block(nn.Module):
    """Pre-norm causal self-attention with rotary positions, then an MLP; both scaled by the step."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.step = nn.Linear(width, 4 * width)  # scales and shifts, as in DiT (arXiv 2212.09748)
        nn.init.zeros_(self.step.weight)
        nn.init.zeros_(self.step.bias)

    def forward(self, x: Tensor, step: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """[B, T, d], with the step's embedding [B, d]."""
        b, t, d = x.shape
        scale1, shift1, scale2, shift2 = self.step(step)[:, None].chunk(4, -1)
        h = self.norm1(x) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotated(q, turn), rotated(k, turn), v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        h = self.norm2(x) * (1 + scale2) + shift2
        return x + self.down(F.gelu(self.up(h)))


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position embedding (arXiv 2104.09864, equation 34) of [..., T, d']."""
    cos, sin = turn
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def turns(t: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, d' / 2]."""
    frequency = 10000.0 ** (-torch.arange(0, width, 2, device=device) / width)
    angle = torch.arange(t, device=device)[:, None] * frequency
    return angle.cos(), angle.sin()


def embedded(step: Tensor, width: int) -> Tensor:
    """Sines and cosines [B, d] of a diffusion step [B] in 0..1."""
    frequency = torch.exp(-math.log(1000.0) * torch.linspace(0, 1, width // 2, device=step.device))
    angle = 1000.0 * step[:, None] * frequency
    return torch.cat((angle.sin(), angle.cos()), -1)


class Denoiser(nn.Module):
    """F: noisy movement, its shaped form, sound and step to a clean movement, or what is added to it.

    ``given``: channels that come in; ``channels``: that go out, 0 at first.
    """

    def __init__(
        self,
        given: int,
        channels: int,
        sound: int,
        width: int = 112,
        layers: int = 4,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.width = width
        self.move = nn.Linear(given, width)
        self.hear = nn.Sequential(
            nn.Linear(HEARS * sound, width), nn.GELU(), nn.Linear(width, width)
        )
        self.nothing = nn.Parameter(torch.zeros(width))  # instead of the sound, for guidance
        self.when = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def sound(self, heard: Tensor, deaf: Tensor) -> Tensor:
        """What the network makes of ``heard`` [B, T, W A], or of none where ``deaf`` [B]: [B, T, d], the same
        at every step."""
        return torch.where(deaf[:, None, None], self.nothing, self.hear(heard))

    def forward(self, noisy: Tensor, sound: Tensor, step: Tensor) -> Tensor:
        """[B, T, given], ``sound`` [B, T, d] and ``step`` [B] in 0..1 -> [B, T, C]."""
        x = self.move(noisy) + sound
        when = self.when(embedded(step, self.width))
        turn = turns(x.shape[1], self.width // self.blocks[0].heads, x.device)
        for block in self.blocks:
            x = block(x, when, turn)
        return self.out(self.norm(x))
