"""Pictures as numbers in 0..1 and back."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from interleaf import Image

Array = np.ndarray[Any, Any]


def unit(image: Image) -> Array:
    """H×W×C float64 in 0..1."""
    top = np.iinfo(image.pixels.dtype).max if image.pixels.dtype.kind == "u" else 1
    return image.pixels.astype(np.float64) / top


def from_unit(pixels: Array) -> Image:
    """A picture of 8 bits a sample from numbers in 0..1; what is outside is cut off."""
    return Image(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def random_image(seed: str, size: int) -> Image:
    """A smooth coloured picture that depends on ``seed`` alone."""
    rng = np.random.default_rng(int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()))
    grid = np.linspace(0, 2 * np.pi, size)
    waves, shifts = rng.integers(1, 4, (2, 3)), rng.uniform(0, 2 * np.pi, 3)
    y, x = grid[:, None, None], grid[None, :, None]
    return from_unit(0.5 + 0.45 * np.sin(waves[0] * y + waves[1] * x + shifts))
