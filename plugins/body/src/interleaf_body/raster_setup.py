"""Everything about triangles that does not depend on the pixel, in torch, for the Triton kernel.

The numbers are those of `raster_kernels`, made in the same order, so that both draw the same bits.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SUB, FAR_ASIDE = 256, 1 << 25


@dataclass(frozen=True, slots=True, eq=False)
class Triangles:
    """``whole`` [F, 18] int64: for each edge its start x, y, its dx, dy, and whether it owns centres on it;
    then the box's first column and row, and which edges go by ``real`` (bits). ``real`` [F, 13] float64:
    1/z at the box's first pixel and its steps (a plain triangle), or the three lines and det. ``box`` [F, 4]:
    first and last column and row; empty where nothing is drawn."""

    whole: Tensor
    real: Tensor
    box: Tensor
    plain: Tensor


def prepare(
    points: Tensor, faces: Tensor, lens, size: tuple[int, int], near: float, cull: bool
) -> Triangles:
    """Of one frame: points [V, 3] in the camera's axes, faces [F, 3]."""
    fx, fy, cx, cy = lens
    x, y, z = points.double().unbind(-1)
    w = 1.0 / z
    sx = torch.floor((fx * x * w + cx) * SUB + 0.5)
    sy = torch.floor((fy * y * w + cy) * SUB + 0.5)
    snapped = (z >= near) & (sx.abs() < FAR_ASIDE) & (sy.abs() < FAR_ASIDE)
    sx, sy = (torch.where(snapped, s, torch.zeros_like(s)).long() for s in (sx, sy))
    h = torch.stack([fx * x + cx * z, fy * y + cy * z, z], -1)
    corners = faces.long()
    plain = snapped[corners].all(1)
    px, py, pw, ok = sx[corners], sy[corners], w[corners], snapped[corners]
    area = (px[:, 1] - px[:, 0]) * (py[:, 2] - py[:, 0]) - (px[:, 2] - px[:, 0]) * (
        py[:, 1] - py[:, 0]
    )
    lines = _lines(h[corners])
    first = h[corners][:, 0] * lines[:, 0]
    det = first[:, 0] + first[:, 1] + first[:, 2]
    turned = torch.where(plain, area > 0, det > 0)
    finite = torch.isfinite(points[corners]).all(-1).all(-1)
    some = (z[corners] >= near).any(1)
    drawn = finite & some & torch.where(plain, area != 0, (det != 0) & torch.isfinite(det))
    drawn &= ~turned if cull else torch.ones_like(drawn)
    box = torch.where(plain[:, None], _plain_box(px, py, size), _near_box(h[corners], near, size))
    box = torch.where(drawn[:, None], box, torch.tensor([0, -1, 0, -1], device=box.device))
    # edge i runs from corner i + 1 to corner i + 2; a triangle seen from behind is turned round
    start, stop = [1, 2, 0], [2, 0, 1]
    flip = turned[:, None]
    ax, bx = (
        torch.where(flip, px[:, stop], px[:, start]),
        torch.where(flip, px[:, start], px[:, stop]),
    )
    ay, by = (
        torch.where(flip, py[:, stop], py[:, start]),
        torch.where(flip, py[:, start], py[:, stop]),
    )
    dx, dy = bx - ax, by - ay
    exact = ok[:, start] & ok[:, stop]
    lines_out = torch.where(turned[:, None, None], lines, -lines)
    n, m = lines_out[..., 0], lines_out[..., 1]
    owned = torch.where(exact, (dy > 0) | ((dy == 0) & (dx < 0)), (n > 0) | ((n == 0) & (m > 0)))
    bits = ((~exact).long() * torch.tensor([1, 2, 4], device=box.device)).sum(1)
    whole = torch.cat([torch.stack([ax, ay, dx, dy, owned.long()], -1).flatten(1), box[:, 0, None],
                       box[:, 2, None], bits[:, None]], 1)  # fmt: skip
    planes = _planes(ax, ay, dx, dy, pw, area, turned, box)
    det_signed = torch.where(turned, det, -det)
    slow = torch.cat([lines_out.flatten(1), det_signed[:, None], torch.zeros_like(planes)], 1)
    fast = torch.cat([planes, torch.zeros_like(slow[:, :10])], 1)
    return Triangles(whole, torch.where(plain[:, None], fast, slow), box, plain)


