"""Where to start a fit: more and smaller Gaussians where the picture changes, along its edges.

Positions are drawn with a density that follows the gradient's magnitude, sizes follow from the
density (s^2 = SIZE^2 / density covers the plane evenly), orientation and elongation from the
structure tensor (Bigun and Granlund 1987). Colours are the picture's, shared among the Gaussians
that overlap.
"""

from typing import Literal

import numpy as np

from .splats import Floats, Splats, cholesky_from_rotation_scale

UNIFORM = 0.1  # share of the points that ignores the gradient
SIZE = 0.45  # standard deviation in units of the mean distance between neighbours
LARGEST = 0.25  # of the longer side

Start = Literal["gradient", "random"]


def start(image: Floats, points: int, rng: np.random.Generator, kind: Start = "gradient") -> Splats:
    """N = points Gaussians for an image [H, W, C]; `random` ignores what the picture shows."""
    height, width, channels = image.shape
    grey = image.mean(axis=2, dtype=np.float64)
    tensor = _structure(grey) if kind == "gradient" else np.zeros((3, height, width))
    density = _density(tensor) * points
    chosen = _spread_out(density / points, points, rng)
    y, x = np.divmod(chosen, width)
    mu = np.stack([x, y], axis=1) + rng.uniform(-0.5, 0.5, (points, 2))
    size = SIZE / np.sqrt(density.ravel()[chosen])
    size = np.clip(size, 0.5, max(1.0, LARGEST * max(height, width)))
    angle, stretch = _orientation(tensor.reshape(3, -1)[:, chosen])
    scale = np.stack([size * stretch, size / stretch], axis=1)
    overlap = 2.0 * np.pi * SIZE**2
    color = image.reshape(-1, channels)[chosen] / overlap
    chol = cholesky_from_rotation_scale(scale, angle)
    single = np.float32
    return Splats(mu.astype(single), chol.astype(single), color.astype(single), height, width)


def _structure(grey: Floats) -> Floats:
    """(Jxx, Jxy, Jyy) [3, H, W]: products of the gradient, averaged over 3x3 pixels."""
    padded = np.pad(grey, 1, mode="edge")
    gx = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    gy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    products = np.pad(np.stack([gx * gx, gx * gy, gy * gy]), ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = grey.shape
    return np.asarray(
        sum(products[:, dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3))
        / 9
    )


def _density(tensor: Floats) -> Floats:
    """[H, W] where a point falls, summing to 1."""
    strength = np.sqrt(tensor[0] + tensor[2])
    total = strength.sum()
    even = np.full(strength.shape, 1.0 / strength.size)
    return even if total <= 0 else (1 - UNIFORM) * strength / total + UNIFORM * even


def _spread_out(density: Floats, points: int, rng: np.random.Generator) -> Floats:
    """Flat pixel indices [points]: systematic sampling along a Z-curve, hence evenly spaced."""
    height, width = density.shape
    curve = _interleaved(np.arange(width)) | _interleaved(np.arange(height))[:, None] << 1
    order = np.argsort(curve, axis=None, kind="stable")
    reached = np.cumsum(density.ravel()[order])
    wanted = (np.arange(points) + rng.uniform(0, 1, points)) / points * reached[-1]
    return order[np.minimum(np.searchsorted(reached, wanted), len(order) - 1)]


def _interleaved(number: Floats) -> Floats:
    """The bits of numbers below 2^24, a zero between each two."""
    bits = [(number >> k & 1) << 2 * k for k in range(24)]
    return np.bitwise_or.reduce(bits)


def _orientation(tensor: Floats) -> tuple[Floats, Floats]:
    """Angle [N] of the edge, and the factor [N] >= 1 by which a Gaussian is longer along it."""
    jxx, jxy, jyy = tensor
    across = 0.5 * np.arctan2(2 * jxy, jxx - jyy)
    trace = jxx + jyy
    gap = np.hypot(jxx - jyy, 2 * jxy)
    coherence = np.divide(gap, trace, out=np.zeros_like(gap), where=trace > 0)
    return across + np.pi / 2, 1.0 + coherence
