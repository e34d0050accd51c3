"""Frames ↔ latents: Stable Diffusion's autoencoder, or principal components of small patches."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

PATCH = 4
LATENTS = 16


class Codec(Protocol):
    """``encode`` takes [B, 3, H, W] in −1..1 to latents; ``decode`` takes them back; ``factor``: pixels a
    cell; ``channels`` of a latent."""

    factor: int
    channels: int

    def encode(self, pixels: Tensor) -> Tensor: ...

    def decode(self, latents: Tensor) -> Tensor: ...


class PatchPca(nn.Module):
    """4×4 patches of RGB as their 16 principal components. The first has variance 1; the others keep the root
    of their share, so that what a small model learns is coarse before it is fine."""

    factor, channels = PATCH, LATENTS
    basis: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        size = 3 * PATCH * PATCH
        self.register_buffer("basis", torch.eye(size)[:LATENTS].clone())
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(LATENTS))

    def fit(self, frames: NDArray[np.uint8]) -> None:
        """From frames [N, H, W, 3] uint8."""
        pixels = torch.from_numpy(frames).movedim(-1, 1).float() / 127.5 - 1
        rows = nn.functional.pixel_unshuffle(pixels, PATCH).movedim(1, -1).flatten(0, 2).double()
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
        top = vectors[:, -LATENTS:].flip(1).T
        # eigenvectors have no sign of their own: the largest entry is made positive
        top = top * top.gather(1, top.abs().argmax(1, keepdim=True)).sign()
        self.mean.copy_(mean)
        self.basis.copy_(top)
        std = values[-LATENTS:].flip(0).clamp_min(1e-6).sqrt()
        self.scale.copy_((std * std[0]).sqrt())

    def encode(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W] → [B, 16, H/4, W/4]."""
        rows = nn.functional.pixel_unshuffle(pixels, PATCH).movedim(1, -1) - self.mean
        return ((rows @ self.basis.T) / self.scale).movedim(-1, 1)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, 16, h, w] → [B, 3, 4 h, 4 w]."""
        rows = (latents.movedim(1, -1) * self.scale) @ self.basis + self.mean
        return nn.functional.pixel_shuffle(rows.movedim(-1, 1), PATCH)


class Vae(nn.Module):
    """Stable Diffusion's autoencoder, frame by frame."""

    channels = 4

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae.requires_grad_(False)
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)
        self.channels = vae.config.latent_channels

    def encode(self, pixels: Tensor) -> Tensor:
        """The mode of the posterior, scaled."""
        found: Tensor = self.vae.encode(pixels).latent_dist.mode() * self.vae.config.scaling_factor
        return found

    def decode(self, latents: Tensor) -> Tensor:
        """[B, 4, h, w] → [B, 3, H, W]."""
        found: Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return found
