"""Movements as white noise that an autoregressive filter has shaped, and back.

Channels are turned into principal components; of each, a least-squares AR(p) predicts the next value from
the last p:

    x_t = sum_k a_k x_(t-k) + s e_t        e white, of unit variance

so W, which takes x to e (and the first p values by their covariance), is lower triangular: what a component
is whitened to at one time depends on its past alone. Diffusing e instead of x, an untrained model already
draws movements with the spectrum of the data, and training only adds what the sound says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, Any]
ORDER = 6
LARGEST_ROOT = 0.992  # of the filters: they forget
STILL = 1e-12  # variance in square radians given to what never moves


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """``mean`` [D]; ``basis`` [K, D] orthonormal rows; ``filters`` [K, p] (a_1 first); ``noise`` [K] = s;
    ``first`` [K, p, p] lower triangular, so that first^-1 x_(1..p) is white."""

    mean: Floats
    basis: Floats
    filters: Floats
    noise: Floats
    first: Floats

    def shaping(self, length: int) -> Floats:
        """The inverse of W [K, T, T], lower triangular: components y = shaping e. A shorter one is its
        leading block."""
        p = self.filters.shape[1]
        found = np.zeros((len(self.basis), length, length))
        for one, a, s, low in zip(found, self.filters, self.noise, self.first, strict=True):
            head = min(p, length)
            one[:head, :head] = low[:head, :head]
            for t in range(head, length):
                one[t] = a @ one[t - 1 : t - 1 - p if t > p else None : -1]
                one[t, t] += s
        return found

    def components(self, x: Floats) -> Floats:
        """[T, K] of movements [T, D]."""
        found: Floats = (x - self.mean) @ self.basis.T
        return found

    def movements(self, y: Floats) -> Floats:
        """[T, D] of components [T, K]."""
        found: Floats = y @ self.basis + self.mean
        return found


def fitted(pieces: Sequence[Floats], components: int, order: int = ORDER) -> Whitening:
    """The whitening of pieces of movement [T, D], each longer than ``order``."""
    rows = np.concatenate(pieces)
    mean = rows.mean(axis=0)
    _, _, axes = np.linalg.svd(rows - mean, full_matrices=False)
    basis = axes[:components]
    parts = [(p - mean) @ basis.T for p in pieces]
    filters, noise, first = [], [], []
    for k in range(len(basis)):
        one = [p[:, k] for p in parts]
        a = _damped(_predictor(one, order))
        left = np.concatenate([_residual(x, a) for x in one])
        filters.append(a)
        noise.append(max(float(np.sqrt(np.square(left).mean())), 1e-9))
        windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(x, order) for x in one])
        spread = windows.T @ windows / len(windows)
        least = 1e-9 * np.trace(spread) + STILL
        first.append(np.linalg.cholesky(spread + least * np.eye(order)))
    return Whitening(mean, basis, np.array(filters), np.array(noise), np.array(first))


def _lagged(x: Floats, order: int) -> tuple[Floats, Floats]:
    """Values [n], and those before each [n, p], the latest first."""
    windows = np.lib.stride_tricks.sliding_window_view(x, order + 1)
    return windows[:, -1], windows[:, -2::-1]


def _predictor(series: Sequence[Floats], order: int) -> Floats:
    pairs = [_lagged(x, order) for x in series]
    y, before = (np.concatenate([p[i] for p in pairs]) for i in (0, 1))
    found: Floats = np.linalg.lstsq(before, y, rcond=1e-10)[0]
    return found


def _residual(x: Floats, a: Floats) -> Floats:
    y, before = _lagged(x, len(a))
    found: Floats = y - before @ a
    return found


def _damped(a: Floats) -> Floats:
    """The filter with roots pulled inside ``LARGEST_ROOT``, so that it stays bounded."""
    roots = np.roots(np.concatenate([[1.0], -a]))
    size = np.abs(roots)
    roots = np.where(size > LARGEST_ROOT, roots * LARGEST_ROOT / np.maximum(size, 1e-12), roots)
    found: Floats = -np.real(np.poly(roots))[1:]
    return found
