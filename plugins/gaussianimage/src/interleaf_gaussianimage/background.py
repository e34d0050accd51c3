"""The smooth part of a picture: fixed, wide Gaussians on a grid of 32 px, by least squares.

    B(x, y) = sum_ij A_ij g((y - 32 i) / s) g((x - 32 j) / s),   s = 0.65 * 32

Only the amplitudes are kept, as integers; the sum separates into rows and columns.
"""

from functools import lru_cache

import numpy as np

from .splats import Floats

PITCH = 32
SPREAD = 0.65 * PITCH
REACH = 4.0  # standard deviations
RIDGE = 0.02


def nodes(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the grid: one beyond each edge."""
    rows, columns = ((length - 1) // PITCH + 3 for length in (height, width))
    return rows, columns


@lru_cache(16)
def taps(length: int, scale: float = 1.0, first: int = 0, count: int | None = None) -> Floats:
    """[count, nodes] float64: each grid Gaussian along one side, of unit sum over the grid.

    ``count`` samples from ``first`` on, ``scale`` to a pixel; by default the whole side.
    """
    samples = first + np.arange(length if count is None else count)
    at = (np.arange((length - 1) // PITCH + 3) - 0.5) * PITCH
    z = ((samples[:, None] + 0.5) / scale - at) / SPREAD
    bump = np.where(np.abs(z) <= REACH, np.exp(-0.5 * z * z), 0.0)
    return np.asarray(bump / bump.sum(axis=1, keepdims=True))


def solve(image: Floats, step: float) -> tuple[Floats, Floats]:
    """Integers [I, J, C] of the amplitudes in steps of `step`, and the background [H, W, C] they give."""
    rows, columns = (taps(length) for length in image.shape[:2])
    inverse = [np.linalg.solve(t.T @ t + RIDGE * np.eye(t.shape[1]), t.T) for t in (rows, columns)]
    amplitudes = np.einsum("ih,hwc,jw->ijc", inverse[0], image, inverse[1], optimize=True)
    integers = np.rint(amplitudes / step).astype(np.int64)
    return integers, draw(integers, step, *image.shape[:2])


def draw(integers: Floats, step: float, height: int, width: int) -> Floats:
    """The background [H, W, C] of integers [I, J, C]."""
    rows, columns = taps(height), taps(width)
    return np.einsum("hi,ijc,wj->hwc", rows, integers * step, columns, optimize=True)
