"""What stands around a body: boxes of points asked in a grid of cells (the input of the scene perceiver).

A box is turned by a yaw about a place on the floor. Points outside the grid are occupied. Arithmetic is
float32 in a fixed order, so that numpy, numba and Triton give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from interleaf_trumans.scenes.surface import Array

F = np.float32


@dataclass(frozen=True, slots=True)
class Box:
    """``n``³ points: x and z over ± ``half`` metres, y from 0 to ``height`` above the floor, ends
    included."""

    n: int = 32
    half: float = 0.6
    height: float = 1.2

    def across(self) -> Array:
        """Local x, and z, of the points."""
        return np.linspace(-self.half, self.half, self.n).astype(F)

    def layers(self, origin_y: float, voxel: float) -> Array:
        """The layer of cells of each height."""
        heights = np.linspace(0.0, self.height, self.n).astype(F)
        return np.floor((heights - F(origin_y)) * F(1 / voxel)).astype(np.int64)


def boxes(cells: Array, origin: Array, voxel: float, places: Array, yaws: Array, box: Box) -> Array:
    """Occupancy uint8 [B, n (x), n (z), n (y)] of boxes at ``places`` [B, 3] turned by ``yaws`` [B] about y
    (a yaw of 0 looks along +z, pi/2 along +x). ``cells`` [X, Z, Y]."""
    cos, sin = np.cos(yaws).astype(F), np.sin(yaws).astype(F)
    out = np.empty((len(places), box.n, box.n, box.n), np.uint8)
    _boxes(np.ascontiguousarray(cells), F(origin[0]), F(origin[2]), F(1 / voxel), places.astype(F), cos, sin,
           box.across(), box.layers(float(origin[1]), voxel), out)  # fmt: skip
    return out


def boxes_oracle(
    cells: Array, origin: Array, voxel: float, places: Array, yaws: Array, box: Box
) -> Array:
    """The same in numpy."""
    cos, sin = (f(yaws).astype(F)[:, None, None] for f in (np.cos, np.sin))
    x, z = box.across()[None, :, None], box.across()[None, None, :]
    places = places.astype(F)
    wx = places[:, 0, None, None] + (cos * x + sin * z)
    wz = places[:, 2, None, None] + (cos * z - sin * x)
    ix = np.floor((wx - F(origin[0])) * F(1 / voxel)).astype(np.int64)
    iz = np.floor((wz - F(origin[2])) * F(1 / voxel)).astype(np.int64)
    layers = np.broadcast_to(box.layers(float(origin[1]), voxel), (*ix.shape, box.n))
    ix, iz = (np.broadcast_to(i[..., None], layers.shape) for i in (ix, iz))
    nx, nz, ny = cells.shape
    inside = (ix >= 0) & (ix < nx) & (iz >= 0) & (iz < nz) & (layers >= 0) & (layers < ny)
    found = cells[np.clip(ix, 0, nx - 1), np.clip(iz, 0, nz - 1), np.clip(layers, 0, ny - 1)]
    return np.where(inside, found, 1).astype(np.uint8)


@njit(cache=True, nogil=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def _boxes(cells: Any, ox: Any, oz: Any, per: Any, places: Any, cos: Any, sin: Any, across: Any, layers: Any,
           out: Any) -> None:  # fmt: skip
    nx, nz, ny = cells.shape
    n = across.shape[0]
    for b in range(places.shape[0]):
        for i in range(n):
            for j in range(n):
                wx = places[b, 0] + (cos[b] * across[i] + sin[b] * across[j])
                wz = places[b, 2] + (cos[b] * across[j] - sin[b] * across[i])
                cx = int(np.floor((wx - ox) * per))
                cz = int(np.floor((wz - oz) * per))
                if cx < 0 or cx >= nx or cz < 0 or cz >= nz:
                    out[b, i, j, :] = 1
                    continue
                column = cells[cx, cz]
                for k in range(n):
                    y = layers[k]
                    out[b, i, j, k] = column[y] if 0 <= y < ny else 1
