"""The boxes of ``occupancy`` on a GPU, the same bits: a program for a block of columns.

Products and sums are not fused (``enable_fp_fusion=False``): a fused one rounds once instead of twice, and a
point near the edge of a cell would fall into the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from interleaf_trumans.scenes.occupancy import Box, F
from interleaf_trumans.scenes.surface import Array

BLOCK = 256


@triton.jit
def _columns(cells, places, turns, across, layers, out, columns, nx, nz, ny, ox, oz, per,  # type: ignore[no-untyped-def]
             N: tl.constexpr, PAD: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    real = c < columns
    b, i, j = c // (N * N), c // N % N, c % N
    x = tl.load(across + i, mask=real, other=0.0)
    z = tl.load(across + j, mask=real, other=0.0)
    px = tl.load(places + 2 * b, mask=real, other=0.0)
    pz = tl.load(places + 2 * b + 1, mask=real, other=0.0)
    cos = tl.load(turns + 2 * b, mask=real, other=0.0)
    sin = tl.load(turns + 2 * b + 1, mask=real, other=0.0)
    wx = px + (cos * x + sin * z)
    wz = pz + (cos * z - sin * x)
    cx = tl.floor((wx - ox) * per).to(tl.int32)
    cz = tl.floor((wz - oz) * per).to(tl.int32)
    inside = real & (cx >= 0) & (cx < nx) & (cz >= 0) & (cz < nz)
    k = tl.arange(0, PAD)
    y = tl.load(layers + k, mask=k < N, other=-1)
    known = inside[:, None] & ((y >= 0) & (y < ny))[None, :]
    at = (cx * nz + cz)[:, None] * ny + y[None, :]
    found = tl.load(cells + at, mask=known, other=1)
    tl.store(out + c[:, None] * N + k[None, :], found, mask=real[:, None] & (k < N)[None, :])


def boxes(
    cells: torch.Tensor, origin: Array, voxel: float, places: Array, yaws: Array, box: Box
) -> torch.Tensor:
    """As :func:`interleaf_trumans.scenes.occupancy.boxes`: uint8 [B, n, n, n] on the device of ``cells``
    [X, Z, Y] uint8; ``places`` [B, 3] and ``yaws`` [B] are numpy's."""
    nx, nz, ny = cells.shape
    count, device = len(places), cells.device
    turns = np.stack([np.cos(yaws), np.sin(yaws)], 1).astype(F)
    layers = np.clip(box.layers(float(origin[1]), voxel), -1, ny).astype(np.int32)
    given = [
        torch.from_numpy(np.ascontiguousarray(a)).to(device)
        for a in (places[:, [0, 2]].astype(F), turns, box.across(), layers)
    ]
    out = torch.empty((count, box.n, box.n, box.n), dtype=torch.uint8, device=device)
    columns = count * box.n**2
    grid: Any = (triton.cdiv(max(columns, 1), BLOCK),)
    _columns[grid](
        cells.contiguous(), *given, out, columns, nx, nz, ny, float(F(origin[0])), float(F(origin[2])),
        float(F(1 / voxel)), box.n, triton.next_power_of_2(box.n), BLOCK, enable_fp_fusion=False,
    )  # fmt: skip
    return out
