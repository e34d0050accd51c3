"""A small U-Net that corrects a frame in one step: what it learns is what the warped photo lacks.

Squares of ``cell`` by ``cell`` pixels become channels (pixel-unshuffle), so that it works at a part of the
size. At its deepest level the whole picture is averaged, and what comes of that (where the light is,
what the person wears) is heard at every place on the way back. It says for every pixel by how much light is
multiplied and what is added; before training that is 1 and 0: an untrained network changes nothing.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PARTS = 11  # numbers of the body's parts, 0 where there is none
CHANNELS = 28 + PARTS  # of the network's input, see `told`
MOST = 1.5  # largest logarithm of what light is multiplied by
REACH = 8  # pixels about the body within which hair and clothes are looked for
FEW = 20  # pixels below which a region of a picture does not count
EXACT = 1e-4  # squared error that is as good as none


class Block(nn.Module):
    """Two convolutions beside the way through; nothing before training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] to the same."""
        return x + self.second(F.silu(self.first(F.silu(x))))


class UNet(nn.Module):
    """``widths`` of the levels, each half the size of the one above; pictures are multiples of ``step``."""

    def __init__(self, widths: tuple[int, ...], cell: int) -> None:
        super().__init__()
        self.cell, self.step = cell, cell * 2 ** (len(widths) - 1)
        self.enter = nn.Conv2d(CHANNELS * cell**2, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.before = nn.ModuleList(Block(w) for w in widths)
        self.after = nn.ModuleList(Block(w) for w in widths)
        self.whole = nn.Sequential(
            nn.Linear(widths[-1], widths[-1]), nn.SiLU(), nn.Linear(widths[-1], 2 * sum(widths))
        )
        self.widths = widths
        self.leave = nn.Conv2d(widths[0], 6 * cell**2, 3, padding=1)
        for last in (self.whole[-1], self.leave):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of ``told`` [B, 39, H, W] the logarithm of a factor and what is added, each [B, 3, H, W]."""
        x = self.enter(F.pixel_unshuffle(x, self.cell))
        passed = []
        for level, block in enumerate(self.before):
            x = block(x)
            passed.append(x)
            if level < len(self.down):
                x = self.down[level](x)
        heard = self.whole(x.mean((2, 3))).split([2 * w for w in self.widths], 1)
        for level in reversed(range(len(self.widths))):
            if level < len(self.up):
                x = passed[level] + F.interpolate(self.up[level](x), scale_factor=2.0)
            factor, shift = heard[level][..., None, None].chunk(2, 1)
            x = self.after[level](x * (1 + factor) + shift)
        factor, added = F.pixel_shuffle(self.leave(F.silu(x)), self.cell).float().chunk(2, 1)
        return MOST * torch.tanh(factor / MOST), added

    def corrected(self, frame: Tensor, x: Tensor) -> Tensor:
        """A frame [B, 3, H, W] in 0..1 as it should be, not yet held to 0..1."""
        factor, added = self(x)
        return frame * factor.exp() + added


def told(
    frame: Tensor, masks: Tensor, geometry: Tensor, part: Tensor, photo: Tensor, rest: Tensor
) -> Tensor:
    """What the network hears [B, 39, H, W], of bytes [B, H, W, C].

    ``frame`` (3) of the compositor; ``masks`` (2): body that the photo hides, background that comes to light;
    ``geometry`` (9): places in the rest pose, normals, and the normals that the same points have in the
    photo, -1..1 as 0..255; ``part`` [B, H, W]; the ``photo`` and what is filled in behind its person (6); of
    the photo's pixels the ``rest`` (8): places, normals, whether there is a body, how much is the person's.
    """
    bytes_ = torch.cat([frame, masks, geometry, photo, rest], -1).float() / 127.5 - 1
    parts = F.one_hot(part.long(), PARTS)
    found = torch.cat([bytes_, parts], -1).movedim(-1, 1)
    return found.contiguous(memory_format=torch.channels_last)


def near(part: Tensor, rest: Tensor) -> Tensor:
    """1 on the body, where the photo had it, and ``REACH`` pixels about both [B, 1, H, W]; else 0."""
    body = ((part > 0) | (rest[..., 6] > 127)).float()[:, None]
    return F.max_pool2d(body, 2 * REACH + 1, 1, REACH)


def loss(made: Tensor, true: Tensor, masks: Tensor, part: Tensor, where: Tensor) -> Tensor:
    """Of each picture [B] the logarithm of the mean squared error, summed over three regions: body that the
    photo shows, body that it hides, and what is near the body. Each counts alike however few its pixels and
    however small its error are: a decibel is a decibel.

    ``made``, ``true`` [B, 3, H, W] in 0..1; ``masks`` [B, H, W, 2] and ``part`` [B, H, W] bytes; ``where``
    [B, 1, H, W]: of ``near``.
    """
    error = (made - true).square()
    hidden = masks[..., :1].movedim(-1, 1).float() / 255
    body = (part > 0).float()[:, None]
    total = made.new_zeros(len(made))
    for region in (body * (1 - hidden), hidden, where * (1 - body)):
        count = 3 * region.sum((1, 2, 3))
        mean = (region * error).sum((1, 2, 3)) / count.clamp(min=3 * FEW)
        total = total + (mean + EXACT).log() * (count > 3 * FEW)
    return total
