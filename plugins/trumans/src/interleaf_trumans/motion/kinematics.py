"""Places of joints from frames of 72 numbers, in torch, for the losses.

Rotations are quaternions kept as four tensors [joints of a level, frames]: many small matrices cost three
times as much.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interleaf_trumans.motion.frames import HEIGHT, POSE
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import PARENTS

Turn = tuple[Tensor, Tensor, Tensor, Tensor]  # w, x, y, z
Place = tuple[Tensor, Tensor, Tensor]


class Body(nn.Module):
    """A skeleton: ``offsets`` [22, 3] metres and ``mean`` rotations [22, 4]."""

    mean: Tensor
    offsets: Tensor

    def __init__(self, offsets: Array, mean: Array) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("offsets", torch.from_numpy(offsets).float())
        self.levels = _levels()

    def forward(self, rows: Tensor) -> Tensor:
        """Places [B, T, 22, 3] of frames [B, T, 72], in the axes of the frame before the first."""
        b, t, _ = rows.shape
        yaw = rows[..., 2].cumsum(1)
        s, c = yaw.sin(), yaw.cos()
        x = (rows[..., 0] * s + rows[..., 1] * c).cumsum(1)
        z = (rows[..., 0] * c - rows[..., 1] * s).cumsum(1)
        apart = rows[..., POSE].reshape(b * t, -1, 3).permute(2, 1, 0).contiguous()
        turns = _multiply(tuple(self.mean.T[..., None]), _exponential(apart))
        zero = torch.zeros_like(s).view(1, -1)
        spin = ((yaw / 2).cos().view(1, -1), zero, (yaw / 2).sin().view(1, -1), zero)
        world = _multiply(spin, tuple(q[:1] for q in turns))
        head: Place = (x.view(1, -1), rows[..., HEIGHT].reshape(1, -1), z.view(1, -1))
        order, found = [0], [head]
        for joints, parents in self.levels:
            above = tuple(q[parents] for q in world)
            at = _rotated(above, tuple(self.offsets[joints].T[..., None]))
            head = tuple(h[parents] + a for h, a in zip(head, at, strict=True))
            world = _multiply(above, tuple(q[joints] for q in turns))
            order += joints
            found.append(head)
        places = torch.stack([torch.cat([h[k] for h in found]) for k in range(3)], -1)
        back = torch.tensor(order).argsort()
        return places[back].transpose(0, 1).reshape(b, t, len(PARENTS), 3)


def _multiply(a: Turn, b: Turn) -> Turn:
    """``b`` first, then ``a``."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def _rotated(q: Turn, v: Place) -> Place:
    w, x, y, z = q
    a, b, c = v
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx


def _exponential(v: Tensor) -> Turn:
    """Quaternions of rotation vectors [3, ...]."""
    angle = (v.square().sum(0) + 1e-12).sqrt()
    share = (angle / 2).sin() / angle
    return (angle / 2).cos(), v[0] * share, v[1] * share, v[2] * share


def _levels() -> list[tuple[list[int], list[int]]]:
    """Joints by how far they are from the root, and where among those before their parents are."""
    depth = {0: 0}
    for j, p in enumerate(PARENTS[1:], 1):
        depth[j] = depth[p] + 1
    found, before = [], [0]
    for d in range(1, max(depth.values()) + 1):
        joints = [j for j in depth if depth[j] == d]
        found.append((joints, [before.index(PARENTS[j]) for j in joints]))
        before = joints
    return found
