"""The smooth part of a picture: fixed, wide Gaussians on a grid of 32 px, by least squares.

    B(x, y) = sum_ij A_ij g((y - 32 i) / s) g((x - 32 j) / s),   s = 0.65 * 32

Only the amplitudes are kept, as integers; the sum separates into rows and columns.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from .splats import Floats

PITCH = 32
SPREAD = 0.65 * PITCH
REACH = 4.0  # standard deviations
RIDGE = 0.02
ROWS = 256  # at once


def nodes(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the grid: one beyond each edge."""
    rows, columns = ((length - 1) // PITCH + 3 for length in (height, width))
    return rows, columns


@lru_cache(16)
def taps(length: int, scale: float = 1.0, first: int = 0, count: int | None = None) -> Floats:
    """[count, nodes] float32: each grid Gaussian along one side, of unit sum over the grid.

    ``count`` samples from ``first`` on, ``scale`` to a pixel; by default the whole side.
    """
    samples = first + np.arange(length if count is None else count)
    at = (np.arange((length - 1) // PITCH + 3) - 0.5) * PITCH
    z = ((samples[:, None] + 0.5) / scale - at) / SPREAD
    bump = np.where(np.abs(z) <= REACH, np.exp(-0.5 * z * z), 0.0)
    return np.asarray(bump / bump.sum(axis=1, keepdims=True), np.float32)


def solve(rows_of: Callable[[int, int], Floats], shape: tuple[int, ...]) -> Floats:
    """Amplitudes [I, J, C]; ``rows_of(a, b)`` gives rows."""
    inverse = []
    for length in shape[:2]:
        t = taps(length).astype(np.float64)
        inverse.append(
            np.linalg.solve(t.T @ t + RIDGE * np.eye(t.shape[1]), t.T).astype(np.float32)
        )
    found = np.zeros((len(inverse[0]), len(inverse[1]), shape[2]))
    for a in range(0, shape[0], ROWS):
        part = rows_of(a, a + ROWS)
        across = np.einsum("jw,hwc->hjc", inverse[1], part, optimize=True)
        found += np.einsum("ih,hjc->ijc", inverse[0][:, a : a + ROWS], across, optimize=True)
    return found
