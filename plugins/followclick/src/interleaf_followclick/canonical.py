"""A thing's own square, turned so that it moves to the right.

Motion is described on a grid of GRID × GRID cells over a square around the thing. The square is
rotated by the direction of motion, so that a cup pushed left and a ball thrown up look alike to
the model, and it is as large as the thing, so that near and far things do.

Suffixes: T frames, N cells a side, H rows, W columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

GRID = 32
MARGIN = 1.3  # side of the square over the extent of the thing


@dataclass(frozen=True, slots=True)
class Square:
    """``x, y``: centre in pixels (pixel j covers j ± ½); ``side`` in pixels; ``angle`` in radians."""

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def around(cls, mask: Mask, angle: float) -> Square:
        """The square around the True pixels of ``mask`` [H, W], which must not be empty."""
        ys, xs = np.nonzero(mask)
        c, s = math.cos(angle), math.sin(angle)
        along, across = c * xs + s * ys, -s * xs + c * ys
        a0, a1, b0, b1 = along.min(), along.max(), across.min(), across.max()
        a, b = (a0 + a1) / 2, (b0 + b1) / 2
        side = MARGIN * (max(a1 - a0, b1 - b0) + 1)
        return cls(float(c * a - s * b), float(s * a + c * b), float(side), angle)

    def matrix(self, cells: int) -> NDArray[np.float64]:
        """[2, 3]: from cell coordinates (x, y), 0 in the middle of the first cell, to pixels."""
        scale = self.side / cells
        turn = scale * rotation(self.angle)
        middle = np.array([self.x, self.y]) - turn @ np.full(2, (cells - 1) / 2)
        return np.concatenate([turn, middle[:, None]], 1)

    def points(self, cells: int = GRID) -> Floats:
        """[N, N, 2]: the middles of all cells in pixels."""
        ys, xs = np.mgrid[:cells, :cells].astype(np.float64)
        m = self.matrix(cells)
        return np.asarray(np.stack([xs, ys], -1) @ m[:, :2].T + m[:, 2], np.float32)

    def cut(self, picture: NDArray[Any], cells: int) -> NDArray[Any]:
        """``picture`` [H, W, …] seen in the square, ``cells`` a side; the picture's edge is repeated."""
        scale = self.side / cells
        if scale > 1:  # average what falls into a cell
            picture = cv2.blur(picture, (round(scale), round(scale)))
        m = self.matrix(cells)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(picture, m, (cells, cells), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )

    def inside(self, mask: Mask, cells: int = GRID) -> Floats:
        """[N, N] in 0..1: how much of each cell the mask covers."""
        padded = cv2.copyMakeBorder(mask.astype(np.float32), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        moved = Square(self.x + 1, self.y + 1, self.side, self.angle)
        return np.asarray(moved.cut(padded, cells), np.float32)

    def to_pixels(self, field: NDArray[Any]) -> Floats:
        """Vectors [..., 2, N, N] in cells as vectors in pixels of the picture."""
        turn = rotation(self.angle) * (self.side / field.shape[-1])
        return np.asarray(np.einsum("ij,...jhw->...ihw", turn, field), np.float32)

    def to_cells(self, vectors: NDArray[Any], cells: int = GRID) -> Floats:
        """Vectors [..., 2, N, N] in pixels as vectors in cells."""
        turn = rotation(-self.angle) * (cells / self.side)
        return np.asarray(np.einsum("ij,...jhw->...ihw", turn, vectors), np.float32)


def rotation(angle: float) -> NDArray[np.float64]:
    """[2, 2]: takes (1, 0) to the direction of ``angle``."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])


def spread(field: NDArray[Any], weight: Floats, sigma: float) -> Floats:
    """``field`` [..., N, N] blurred by ``sigma`` cells counting only cells by their ``weight`` [N, N].

    Cells far from any weight get the weighted mean, so that the field goes on smoothly outside.
    """
    flat = field.reshape(-1, *field.shape[-2:]).astype(np.float32)
    w = np.maximum(weight, 1e-3).astype(np.float32)
    total = cv2.GaussianBlur(w, (0, 0), sigma)
    out = np.empty_like(flat)
    for i, plane in enumerate(flat):
        mean = float((plane * weight).sum() / max(weight.sum(), 1e-6))
        out[i] = mean + cv2.GaussianBlur((plane - mean) * w, (0, 0), sigma) / total
    return out.reshape(field.shape)


def speed_of(field: Floats, weight: Floats) -> float:
    """Mean motion to the right, in cells a frame, of a field [T, 2, N, N] over a mask [N, N]."""
    return float((field[:, 0].mean(0) * weight).sum() / max(float(weight.sum()), 1e-6))


def folded(displacement: Floats, weight: Floats) -> float:
    """Share of the mask's cells that a displacement [2, N, N] in cells turns over (det J ≤ 0)."""
    dx, dy = displacement
    a, b = np.gradient(dx, axis=1) + 1, np.gradient(dx, axis=0)
    c, d = np.gradient(dy, axis=1), np.gradient(dy, axis=0) + 1
    inner = weight > 0.5
    return float(((a * d - b * c) <= 0)[inner].mean()) if inner.any() else 0.0
