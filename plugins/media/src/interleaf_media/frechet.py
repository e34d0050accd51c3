"""Distances between two sets of features: Fréchet (Heusel et al. 2017) and kernel (Bińkowski et al. 2018).

Plain NumPy in float64. d² = |μ1 − μ2|² + tr(Σ1 + Σ2 − 2 (Σ1^½ Σ2 Σ1^½)^½): the product is symmetric, so
that its eigenvalues are real; what rounding makes negative counts as 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]  # [N, D]
GROUPS = 10  # of the jackknife
LARGEST_JACKKNIFE = 512  # dimensions; beyond, ten eigenvalue problems take minutes


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and scatter of features; two of them merge into those of both sets."""

    n: int
    total: Features
    squares: Features

    @classmethod
    def of(cls, features: NDArray[Any]) -> Moments:
        """Those of features [N, D]; N may be 1 or 0."""
        x = np.asarray(features, np.float64)
        return cls(len(x), x.sum(0), x.T @ x)

    def merge(self, other: Moments) -> Moments:
        """Those of both sets."""
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def without(self, other: Moments) -> Moments:
        """Those of the set without a part of it."""
        return Moments(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> Features:
        """μ."""
        return self.total / self.n

    @property
    def covariance(self) -> Features:
        """Σ, divided by n − 1."""
        return (self.squares - np.outer(self.total, self.total) / self.n) / (self.n - 1)


def frechet(a: Moments, b: Moments) -> float:
    """The Fréchet distance of two Gaussians with these moments; n must be at least 2 on both sides."""
    difference = a.mean - b.mean
    s1, s2 = a.covariance, b.covariance
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ s2 @ root)
    traces = np.trace(s1) + np.trace(s2) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return float(max(difference @ difference + traces, 0.0))


def frechet_interval(
    features: Features, reference: Features, groups: int = GROUPS
) -> tuple[float, float] | None:
    """95 % interval by the delete-a-group jackknife over both sets; None for few or wide features."""
    if min(len(features), len(reference)) < 2 * groups or features.shape[1] > LARGEST_JACKKNIFE:
        return None
    wholes = Moments.of(features), Moments.of(reference)
    value = frechet(*wholes)
    variance = 0.0
    for side, x in enumerate((features, reference)):
        left = []
        for part in np.array_split(np.arange(len(x)), groups):
            less = wholes[side].without(Moments.of(x[part]))
            left.append(frechet(*((less, wholes[1]) if side == 0 else (wholes[0], less))))
        variance += (groups - 1) / groups * float(np.sum((np.array(left) - np.mean(left)) ** 2))
    half = 1.96 * math.sqrt(variance)
    return value - half, value + half


def frechet_unbounded(
    features: Features, reference: Features, seed: int = 0, points: int = 6
) -> float:
    """The distance extrapolated to endless samples: a line through d²(1/n) (Chong & Forsyth 2020)."""
    rng, whole = np.random.default_rng(seed), Moments.of(reference)
    order = rng.permutation(len(features))
    sizes = np.linspace(len(features) / 2, len(features), points).astype(int)
    values = [frechet(Moments.of(features[order[:n]]), whole) for n in sizes]
    _slope, intercept = np.polyfit(1 / sizes, values, 1)
    return float(intercept)


def kernel_distance(
    features: Features, reference: Features, subsets: int = 100, size: int = 1000, seed: int = 0
) -> tuple[float, tuple[float, float] | None]:
    """Unbiased MMD² with k(x, y) = (xᵀy / D + 1)³, the mean over subsets, and its 95 % interval."""
    size = min(size, len(features), len(reference))
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(
        1
        if size == min(len(features), len(reference)) == max(len(features), len(reference))
        else subsets
    ):
        x = features[rng.choice(len(features), size, replace=False)]
        y = reference[rng.choice(len(reference), size, replace=False)]
        values.append(_mmd(x, y))
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    half = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return mean, (mean - half, mean + half)


def _mmd(x: Features, y: Features) -> float:
    n, dim = x.shape
    xx, yy, xy = ((p @ q.T / dim + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * xy.mean())