def _lines(h: Tensor) -> Tensor:
    """The edge functions [F, 3, 3] of homogeneous corners [F, 3, 3]."""
    p, q = h[:, [1, 2, 0]], h[:, [2, 0, 1]]
    (px, py, pz), (qx, qy, qz) = p.unbind(-1), q.unbind(-1)
    return torch.stack([py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx], -1)


def _planes(ax, ay, dx, dy, w, area, turned, box):
    """1/z at the first pixel of the box, its step a column, its step a row [F, 3]."""
    px, py = box[:, 0, None] * SUB + SUB // 2, box[:, 2, None] * SUB + SUB // 2
    e = dy * (px - ax) - dx * (py - ay)
    k = w * (1.0 / area.abs().double())[:, None]
    # summed in the order of the turned triangle's corners, as the kernel does
    orders = torch.tensor([[0, 1, 2], [0, 2, 1]], device=e.device)
    order = orders[turned.long()]
    e, k, dx, dy = (v.gather(1, order) for v in (e, k, dx, dy))

    def total(v):
        v = v.double() * k
        return v[:, 0] + v[:, 1] + v[:, 2]

    return torch.stack([total(e), total(dy * SUB), total(-dx * SUB)], -1)


def _plain_box(px, py, size):
    height, width = size
    low = torch.stack([px.amin(1), py.amin(1)], 1) + (SUB // 2 - 1)
    high = torch.stack([px.amax(1), py.amax(1)], 1) - SUB // 2
    low = torch.div(low, SUB, rounding_mode="floor").clamp(min=0)
    high = torch.div(high, SUB, rounding_mode="floor")
    high = torch.minimum(high, torch.tensor([width - 1, height - 1], device=high.device))
    return torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1)


def _near_box(h, near, size):
    """The box of what lies beyond the near plane, a pixel wider."""
    height, width = size
    p, q = h, h[:, [1, 2, 0]]
    t = (near - p[..., 2]) / (q[..., 2] - p[..., 2])
    cut = (p[..., :2] + t[..., None] * (q[..., :2] - p[..., :2])) / near
    crossing, beyond = (
        ((p[..., 2] < near) != (q[..., 2] < near))[..., None],
        (p[..., 2] >= near)[..., None],
    )
    spots = torch.cat([p[..., :2] / p[..., 2:], cut], 1)
    valid = torch.cat([beyond, crossing], 1)
    big = float(1 << 40)
    low = torch.floor(torch.where(valid, spots, big).amin(1)) - 1
    high = torch.ceil(torch.where(valid, spots, -big).amax(1)) + 1
    limit = torch.tensor([width - 1.0, height - 1.0], device=h.device, dtype=h.dtype)
    low, high = low.clamp(min=0).minimum(limit + 1), high.minimum(limit).clamp(min=-1)
    low, high = torch.nan_to_num(low).long(), torch.nan_to_num(high).long()
    return torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1)


def weights(points: Tensor, faces: Tensor, lens, face_id: Tensor) -> Tensor:
    """Perspective-correct weights [H, W, 2] of the first two corners of the faces seen."""
    fx, fy, cx, cy = lens
    height, width = face_id.shape
    h = points.double() * torch.tensor([fx, fy, 1.0], device=points.device, dtype=torch.float64)
    h[:, 0] += cx * points[:, 2].double()
    h[:, 1] += cy * points[:, 2].double()
    snapped = torch.floor(h[:, :2] / h[:, 2:] * SUB + 0.5) / SUB * h[:, 2:]
    fits = (h[:, 2] > 0) & (h[:, :2] / h[:, 2:]).abs().lt(FAR_ASIDE / SUB).all(1)
    corners = faces.long()[face_id.clamp(min=0).long()]
    both = torch.cat([snapped, h[:, 2:]], 1)
    use = fits[corners].all(-1)[..., None, None]
    picked = torch.where(use, both[corners], h[corners])
    y = torch.arange(height, device=points.device)[:, None].expand(height, width)
    x = torch.arange(width, device=points.device)[None].expand(height, width)
    centre = torch.stack(
        [x.double() + 0.5, y.double() + 0.5, torch.ones_like(x, dtype=torch.float64)], -1
    )
    e = (_lines(picked.flatten(0, 1)).view(height, width, 3, 3) * centre[:, :, None]).sum(-1)
    out = (e / e.sum(-1, keepdim=True))[..., :2]
    return torch.where(face_id[..., None] >= 0, out, 0.0).float()
