"""The rasteriser as torch operators, seen by ``torch.compile``: ``interleaf_body::rasterize`` and
``interleaf_body::interpolate``.

Gradients are of attributes: which face is seen where does not depend on vertices differentiably, and
barycentric coordinates are held fixed. ``soft_silhouette`` gives a gradient of the outline instead.
On a CPU both are compiled kernels; on a GPU rasterising is the Triton kernel.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from interleaf_body import raster as cpu
from interleaf_body import shading
from interleaf_body.camera import Camera


@torch.library.custom_op("interleaf_body::rasterize", mutates_args=())
def rasterize(points: Tensor, faces: Tensor, fx: float, fy: float, cx: float, cy: float, height: int,
              width: int, near: float, cull: bool) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """face_id [B, H, W] int32, bary [B, H, W, 2] and inv_z [B, H, W] of points [B, V, 3] in the camera's axes
    and faces [F, 3]; ``cull``: leave out faces seen from behind."""
    if points.device.type != "cpu":
        from interleaf_body.raster_triton import rasterize as on_gpu

        return on_gpu(points.float(), faces.int(), (fx, fy, cx, cy), (height, width), near, cull)
    camera = Camera(width, height, fx, fy, cx, cy, np.eye(3), np.zeros(3))
    numbers = points.detach().float().contiguous().numpy()
    out = cpu.rasterize(
        numbers, faces.int().numpy(), camera, near=near, cull="back" if cull else "none"
    )
    return torch.from_numpy(out.face_id), torch.from_numpy(out.bary), torch.from_numpy(out.inv_z)


@rasterize.register_fake
def _(points, faces, fx, fy, cx, cy, height, width, near, cull):
    size = (points.shape[0], height, width)
    return (points.new_empty(size, dtype=torch.int32), points.new_empty((*size, 2), dtype=torch.float32),
            points.new_empty(size, dtype=torch.float32))  # fmt: skip


@torch.library.custom_op("interleaf_body::interpolate", mutates_args=())
def interpolate(face_id: Tensor, bary: Tensor, corners: Tensor, values: Tensor) -> Tensor:
    """Maps [B, H, W, C] of values [B, N, C] at the corners [F, 3] of the faces seen; 0 where none is."""
    if values.device.type != "cpu":
        return _gathered(face_id, bary, corners, values)
    raster = cpu.Raster(face_id.numpy(), bary.numpy(), np.empty(0), np.empty(0))
    return torch.from_numpy(
        cpu.interpolate(raster, corners.int().numpy(), values.detach().float().numpy())
    ).to(values.dtype)


def _gathered(face_id, bary, corners, values):
    """The same by torch's own operations."""
    seen = face_id >= 0
    picked = corners.long()[face_id.clamp(min=0).long()]
    batch = torch.arange(len(values), device=values.device)[:, None, None, None]
    weights = torch.cat([bary, 1 - bary.sum(-1, keepdim=True)], -1).to(values.dtype)
    return (values[batch, picked] * weights[..., None]).sum(-2) * seen[..., None]


@interpolate.register_fake
def _(face_id, bary, corners, values):
    return values.new_empty((*face_id.shape, values.shape[2]))


@torch.library.custom_op("interleaf_body::interpolate_backward", mutates_args=())
def interpolate_backward(
    face_id: Tensor, bary: Tensor, corners: Tensor, upstream: Tensor, count: int
) -> Tensor:
    """The gradient [B, count, C] of values."""
    if upstream.device.type != "cpu":
        values = upstream.new_zeros((len(upstream), count, upstream.shape[-1]), requires_grad=True)
        with torch.enable_grad():
            out = _gathered(face_id, bary, corners, values)
        return torch.autograd.grad(out, values, upstream)[0]
    gradient = np.zeros((len(upstream), count, upstream.shape[-1]), np.float32)
    numbers = upstream.detach().float().contiguous().numpy()
    faces = corners.int().contiguous().numpy()
    for t in range(len(gradient)):
        shading.spread_back(face_id[t].numpy(), bary[t].numpy(), faces, numbers[t], gradient[t])
    return torch.from_numpy(gradient).to(upstream.dtype)


@interpolate_backward.register_fake
def _(face_id, bary, corners, upstream, count):
    return upstream.new_empty((upstream.shape[0], count, upstream.shape[-1]))


def _keep(ctx, inputs, output):
    face_id, bary, corners, values = inputs
    ctx.save_for_backward(face_id, bary, corners)
    ctx.count = values.shape[1]


def _back(ctx, upstream):
    return None, None, None, interpolate_backward(*ctx.saved_tensors, upstream, ctx.count)


interpolate.register_autograd(_back, setup_context=_keep)


def soft_silhouette(
    points: Tensor, faces: Tensor, face_id: Tensor, camera: Camera, width: float = 1.0
) -> Tensor:
    """How much each pixel [B, H, W] belongs to the body, from 1 inside to 0 outside over ``width`` pixels,
    with gradients of points [B, V, 3]: by the signed distance to the nearest edge of the outline.

    Edges of the outline are those between a face that is seen and one that looks away. For fitting, on small
    pictures: it compares pixels near the outline with every edge.
    """
    out = (face_id >= 0).to(points.dtype)
    lens = torch.tensor([camera.fx, camera.fy], dtype=points.dtype, device=points.device)
    middle = torch.tensor([camera.cx, camera.cy], dtype=points.dtype, device=points.device)
    rows = []
    for t in range(len(points)):
        pixels = points[t, :, :2] / points[t, :, 2:] * lens + middle
        edges = _outline(pixels.detach(), faces)
        inside = face_id[t] >= 0
        y, x = torch.nonzero(_near_outline(inside, int(np.ceil(3 * width)) + 1), as_tuple=True)
        spots = torch.stack([x, y], -1).to(points.dtype) + 0.5
        gap = _distance(spots, pixels[edges[:, 0]], pixels[edges[:, 1]]).amin(1)
        signed = torch.where(inside[y, x], gap, -gap)
        rows.append(out[t].index_put((y, x), torch.sigmoid(signed * (4 / width))))
    return torch.stack(rows)


def _outline(pixels: Tensor, faces: Tensor) -> Tensor:
    """Edges [E, 2] between a face that looks at the camera and one that does not, or that have one face."""
    corners = pixels[faces.long()]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    front = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) < 0
    kept = faces.long()[front]
    edges = torch.cat([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]])
    keys = edges[:, 0] * len(pixels) + edges[:, 1]
    back = edges[:, 1] * len(pixels) + edges[:, 0]
    return edges[~torch.isin(keys, back)]


def _near_outline(inside: Tensor, reach: int) -> Tensor:
    """Pixels within ``reach`` of one of the other kind."""
    plane = inside.float()[None, None]
    grown = torch.nn.functional.max_pool2d(plane, 2 * reach + 1, 1, reach)
    shrunk = -torch.nn.functional.max_pool2d(-plane, 2 * reach + 1, 1, reach)
    return (grown != shrunk)[0, 0]


def _distance(spots: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Distances [P, E] of points from segments a–b."""
    along = b - a
    t = ((spots[:, None] - a) * along).sum(-1) / (along**2).sum(-1).clamp(min=1e-12)
    nearest = a + t.clamp(0, 1)[..., None] * along
    return (spots[:, None] - nearest).norm(dim=-1)
