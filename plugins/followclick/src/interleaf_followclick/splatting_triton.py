"""Forward splatting on a GPU: the same sums as ``splatting``, a program for a block of source pixels."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from interleaf_followclick.splatting import SUB

BLOCK = 128


@triton.jit
def _carry(values, weight, moved, out, total, rows, columns, height, width, left, top,  # type: ignore[no-untyped-def]
           CHANNELS: tl.constexpr, SUB: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    real = p < rows * columns
    i, j = p // columns, p % columns
    w = tl.load(weight + p, mask=real, other=0.0)
    plane = rows * columns
    right = i * columns + tl.minimum(j + 1, columns - 1)
    below = tl.minimum(i + 1, rows - 1) * columns + j
    dx = tl.load(moved + p, mask=real, other=0.0)
    dy = tl.load(moved + plane + p, mask=real, other=0.0)
    ax = tl.load(moved + right, mask=real, other=0.0) - dx
    ay = tl.load(moved + plane + right, mask=real, other=0.0) - dy
    bx = tl.load(moved + below, mask=real, other=0.0) - dx
    by = tl.load(moved + plane + below, mask=real, other=0.0) - dy
    for a in tl.static_range(SUB):
        for b in tl.static_range(SUB):
            u = (b + 0.5) / SUB - 0.5
            v = (a + 0.5) / SUB - 0.5
            x = left + j + dx + u * (1.0 + ax) + v * bx
            y = top + i + dy + u * ay + v * (1.0 + by)
            x0 = tl.floor(x)
            y0 = tl.floor(y)
            for k in tl.static_range(4):
                qx = x0.to(tl.int32) + k % 2
                qy = y0.to(tl.int32) + k // 2
                gx = (x - x0) if k % 2 == 1 else 1.0 - (x - x0)
                gy = (y - y0) if k // 2 == 1 else 1.0 - (y - y0)
                g = w * gx * gy
                ok = real & (w > 0.0) & (qx >= 0) & (qx < width) & (qy >= 0) & (qy < height)
                q = qy * width + qx
                tl.atomic_add(total + q, g, mask=ok)
                for c in tl.static_range(CHANNELS):
                    value = tl.load(values + p * CHANNELS + c, mask=real, other=0.0)
                    tl.atomic_add(out + q * CHANNELS + c, g * value, mask=ok)


def on(device: str) -> Any:
    """:func:`interleaf_followclick.splatting.splat` of numpy arrays, computed on ``device``."""

    def carry(values: Any, weight: Any, moved: Any, corner: Any, size: Any) -> Any:
        v, w, m = (torch.from_numpy(a).to(device) for a in (values, weight, moved))
        return tuple(t.cpu().numpy() for t in splat(v, w, m, corner, size))

    return carry


def splat(
    values: torch.Tensor, weight: torch.Tensor, moved: torch.Tensor, corner: tuple[int, int],
    size: tuple[int, int],
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """As :func:`interleaf_followclick.splatting.splat`, on tensors of one device (float32).

    Sums are made in no fixed order: the last bits differ between runs.
    """
    (rows, columns), (height, width), channels = weight.shape, size, values.shape[-1]
    out = values.new_zeros(height, width, channels)
    total = values.new_zeros(height, width)
    grid: Any = (triton.cdiv(rows * columns, BLOCK),)
    _carry[grid](
        values.contiguous(), (weight / SUB**2).contiguous(), moved.contiguous(), out, total,
        rows, columns, height, width, float(corner[0]), float(corner[1]), channels, SUB, BLOCK,
    )  # fmt: skip
    return out, total
