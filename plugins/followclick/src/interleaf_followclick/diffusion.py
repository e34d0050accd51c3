"""Diffusion of motion planes with correlated noise (Karras et al., arXiv 2206.00364, σ_data = 1).

    D(x; σ) = c_skip x + c_out F(c_in x; ln σ)      c_skip = 1/(1+σ²), c_out = σ/√(1+σ²), c_in = 1/√(1+σ²)

The noise is not white: its planes are alike nearby as those of real motion are, so that the
untrained network (F = 0) already draws the Gaussian baseline.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from interleaf_followclick.fields import PLANES, factor
from interleaf_followclick.network import MotionNet

SIGMAS = (0.02, 8.0)  # of sampling
LOG_MEAN, LOG_STD = -0.1, 1.5  # of training
OUTSIDE = 0.05  # weight of cells outside the mask
FORGET = 0.1  # share of samples without a direction
SPEED = 1.0  # cells a frame: log speed is 0 there


class Motion(nn.Module):
    """The denoiser D, with the statistics of the motion it was trained on (see ``fields``)."""

    std: Tensor
    length: Tensor
    speeds: Tensor

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.net = MotionNet(PLANES, width)
        self.register_buffer("std", torch.ones(PLANES))
        self.register_buffer("length", torch.tensor(15.0))
        self.register_buffer("speeds", torch.tensor([0.1, 5.0]))  # range of training

    def forward(
        self, x: Tensor, sigma: Tensor, picture: Tensor, mask: Tensor, numbers: Tensor
    ) -> Tensor:
        """The estimate of the clean planes [B, P, N, N]; ``sigma`` [B], ``numbers`` [B, 4]."""
        s = sigma[:, None, None, None]
        scale = (1 + s**2).rsqrt()
        given = torch.cat([sigma.log()[:, None] / 4, numbers], 1)
        return x * scale**2 + s * scale * cast(Tensor, self.net(x * scale, picture, mask, given))

    def noise(self, generator: torch.Generator, count: int) -> Tensor:
        """Correlated planes [count, P, N, N]."""
        low = torch.from_numpy(factor(float(self.length))).to(self.std.device)
        white = torch.randn(count, PLANES, len(low), generator=generator).to(low.device)
        return (white @ low.T).unflatten(-1, (math.isqrt(len(low)),) * 2)

    @torch.no_grad()
    def sample(
        self,
        picture: Tensor,
        mask: Tensor,
        numbers: Tensor,
        generator: torch.Generator,
        steps: int = 12,
    ) -> Tensor:
        """Planes [B, P, N, N] drawn by Euler steps from much noise to none (eq. 5, ρ = 7)."""
        low, high = (s ** (1 / 7) for s in SIGMAS)
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        sigmas = [*((high + ramp * (low - high)) ** 7).tolist(), 0.0]
        x = self.noise(generator, len(mask)) * sigmas[0]
        for now, after in pairwise(sigmas):
            sigma = torch.full((len(x),), now, device=x.device)
            clean = self(x, sigma, picture, mask, numbers)
            x = x + (after - now) * (x - clean) / now
        return x


class Denoising(nn.Module):
    """The loss: squared error of D, weighted (σ² + 1)/σ², counted inside the mask.

    ``forward`` takes pictures uint8 [B, 64, 64, 3], masks [B, 32, 32], planes [B, P, 32, 32] and
    numbers [B, 3] (log speed, cos, sin); windows are mirrored across their direction at random.
    """

    def __init__(self, motion: Motion) -> None:
        super().__init__()
        self.motion = motion

    def forward(
        self, pictures: Tensor, masks: Tensor, planes: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss sum over samples, and how many."""
        b, device = len(masks), masks.device
        pictures, masks, planes, numbers = mirrored(
            pictures, masks, planes, numbers, torch.rand(b, device=device) < 0.5
        )
        known = (torch.rand(b, 1, device=device) >= FORGET).float()
        told = torch.cat([numbers[:, :1], numbers[:, 1:] * known, known], 1)
        sigma = (LOG_MEAN + LOG_STD * torch.randn(b, device=device)).exp()
        low = torch.from_numpy(factor(float(self.motion.length))).to(device)
        noise = (torch.randn(b, PLANES, len(low), device=device) @ low.T).view_as(planes)
        s = sigma[:, None, None, None]
        found = self.motion(planes + s * noise, sigma, as_input(pictures), masks[:, None], told)
        weight = (masks + OUTSIDE * (1 - masks))[:, None]
        error = (weight * (found - planes) ** 2).sum((1, 2, 3)) / (PLANES * weight.sum((1, 2, 3)))
        return ((1 + sigma**2) / sigma**2 * error).sum(), torch.tensor(b)


def as_input(pictures: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] → [B, 3, H, W] in −1..1."""
    return pictures.movedim(-1, 1).float() / 127.5 - 1


def mirrored(
    pictures: Tensor, masks: Tensor, planes: Tensor, numbers: Tensor, which: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Samples ``which`` [B] mirrored across the direction of motion: y and its component change sign."""
    signs = torch.tensor([1.0, -1.0], device=planes.device).repeat(PLANES // 2)[:, None, None]
    w = which[:, None, None]
    turned = numbers * torch.tensor([1.0, -1.0, 1.0], device=planes.device)  # angle a → π − a
    return (
        torch.where(w[..., None], pictures.flip(1), pictures),
        torch.where(w, masks.flip(1), masks),
        torch.where(w[..., None], planes.flip(2) * signs, planes),
        torch.where(which[:, None], turned, numbers),
    )
