"""The rasteriser on a GPU, in Triton: triangles are sorted into tiles of 16×16 pixels, and one program
draws one tile, so nothing is shared and no atomics are needed. Tested in the interpreter only."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from interleaf_body.raster_setup import SUB, Triangles, prepare, weights

TILE = 16


def rasterize(points: Tensor, faces: Tensor, lens, size: tuple[int, int], near: float, cull: bool):
    """face_id [B, H, W], bary [B, H, W, 2], inv_z [B, H, W] of points [B, V, 3] and faces [F, 3]."""
    frames = [_frame(p, faces, lens, size, near, cull) for p in points]
    return tuple(torch.stack(parts) for parts in zip(*frames, strict=True))


def _frame(points, faces, lens, size, near, cull):
    triangles = prepare(points, faces, lens, size, near, cull)
    height, width = size
    across, down = -(-width // TILE), -(-height // TILE)
    face_id = torch.full(size, -1, dtype=torch.int32, device=points.device)
    inv_z = torch.zeros(size, dtype=torch.float32, device=points.device)
    listed, starts = binned(triangles, across, down)
    _draw_tile[(across * down,)](
        listed, starts, triangles.whole, triangles.real, triangles.plain.int(), face_id, inv_z, width, height,
        across, float(np.float32(1.0 / near)), TILE=TILE, SUB=SUB,
    )  # fmt: skip
    return face_id, weights(points, faces, lens, face_id), inv_z


def binned(triangles: Triangles, across: int, down: int) -> tuple[Tensor, Tensor]:
    """Faces [N] int32 tile by tile, in order, and where each tile's begin [tiles + 1]."""
    x0, x1, y0, y1 = torch.div(triangles.box, TILE, rounding_mode="floor").unbind(1)
    empty = (triangles.box[:, 1] < triangles.box[:, 0]) | (
        triangles.box[:, 3] < triangles.box[:, 2]
    )
    columns = torch.where(empty, 0, x1 - x0 + 1)
    count = columns * torch.where(empty, 0, y1 - y0 + 1)
    face = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    step = torch.arange(len(face), device=count.device) - (count.cumsum(0) - count)[face]
    tile = (
        (y0[face] + torch.div(step, columns[face], rounding_mode="floor")) * across
        + x0[face]
        + step % columns[face]
    )
    order = torch.argsort(tile, stable=True)
    tiles = torch.arange(across * down + 1, device=count.device)
    return face[order].int(), torch.searchsorted(tile[order], tiles).int()


@triton.jit
def _draw_tile(listed, starts, whole, real, plain, face_id, inv_z, width, height, across, nearest,
               TILE: tl.constexpr, SUB: tl.constexpr):  # fmt: skip
    tile = tl.program_id(0)
    lane = tl.arange(0, TILE * TILE)
    x = (tile % across) * TILE + lane % TILE
    y = (tile // across) * TILE + lane // TILE
    px, py = x.to(tl.int64) * SUB + SUB // 2, y.to(tl.int64) * SUB + SUB // 2
    cx, cy = x.to(tl.float64) + 0.5, y.to(tl.float64) + 0.5
    best = tl.zeros((TILE * TILE,), tl.float32)
    winner = tl.full((TILE * TILE,), -1, tl.int32)
    for at in range(tl.load(starts + tile), tl.load(starts + tile + 1)):
        f = tl.load(listed + at)
        row, numbers = whole + f * 18, real + f * 13
        bits = tl.load(row + 17)
        covered = px >= 0
        for i in tl.static_range(3):
            dx, dy = tl.load(row + 5 * i + 2), tl.load(row + 5 * i + 3)
            e = dy * (px - tl.load(row + 5 * i)) - dx * (py - tl.load(row + 5 * i + 1))
            owned = tl.load(row + 5 * i + 4) != 0
            exact = (e > 0) | ((e == 0) & owned)
            a, b = tl.load(numbers + 3 * i), tl.load(numbers + 3 * i + 1)
            v = a * cx + b * cy + tl.load(numbers + 3 * i + 2)
            loose = (v > 0) | ((v == 0) & owned)
            covered = covered & tl.where((bits & (1 << i)) != 0, loose, exact)
        if tl.load(plain + f) != 0:
            nx = (x - tl.load(row + 15)).to(tl.float64)
            ny = (y - tl.load(row + 16)).to(tl.float64)
            z = ((tl.load(numbers) + tl.load(numbers + 2) * ny) + tl.load(numbers + 1) * nx).to(
                tl.float32
            )
        else:
            e0 = tl.load(numbers) * cx + tl.load(numbers + 1) * cy + tl.load(numbers + 2)
            e1 = tl.load(numbers + 3) * cx + tl.load(numbers + 4) * cy + tl.load(numbers + 5)
            e2 = tl.load(numbers + 6) * cx + tl.load(numbers + 7) * cy + tl.load(numbers + 8)
            z = ((e0 + e1 + e2) / tl.load(numbers + 9)).to(tl.float32)
            covered = covered & (z <= nearest)
        wins = covered & (z > best)
        best = tl.where(wins, z, best)
        winner = tl.where(wins, f, winner)
    inside = (x < width) & (y < height)
    tl.store(face_id + y * width + x, winner, mask=inside)
    tl.store(inv_z + y * width + x, best, mask=inside)
