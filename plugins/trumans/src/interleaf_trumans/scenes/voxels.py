"""Triangles to cells: every cell that a triangle touches, and nothing else.

The overlap test is that of Schwarz and Seidel (2010): the cell meets the triangle's plane, and their
projections overlap in the three coordinate planes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from interleaf_trumans.scenes.surface import Array

MOST_CELLS = 200_000_000
BORDER = 2  # empty cells around
ROUNDING = 1e-3  # of a cell: what float32 files differ by
CLOSED = 3.0  # m³: up to here, an enclosed hollow is furniture and solid; a larger one is a room


def extent(vertices: Array, voxel: float) -> tuple[Array, tuple[int, int, int], float]:
    """Origin, shape (x, z, y) and cell size; coarser than asked where more than ``MOST_CELLS`` were
    needed."""
    low, high = vertices.min(0), vertices.max(0)
    while True:
        first = np.floor(low / voxel + ROUNDING) - BORDER
        shape = (np.ceil(high / voxel - ROUNDING) - first + BORDER).astype(np.int64)
        if np.prod(shape) <= MOST_CELLS:
            origin = (
                first - 0.5
            ) * voxel  # floor and walls on round numbers lie in the middle of cells
            return origin, (int(shape[0]) + 1, int(shape[2]) + 1, int(shape[1]) + 1), voxel
        voxel *= 1.25


def voxelised(
    vertices: Array, faces: Array, origin: Array, shape: tuple[int, int, int], voxel: float
) -> Array:
    """Cells [X, Z, Y] uint8 touched by triangles, or by points where there are no triangles."""
    cells = np.zeros(shape, np.uint8)
    if len(faces):
        _fill((vertices[faces] - origin) / voxel, cells)
        return cells
    at = np.floor((vertices - origin) / voxel).astype(np.int64)
    inside = ((at >= 0) & (at < np.array(shape)[[0, 2, 1]])).all(1)
    flat = np.ravel_multi_index((at[inside, 0], at[inside, 2], at[inside, 1]), shape)
    hits = np.bincount(flat, minlength=cells.size)
    least = 2 if np.median(hits[hits > 0]) >= 4 else 1  # dense clouds: one stray point is no wall
    return (hits >= least).astype(np.uint8).reshape(shape)


def solid(cells: Array, voxel: float) -> Array:
    """The cells with the hollows of closed things filled."""
    from scipy import ndimage

    labels, count = ndimage.label(cells == 0)
    if count == 0:
        return cells
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    rim = np.zeros(count + 1, bool)
    for side in (
        labels[0],
        labels[-1],
        labels[:, 0],
        labels[:, -1],
        labels[:, :, 0],
        labels[:, :, -1],
    ):
        rim[side.ravel()] = True
    hollow = ~rim & (sizes * voxel**3 < CLOSED)
    hollow[0] = True
    out: Array = hollow[labels].astype(np.uint8)
    return out


@njit(cache=True, nogil=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def _fill(corners: Any, cells: Any) -> None:
    """Mark the cells that triangles [F, 3, 3] (in cells, x y z) touch."""
    nx, nz, ny = cells.shape
    most = np.array([nx - 1, ny - 1, nz - 1])
    for f in range(corners.shape[0]):
        t = corners[f]
        n = np.cross(t[1] - t[0], t[2] - t[0])
        if n[0] * n[0] + n[1] * n[1] + n[2] * n[2] < 1e-18:
            continue
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for k in range(3):
            low[k] = max(0, int(np.floor(min(t[0, k], t[1, k], t[2, k]))))
            high[k] = min(most[k], int(np.floor(max(t[0, k], t[1, k], t[2, k]))))
        for x in range(low[0], high[0] + 1):
            for z in range(low[2], high[2] + 1):
                if not _edges(t, n, 0, 2, x, z):
                    continue
                for y in range(low[1], high[1] + 1):
                    if cells[x, z, y] == 0 and _plane(t, n, x, y, z):  # noqa: SIM102
                        if _edges(t, n, 0, 1, x, y) and _edges(t, n, 1, 2, y, z):
                            cells[x, z, y] = 1


@njit(cache=True, nogil=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def _plane(t: Any, n: Any, x: int, y: int, z: int) -> bool:
    """Whether the plane of a triangle meets the cell."""
    middle = n[0] * (x + 0.5 - t[0, 0]) + n[1] * (y + 0.5 - t[0, 1]) + n[2] * (z + 0.5 - t[0, 2])
    return bool(abs(middle) <= 0.5 * (abs(n[0]) + abs(n[1]) + abs(n[2])))


@njit(cache=True, nogil=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def _edges(t: Any, n: Any, i: int, j: int, p: int, q: int) -> bool:
    """Whether the triangle, seen along the third axis, overlaps the cell's square (p, q)."""
    k = 3 - i - j
    sign = 1.0 if n[k] >= 0 else -1.0
    if (i, j) == (0, 2):
        sign = -sign
    for e in range(3):
        u, v = t[e], t[(e + 1) % 3]
        ni, nj = -(v[j] - u[j]) * sign, (v[i] - u[i]) * sign
        if ni * (p - u[i]) + nj * (q - u[j]) + max(0.0, ni) + max(0.0, nj) < 0:
            return False
    return True
