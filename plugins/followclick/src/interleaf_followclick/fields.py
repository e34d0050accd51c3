"""What real motion adds to a rigid shift, as numbers a model can draw.

In its square a thing moves to the right by ``s`` cells a frame on average. The rest,

    R = V / s − (1, 0),

is written in an orthonormal cosine basis over time (T × 2 planes) and divided by each plane's
standard deviation σ over training windows, so that every plane has variance 1 inside the mask.
The Gaussian baseline draws those planes with correlation exp(−d / length) between cells d apart.

Suffixes: B windows, T velocities, N cells a side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import GRID, Floats, folded, speed_of, spread
from interleaf_followclick.windows import FRAMES

STEPS = FRAMES - 1
PLANES = 2 * STEPS
SMOOTH = 1.5  # cells


@dataclass(frozen=True)
class Statistics:
    """``std`` [14]: of each plane; ``length``: of the correlation, in cells."""

    std: Floats
    length: float


@lru_cache(maxsize=8)
def cosines(steps: int) -> NDArray[np.float64]:
    """[T, T] orthonormal: row k is the k-th cosine (DCT-II)."""
    k, t = np.mgrid[:steps, :steps]
    basis = np.sqrt(2 / steps) * np.cos(np.pi * k * (2 * t + 1) / (2 * steps))
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)


def encode(field: Floats, speed: float, std: Floats) -> Floats:
    """Velocities [T, 2, N, N] as planes [2 T, N, N] of unit variance."""
    rest = field / speed
    rest = rest - np.array([1, 0], np.float32)[:, None, None]
    planes = np.einsum("kt,tchw->kchw", cosines(len(field)), rest)
    return np.asarray(planes.reshape(PLANES, *field.shape[2:]) / std[:, None, None], np.float32)


def decode(planes: Floats, speed: float, std: Floats) -> Floats:
    """Planes [2 T, N, N] as velocities [T, 2, N, N]."""
    scaled = (planes * std[:, None, None]).reshape(STEPS, 2, *planes.shape[1:])
    rest = np.einsum("kt,kchw->tchw", cosines(STEPS), scaled)
    rest += np.array([1, 0], np.float32)[:, None, None]
    return np.asarray(rest * speed, np.float32)


def settled(
    field: Floats, weight: Floats, speed: float, smooth: float = SMOOTH, flex: float = 1.0
) -> Floats:
    """A drawn field made smooth, then shifted so that the thing moves by exactly ``speed`` on average;
    ``flex`` scales what it does beyond that mean."""
    field = spread(field, weight, smooth) if smooth else field
    total = max(float(weight.sum()), 1e-6)
    mean = ((field.mean(0) * weight).sum((-2, -1)) / total)[:, None, None]
    asked = np.array([speed, 0], np.float32)[:, None, None]
    return np.asarray(asked + flex * (field - mean), np.float32)


def path_of(field: Floats, frames: int, weight: Floats) -> Floats:
    """Displacements [frames, 2, N, N] since the first frame of a field [T, 2, N, N] played over another
    length: ``frames − 1`` steps of the same mean speed, and in all as much deformation as in T steps."""
    steps = frames - 1
    if steps < 1:
        return np.zeros((max(frames, 0), *field.shape[1:]), np.float32)
    at = (np.arange(steps) + 0.5) / steps * len(field) - 0.5
    low = np.clip(np.floor(at).astype(int), 0, len(field) - 1)
    high = np.minimum(low + 1, len(field) - 1)
    share = np.clip(at - low, 0, 1)[:, None, None, None]
    velocity = field[low] * (1 - share) + field[high] * share
    velocity += field.mean(0) - velocity.mean(0)  # interpolation must not change the mean
    total = max(float(weight.sum()), 1e-6)
    middle = ((velocity.mean(0) * weight).sum((-2, -1)) / total)[None, :, None, None]
    path = np.cumsum(middle + (velocity - middle) * min(1.0, len(field) / steps), 0)
    return np.concatenate([np.zeros_like(path[:1]), path]).astype(np.float32)


def unfolded(path: Floats, weight: Floats, most: float = 0.02) -> Floats:
    """A path [T, 2, N, N] whose last frame turns over at most a share ``most`` of the mask's cells.

    What each cell does beyond the mean is taken back by one factor where that is needed.
    """
    total = max(float(weight.sum()), 1e-6)
    mean = ((path * weight).sum((-2, -1)) / total)[..., None, None]
    rest, low, high = path - mean, 0.0, 1.0
    if folded(path[-1], weight) <= most:
        return path
    for _ in range(12):
        middle = (low + high) / 2
        fits = folded((mean + middle * rest)[-1], weight) <= most
        low, high = (middle, high) if fits else (low, middle)
    return np.asarray(mean + low * rest, np.float32)


def rigid(speed: float) -> Floats:
    """Every cell to the right at one speed."""
    field = np.zeros((STEPS, 2, GRID, GRID), np.float32)
    field[:, 0] = speed
    return field


@lru_cache(maxsize=16)
def factor(length: float, cells: int = GRID) -> Floats:
    """[N², N²]: Cholesky factor of the correlation exp(−d / length) between cells."""
    ys, xs = np.mgrid[:cells, :cells].reshape(2, -1)
    d = np.hypot(xs[:, None] - xs, ys[:, None] - ys)
    return np.linalg.cholesky(np.exp(-d / length) + 1e-6 * np.eye(cells * cells)).astype(np.float32)


def correlated(rng: np.random.Generator, shape: tuple[int, ...], length: float) -> Floats:
    """Standard normal planes [*shape, N, N] that are alike nearby."""
    white = rng.standard_normal((*shape, GRID * GRID), dtype=np.float32)
    return np.asarray((white @ factor(length).T).reshape(*shape, GRID, GRID))


def statistics(fields: Sequence[Floats], masks: Sequence[Floats]) -> Statistics:
    """Standard deviations and correlation length of training windows, inside their masks."""
    one = np.ones(PLANES, np.float32)
    planes = np.stack([_encoded(f, m, one) for f, m in zip(fields, masks, strict=True)])
    weight = np.stack(masks)[:, None]
    std = np.sqrt((planes**2 * weight).sum((0, 2, 3)) / weight.sum((0, 2, 3)))
    unit = planes / std[:, None, None]
    lags, found = range(1, 13), []
    for lag in lags:
        both = weight[..., lag:] * weight[..., :-lag]
        product = (unit[..., lag:] * unit[..., :-lag] * both).sum((0, 2, 3)) / both.sum((0, 2, 3))
        found.append(float(np.clip(product.mean(), 0.05, 0.999)))
    slope = np.sum(np.array(lags) * -np.log(found)) / np.sum(np.square(lags))
    return Statistics(std.astype(np.float32), float(1 / max(slope, 1e-3)))


def _encoded(field: Floats, mask: Floats, std: Floats) -> Floats:
    return encode(field, speed_of(field, mask), std)
