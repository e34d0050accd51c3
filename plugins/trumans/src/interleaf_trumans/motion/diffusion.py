"""Diffusion of windows: what is noised, and what is minimised.

A window is a guess (from the given frames, what is asked, and where in its stride the body is) and 128
numbers: the principal components of what that guess leaves, each divided by its standard deviation. Guess and
components are solved for in seconds. Clean windows are predicted (x0); noise follows the cosine schedule
(Nichol & Dhariwal, arXiv 2102.09672), half of it near its beginning, where the given frames are all there is
to go by.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from interleaf_trumans.motion.frames import AFTER, BEFORE, CONTACT, SIZE, TERMS, ahead, terms
from interleaf_trumans.motion.kinematics import Body
from interleaf_trumans.motion.network import GIVEN, LATENT, Denoiser
from interleaf_trumans.scenes.surface import Array

LOSSES = {"clean": 1.0, "place": 4.0, "speed": 30.0, "push": 20.0, "toe": 10.0}
POSED = 96  # windows of a batch whose joints' places are compared
FEET = [7, 8, 10, 11]  # ankles and toes
KEEPS = 6.0  # frames in which an error of the given frames fades


class Walker(nn.Module):
    """The denoiser with what it was trained on: ``middle`` and ``scale`` [72] of given frames, ``view``
    [6·72, 96] their principal components, ``plane`` [6·72 + 1, 2] in which legs swing; ``guess`` [610, 24·72]
    what comes after them beside `frames.ahead`, linear in `frames.terms`; ``basis`` [128, 24·72] of what that
    leaves; ``mean`` [22, 4] rotations; ``stand`` and ``launch`` [6, 72]: a body that stands, and one that
    walks."""

    middle: Tensor
    scale: Tensor
    view: Tensor
    plane: Tensor
    guess: Tensor
    basis: Tensor
    mean: Tensor
    stand: Tensor
    launch: Tensor

    def __init__(self, width: int = 256, depth: int = 3) -> None:
        super().__init__()
        self.net = Denoiser(width, depth)
        self.register_buffer("middle", torch.zeros(SIZE))
        self.register_buffer("scale", torch.ones(SIZE))
        self.register_buffer("view", torch.zeros(BEFORE * SIZE, GIVEN))
        self.register_buffer("plane", torch.zeros(BEFORE * SIZE + 1, 2))
        self.register_buffer("guess", torch.zeros(TERMS, AFTER * SIZE))
        self.register_buffer("basis", torch.zeros(LATENT, AFTER * SIZE))
        self.register_buffer("mean", torch.tensor([1.0, 0, 0, 0]).repeat(22, 1))
        self.register_buffer("stand", torch.zeros(BEFORE, SIZE))
        self.register_buffer("launch", torch.zeros(BEFORE, SIZE))

    def told(self, before: Tensor, where: Tensor, cells: Tensor) -> Tensor:
        """What the denoiser is told."""
        given = ((before - self.middle) / self.scale).flatten(1) @ self.view
        found: Tensor = self.net.told(given, where, cells)
        return found

    def guessed(self, before: Tensor, where: Tensor) -> Tensor:
        """The guess [B, 24, 72]."""
        given = ((before - self.middle) / self.scale).flatten(1)
        told = terms(given, where, self.view, self.plane, torch.cat)
        return ahead(before, AFTER) + (told @ self.guess).view(-1, AFTER, SIZE)

    def frames(self, window: Tensor) -> Tensor:
        """Windows [B, 128] as frames [B, 24, 72] beside the guess."""
        return (window @ self.basis).view(-1, AFTER, SIZE)

    @torch.no_grad()
    def sample(
        self, before: Tensor, where: Tensor, cells: Tensor, noise: Tensor, steps: int = 10
    ) -> Tensor:
        """Frames [B, 24, 72] by DDIM from ``noise`` [B, 128]."""
        x, told = noise, self.told(before, where, cells)
        levels = torch.linspace(1, 0, steps + 1).tolist()
        for now, after in pairwise(levels):
            x0 = self.net(x, torch.full((len(x),), now), told)
            a, b = signal(now), signal(after)
            e = (x - a * x0) / math.sqrt(max(1 - a * a, 1e-8))
            x = b * x0 + math.sqrt(1 - b * b) * e
        return self.guessed(before, where) + self.frames(x)


def signal(level: float) -> float:
    """√ᾱ of the cosine schedule at a noise level in 0..1."""
    return math.cos(min(level, 0.999) * math.pi / 2)


class Denoising(nn.Module):
    """The loss of windows: ``before`` [B, 6, 72], ``after`` [B, 24, 72], ``off`` [B, 2, 72] (error of the
    given frames: offset, and growth a frame), ``where`` [B, 9], ``cells`` [B, 4, 32, 32]."""

    inverse: Tensor
    weight: Tensor

    def __init__(self, walker: Walker, offsets: Array, mean: Array) -> None:
        super().__init__()
        self.walker = walker
        self.body = Body(offsets, mean)
        self.register_buffer("inverse", torch.linalg.pinv(walker.basis))
        size = walker.basis.norm(dim=1).sqrt()
        self.register_buffer("weight", size / size.mean())
        self.last: dict[str, float] = {}

    def forward(
        self, before: Tensor, after: Tensor, off: Tensor, where: Tensor, cells: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss sum over windows, and how many; the target keeps the error of what was given for a while."""
        b = len(before)
        before, after = erred(before, after, off)
        guess = self.walker.guessed(before, where)
        x0 = (after - guess).flatten(1) @ self.inverse
        level = torch.where(torch.rand(b) < 0.5, 1 - 0.1 * torch.rand(b), torch.rand(b))
        a = torch.cos(level.clamp(max=0.999) * torch.pi / 2)[:, None]
        noisy = a * x0 + (1 - a**2).sqrt() * torch.randn_like(x0)
        found = self.walker.net(noisy, level, self.walker.told(before, where, cells.float()))
        clean = ((found - x0).square() * self.weight).mean()
        made = (guess + self.walker.frames(found))[:POSED]
        loss = {"clean": clean, **self._places(before[:POSED], made, after[:POSED])}
        self.last = {k: float(v.detach()) for k, v in loss.items()}
        return torch.stack([LOSSES[k] * v for k, v in loss.items()]).sum() * b, torch.tensor(b)

    def _places(self, before: Tensor, made: Tensor, after: Tensor) -> dict[str, Tensor]:
        """Distances of joints in metres, of their speeds and accelerations in metres a frame, and how far
        standing toes move; the last two given frames come before, so that seams count."""
        with torch.no_grad():
            real = self.body(torch.cat([before[:, -2:], after], 1))
        ours = self.body(torch.cat([before[:, -2:], made], 1))
        apart = ours - real
        weight = torch.ones(22)
        weight[FEET] = 3.0
        weight = weight / weight.mean()
        speed = apart.diff(dim=1)
        stands = (after[..., CONTACT] > 0.5).float()
        moves = (ours[:, 1:, [10, 11]] - ours[:, :-1, [10, 11]])[:, 1:].abs().sum(-1)

        def size(x: Tensor) -> Tensor:
            return (x.abs().mean(-1) * weight).mean()

        return {
            "place": size(apart[:, 2:]), "speed": size(speed[:, 1:]), "push": size(speed.diff(dim=1)),
            "toe": (moves * stands).mean(),
        }  # fmt: skip


def erred(before: Tensor, after: Tensor, off: Tensor) -> tuple[Tensor, Tensor]:
    """Frames with errors, which fade away after the given ones."""
    back = torch.arange(1 - BEFORE, 1)[:, None]
    on = torch.arange(1, AFTER + 1)[:, None]
    offset, growth = off[:, :1], off[:, 1:]
    fades = torch.exp(-on / KEEPS)
    return before + offset + growth * back, after + (offset + growth * on) * fades
