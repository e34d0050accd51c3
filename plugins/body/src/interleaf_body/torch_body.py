"""The baked body in torch, differentiable in pose, expressions and position.

Kinematics are torch operations, one level of the skeleton at a time. Skinning of float32 on a CPU is
the compiled kernel with a backward of its own; elsewhere it is a product with the dense weights.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from interleaf.errors import InvalidInput
from interleaf_body.skinning import Sparse, compiled, skin

if TYPE_CHECKING:
    from interleaf_body.model import BakedBody


def pose(
    body: BakedBody, rotvec: Tensor, expr: Tensor | None, transl: Tensor | None
) -> tuple[Any, Any]:
    """Vertices [T, V, 3] and joint frames [T, J, 4, 4]."""
    topology, like = body.topology, {"dtype": rotvec.dtype, "device": rotvec.device}
    t, e = len(rotvec), len(topology.expression_names)
    expr = torch.zeros((t, e), **like) if expr is None else expr
    transl = torch.zeros((t, 3), **like) if transl is None else transl
    shapes = {"rotvec": (t, len(body.heads), 3), "expr": (t, e), "transl": (t, 3)}
    for (name, shape), given in zip(shapes.items(), (rotvec, expr, transl), strict=True):
        if tuple(given.shape) != shape:
            raise InvalidInput(f"{name} is {shape}, got {tuple(given.shape)}")
    turns, places = chain(
        rotations(rotvec), transl, topology.parents, torch.as_tensor(body.offsets, **like)
    )
    bind = torch.as_tensor(body.bind, **like)
    moves = torch.cat([turns @ bind[..., :3], turns @ bind[..., 3:] + places[..., None]], -1)
    shaped = torch.as_tensor(body.template, **like).expand(t, -1, -1)
    if len(body.moved):
        deltas = torch.einsum("te,ekc->tkc", expr, torch.as_tensor(body.basis, **like))
        shaped = shaped.index_add(
            1, torch.as_tensor(body.moved, device=rotvec.device).long(), deltas
        )
    frames = torch.cat([turns, places[..., None]], -1)
    last = torch.tensor([0.0, 0, 0, 1], **like).expand(*frames.shape[:2], 1, 4)
    return skinned(shaped, moves, topology.weights), torch.cat([frames, last], -2)


def rotations(rotvec: Tensor) -> Tensor:
    """Rodrigues' matrices [..., 3, 3]; differentiable at 0."""
    square = (rotvec**2).sum(-1)[..., None, None]
    safe = torch.where(square > 1e-12, square, torch.ones_like(square))
    angle = safe.sqrt()
    a = torch.where(square > 1e-12, angle.sin() / angle, 1 - square / 6)
    b = torch.where(square > 1e-12, (1 - angle.cos()) / safe, 0.5 - square / 24)
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.eye(3, dtype=rotvec.dtype, device=rotvec.device) + a * k + b * (k @ k)


def chain(
    turns: Tensor, transl: Tensor, parents: tuple[int, ...], offsets: Tensor
) -> tuple[Tensor, Tensor]:
    """Rotations [T, J, 3, 3] and positions [T, J, 3] in the world from local rotations."""
    world: list[Tensor] = []
    places: list[Tensor] = []
    for j, p in enumerate(parents):
        if p < 0:
            world.append(turns[:, j])
            places.append(transl)
        else:
            world.append(world[p] @ turns[:, j])
            places.append(places[p] + world[p] @ offsets[j])
    return torch.stack(world, 1), torch.stack(places, 1)


def skinned(shaped: Tensor, moves: Tensor, weights: Sparse) -> Tensor:
    """Linear blend skinning: ``shaped`` [T, V, 3], ``moves`` [T, J, 3, 4]."""
    if shaped.device.type == "cpu" and shaped.dtype in (torch.float32, torch.float64):
        return Skin.apply(shaped, moves, weights)
    dense = torch.as_tensor(weights.dense(moves.shape[1]), dtype=shaped.dtype, device=shaped.device)
    blended = torch.einsum("vj,tjrc->tvrc", dense, moves)
    return (blended[..., :3] @ shaped[..., None])[..., 0] + blended[..., 3]


class Skin(torch.autograd.Function):
    """The compiled kernel and its gradients."""

    @staticmethod
    def forward(ctx, shaped, moves, weights):
        """Vertices [T, V, 3]."""
        ctx.save_for_backward(shaped, moves)
        ctx.weights = weights
        out = np.empty(shaped.shape, shaped.detach().numpy().dtype)
        kind = out.dtype
        for t, (points, rows) in enumerate(_frames(shaped, moves)):
            skin(points, rows, weights.starts, weights.joints, weights.weights.astype(kind), out[t])
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, gradient):
        """Of unposed vertices and of the joints' transforms."""
        shaped, moves = ctx.saved_tensors
        w, upstream = ctx.weights, gradient.contiguous().numpy()
        d_shaped, d_moves = (
            np.empty_like(upstream),
            np.zeros((*moves.shape[:2], 12), upstream.dtype),
        )
        for t, (points, rows) in enumerate(_frames(shaped, moves)):
            skin_backward(points, rows, w.starts, w.joints, w.weights.astype(upstream.dtype), upstream[t],
                          d_shaped[t], d_moves[t])  # fmt: skip
        return torch.from_numpy(d_shaped), torch.from_numpy(d_moves).view(moves.shape), None


def _frames(shaped: Tensor, moves: Tensor):
    points = shaped.detach().contiguous().numpy()
    rows = moves.detach().contiguous().view(*moves.shape[:2], 12).numpy()
    return zip(points, rows, strict=True)


@compiled
def skin_backward(shaped, moves, starts, joints, weights, upstream, d_shaped, d_moves):
    """Adds to d_moves [J, 12], fills d_shaped [V, 3]."""
    for v in range(len(shaped)):
        x, y, z = shaped[v, 0], shaped[v, 1], shaped[v, 2]
        gx = gy = gz = x * 0
        for k in range(starts[v], starts[v + 1]):
            j, w = joints[k], weights[k]
            m, d = moves[j], d_moves[j]
            for r in range(3):
                u = w * upstream[v, r]
                gx += u * m[4 * r]
                gy += u * m[4 * r + 1]
                gz += u * m[4 * r + 2]
                d[4 * r] += u * x
                d[4 * r + 1] += u * y
                d[4 * r + 2] += u * z
                d[4 * r + 3] += u
        d_shaped[v, 0], d_shaped[v, 1], d_shaped[v, 2] = gx, gy, gz
