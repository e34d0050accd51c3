"""How far a point is from the nearest obstacle: negative inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf_trumans.scenes.surface import Array

REACH = 0.6  # metres beyond which distances are not told apart


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """``values`` [X, Z, Y] float32 metres at the cells' middles, within ± ``REACH``."""

    values: Array
    origin: Array
    voxel: float

    @classmethod
    def of(cls, cells: Array, origin: Array, voxel: float) -> Distances:
        """Exact Euclidean distances between the middles of cells, less half a cell at the border."""
        from scipy import ndimage

        full = cells > 0
        if not full.any():
            return cls(np.full(cells.shape, REACH, np.float32), origin, voxel)
        outside = ndimage.distance_transform_edt(~full).astype(np.float32)
        inside = ndimage.distance_transform_edt(full).astype(np.float32)
        signed = np.where(full, 0.5 - inside, outside - 0.5) * np.float32(voxel)
        return cls(np.clip(signed, -REACH, REACH).astype(np.float32), origin, voxel)

    def at(self, points: Array) -> Array:
        """Distances of points [..., 3] in metres, trilinear; outside the grid as at its border."""
        return self._mixed(points)[0]

    def with_gradient(self, points: Array) -> tuple[Array, Array]:
        """Distances [...] and their gradients [..., 3]."""
        return self._mixed(points)

    def _mixed(self, points: Array) -> tuple[Array, Array]:
        cell = (points - self.origin) / self.voxel - 0.5
        cell = cell[..., [0, 2, 1]]
        top = np.array(self.values.shape) - 1
        cell = np.clip(cell, 0, top - 1e-6)
        low = np.minimum(cell.astype(np.int64), np.maximum(top - 1, 0))
        share = cell - low
        corner = {}
        for dx in (0, 1):
            for dz in (0, 1):
                for dy in (0, 1):
                    i = np.minimum(low + np.array([dx, dz, dy]), top)
                    corner[dx, dz, dy] = self.values[i[..., 0], i[..., 1], i[..., 2]]
        x, z, y = np.moveaxis(share, -1, 0)
        along_y = {
            (i, j): corner[i, j, 0] * (1 - y) + corner[i, j, 1] * y for i in (0, 1) for j in (0, 1)
        }
        along_z = [along_y[i, 0] * (1 - z) + along_y[i, 1] * z for i in (0, 1)]
        value = along_z[0] * (1 - x) + along_z[1] * x
        slope_z = [along_y[i, 1] - along_y[i, 0] for i in (0, 1)]
        slope_y = [(corner[i, j, 1] - corner[i, j, 0]) for i in (0, 1) for j in (0, 1)]
        gz = slope_z[0] * (1 - x) + slope_z[1] * x
        gy = (slope_y[0] * (1 - z) + slope_y[1] * z) * (1 - x) + (
            slope_y[2] * (1 - z) + slope_y[3] * z
        ) * x
        gradient = np.stack([along_z[1] - along_z[0], gy, gz], -1) / self.voxel
        return value, gradient
