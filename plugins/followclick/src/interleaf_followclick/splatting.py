"""Forward splatting: what every pixel of a thing carries, summed where it arrives (softmax splatting
with the mask as weight, arXiv 2003.05534), compiled with numba.

    out[q] = Σ_p w_p k(q − p − D_p) V_p     total[q] = Σ_p w_p k(q − p − D_p)     k bilinear

Each source pixel is a square of SUB × SUB samples, so that magnified things stay closed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

SUB = 2


@njit(cache=True, nogil=True)
def _carry(values, weight, xs, ys, dx, dy, out, total):  # type: ignore[no-untyped-def]
    height, width = total.shape
    rows, columns = weight.shape
    for i in range(rows):
        for j in range(columns):
            w = weight[i, j]
            if w <= 0.0:
                continue
            right = min(j + 1, columns - 1)
            below = min(i + 1, rows - 1)
            ax, ay = dx[i, right] - dx[i, j], dy[i, right] - dy[i, j]
            bx, by = dx[below, j] - dx[i, j], dy[below, j] - dy[i, j]
            for a in range(SUB):
                for b in range(SUB):
                    u, v = (b + 0.5) / SUB - 0.5, (a + 0.5) / SUB - 0.5
                    x = xs + j + dx[i, j] + u * (1.0 + ax) + v * bx
                    y = ys + i + dy[i, j] + u * ay + v * (1.0 + by)
                    x0, y0 = int(np.floor(x)), int(np.floor(y))
                    fx, fy = x - x0, y - y0
                    for k in range(4):
                        qx, qy = x0 + (k & 1), y0 + (k >> 1)
                        if 0 <= qx < width and 0 <= qy < height:
                            g = w * (fx if k & 1 else 1.0 - fx) * (fy if k >> 1 else 1.0 - fy)
                            total[qy, qx] += g
                            for c in range(values.shape[2]):
                                out[qy, qx, c] += g * values[i, j, c]


def splat(
    values: NDArray[np.float32], weight: NDArray[np.float32], moved: NDArray[np.float32],
    corner: tuple[int, int], size: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Values [H, W, C] summed with their weights, and the weights, where they arrive.

    ``values`` [h, w, C], ``weight`` [h, w] and ``moved`` [2, h, w] (x, y in pixels) are a part of the
    picture whose first pixel is ``corner`` (x, y); the results have ``size`` (H, W).
    """
    height, width = size
    out = np.zeros((height, width, values.shape[2]), np.float32)
    total = np.zeros((height, width), np.float32)
    w = np.asarray(weight / SUB**2, np.float32)
    _carry(values, w, float(corner[0]), float(corner[1]), moved[0], moved[1], out, total)
    return out, total


def splat_reference(
    values: NDArray[Any], weight: NDArray[Any], moved: NDArray[Any], corner: tuple[int, int],
    size: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """What :func:`splat` computes, in float64 and numpy alone."""
    height, width = size
    dx, dy = moved.astype(np.float64)
    ahead = [np.diff(d, axis=1, append=d[:, -1:]) for d in (dx, dy)]
    below = [np.diff(d, axis=0, append=d[-1:]) for d in (dx, dy)]
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    out, total = np.zeros((height, width, values.shape[2])), np.zeros((height, width))
    for a in range(SUB):
        for b in range(SUB):
            u, v = (b + 0.5) / SUB - 0.5, (a + 0.5) / SUB - 0.5
            x = corner[0] + columns + dx + u * (1 + ahead[0]) + v * below[0]
            y = corner[1] + rows + dy + u * ahead[1] + v * (1 + below[1])
            x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
            for k in range(4):
                qx, qy = x0 + (k & 1), y0 + (k >> 1)
                gx = np.where(k & 1, x - x0, 1 - (x - x0))
                gy = np.where(k >> 1, y - y0, 1 - (y - y0))
                g = weight / SUB**2 * gx * gy
                ok = (qx >= 0) & (qx < width) & (qy >= 0) & (qy < height)
                np.add.at(total, (qy[ok], qx[ok]), g[ok])
                np.add.at(out, (qy[ok], qx[ok]), g[ok][:, None] * values[ok])
    return out, total
