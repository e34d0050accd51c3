"""The rasteriser's definition in plain torch, one face at a time over all pixels. For tests: it is slow.

Same rules as `raster_kernels`: vertices snapped to 1/256 pixel, exact edge functions with the top-left
rule, greater 1/z in float32 wins, the lower face on ties; faces with a vertex that is near, behind or
far aside by homogeneous edge functions in float64.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import torch
from torch import Tensor

SUB, FAR_ASIDE = 256, 1 << 25


def rasterize(points: Tensor, faces: Tensor, lens, size: tuple[int, int], near: float, cull: bool):
    """face_id [H, W], bary [H, W, 2], inv_z [H, W], skipped, of one frame: ``points`` [V, 3] float32 in the
    camera's axes, ``lens`` = (fx, fy, cx, cy)."""
    height, width = size
    face_id = torch.full(size, -1, dtype=torch.int32)
    inv_z, bary = torch.zeros(size), torch.zeros(*size, 2, dtype=torch.float64)
    pixels = _centres(height, width)
    skipped = 0
    for f, corners in enumerate(faces.tolist()):
        vertices = points[corners].double()
        if not torch.isfinite(vertices).all():
            skipped += 1
            continue
        if (vertices[:, 2] < near).all():
            continue
        if _flat(vertices):
            skipped += 1
            continue
        found = _face(vertices, lens, pixels, near, cull)
        if found is None:
            continue
        covered, z, weights = found
        wins = covered & (z > inv_z)
        face_id[wins] = f
        inv_z[wins] = z[wins]
        bary[wins] = weights[wins]
    return face_id, bary.float(), inv_z, skipped


def _centres(height: int, width: int):
    """Pixel centres as floats and in steps, each [H, W]."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (x.double() + 0.5, y.double() + 0.5, x * SUB + SUB // 2, y * SUB + SUB // 2)


def _flat(vertices: Tensor) -> bool:
    (ux, uy, uz), (vx, vy, vz) = (vertices[1:] - vertices[0]).tolist()
    return uy * vz == uz * vy and uz * vx == ux * vz and ux * vy == uy * vx


def _face(vertices, lens, pixels, near, cull):
    """Pixels covered, 1/z and weights of one face; None where it has no area or is culled."""
    fx, fy, cx, cy = lens
    x, y, z = vertices.unbind(-1)
    w = 1 / z
    sx = torch.floor((fx * x * w + cx) * SUB + 0.5)
    sy = torch.floor((fy * y * w + cy) * SUB + 0.5)
    plain = (z >= near) & (sx.abs() < FAR_ASIDE) & (sy.abs() < FAR_ASIDE)
    sx, sy = (torch.where(plain, s, 0).long() for s in (sx, sy))
    h = torch.stack([fx * x + cx * z, fy * y + cy * z, z], -1)
    if plain.all():
        return _plain(sx, sy, w, pixels, cull)
    return _homogeneous(h, sx, sy, plain, pixels, near, cull)


def _owns(dx, dy) -> bool:
    return bool(dy > 0 or (dy == 0 and dx < 0))


def _plain(sx, sy, w, pixels, cull):
    area = (sx[1] - sx[0]) * (sy[2] - sy[0]) - (sx[2] - sx[0]) * (sy[1] - sy[0])
    if area == 0 or (cull and area > 0):
        return None
    order = [0, 1, 2] if area < 0 else [0, 2, 1]
    px, py = pixels[2], pixels[3]
    edges, covered = [], torch.ones(px.shape, dtype=torch.bool)
    for i in range(3):
        a, b = order[(i + 1) % 3], order[(i + 2) % 3]
        dx, dy = sx[b] - sx[a], sy[b] - sy[a]
        e = dy * (px - sx[a]) - dx * (py - sy[a])
        covered &= (e > 0) | ((e == 0) & _owns(dx, dy))
        edges.append(e)
    k = [w[order[i]] * (1.0 / area.abs().double()) for i in range(3)]
    # 1/z by its steps from the first pixel that the triangle's box touches
    x0 = max((int(sx.min()) + SUB // 2 - 1) >> 8, 0)
    y0 = max((int(sy.min()) + SUB // 2 - 1) >> 8, 0)
    if x0 >= px.shape[1] or y0 >= px.shape[0]:
        return None
    z = _plane([e[y0, x0] for e in edges], k)
    steps = []
    for turn in ("x", "y"):
        parts = []
        for i in range(3):
            a, b = order[(i + 1) % 3], order[(i + 2) % 3]
            parts.append(((sy[b] - sy[a]) if turn == "x" else (sx[a] - sx[b])) * SUB)
        steps.append(_plane(parts, k))
    nx = torch.arange(px.shape[1], dtype=torch.float64)[None] - x0
    ny = torch.arange(px.shape[0], dtype=torch.float64)[:, None] - y0
    depth = ((z + steps[1] * ny) + steps[0] * nx).float()
    parts = [edges[order.index(i)].double() * w[i] for i in range(3)]
    whole = parts[0] + parts[1] + parts[2]
    return covered, depth, torch.stack([parts[0] / whole, parts[1] / whole], -1)


def _plane(e, k):
    return e[0].double() * k[0] + e[1].double() * k[1] + e[2].double() * k[2]


def _line(p, q):
    return (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])


def _homogeneous(h, sx, sy, plain, pixels, near, cull):
    lines = [_line(h[1], h[2]), _line(h[2], h[0]), _line(h[0], h[1])]
    det = h[0][0] * lines[0][0] + h[0][1] * lines[0][1] + h[0][2] * lines[0][2]
    if det == 0 or not torch.isfinite(det) or (cull and det > 0):
        return None
    sign = 1.0 if det > 0 else -1.0
    fx, fy, px, py = pixels
    values = [line[0] * fx + line[1] * fy + line[2] for line in lines]
    covered = torch.ones(fx.shape, dtype=torch.bool)
    for i in range(3):
        a, b = (i + 1) % 3, (i + 2) % 3
        if plain[a] and plain[b]:
            dx, dy = (sx[b] - sx[a]) * int(-sign), (sy[b] - sy[a]) * int(-sign)
            e = (dy * (px - sx[a]) - dx * (py - sy[a])).double()
            owned = _owns(dx, dy)
        else:
            e, n, m = values[i] * sign, lines[i][0] * sign, lines[i][1] * sign
            owned = bool(n > 0 or (n == 0 and m > 0))
        covered &= (e > 0) | ((e == 0) & owned)
    whole = values[0] + values[1] + values[2]
    depth = (whole / det).float()
    covered &= depth <= torch.tensor(1.0 / near, dtype=torch.float32)
    return covered, depth, torch.stack([values[0] / whole, values[1] / whole], -1)
