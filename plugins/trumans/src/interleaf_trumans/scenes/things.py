"""Things that move: trees of rigid parts (a door in its frame, a drawer in a desk), and where they are when.

A part's place in its parent's axes is a turn about an axis, or a slide along it, by a value that changes; the
whole stands at a place with a yaw. Thirty frames a second; before the first and after the last a thing stands
still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from interleaf_trumans.scenes import voxels
from interleaf_trumans.scenes.distances import Distances
from interleaf_trumans.scenes.surface import Array

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
FINE = 0.02  # metres of the cells in which a part's own distances are kept
AROUND = 0.3  # metres about a part up to which they are known


@dataclass(frozen=True, eq=False)
class Part:
    """``vertices`` [V, 3] and ``faces`` [F, 3] in the part's own axes, whose middle is at ``at`` [3] in the
    ``parent``'s (its number, −1: the thing's). ``moves``: "" (fixed), "turn" or "slide", about or along
    ``axis``; ``color`` from 0 to 1."""

    name: str
    parent: int
    vertices: Array
    faces: Array
    at: Array
    moves: str = ""
    axis: str = "y"
    color: tuple[float, float, float] = (0.6, 0.5, 0.4)

    @cached_property
    def distances(self) -> Distances:
        """Signed distances to the part in its own axes."""
        room = round(AROUND / FINE)
        origin, shape, size = voxels.extent(self.vertices, FINE)
        shape = (shape[0] + 2 * room, shape[1] + 2 * room, shape[2] + 2 * room)
        origin = origin - room * size
        cells = voxels.voxelised(self.vertices, self.faces, origin, shape, size)
        return Distances.of(voxels.solid(cells, size), origin, size)

    def local(self, values: Array) -> Array:
        """Its matrices [T, 4, 4] in the parent's axes for values [T] (radians or metres)."""
        out = np.tile(np.eye(4), (len(values), 1, 1))
        axis = np.array(AXES[self.axis])
        out[:, :3, 3] = self.at
        if self.moves == "slide":
            out[:, :3, 3] += values[:, None] * axis
        elif self.moves == "turn":
            out[:, :3, :3] = turned(axis, values)
        return out


@dataclass(frozen=True, eq=False)
class Thing:
    """``parts``: parents before their children. ``place`` [T, 3] and ``yaw`` [T] of the whole, ``values``
    [T, P] of its parts."""

    name: str
    parts: tuple[Part, ...]
    place: Array
    yaw: Array
    values: Array
    _kept: dict[int, Array] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def poses(self) -> Array:
        """Matrices [T, P, 4, 4] from the parts' own axes to the scene's."""
        whole = np.tile(np.eye(4), (len(self), 1, 1))
        whole[:, :3, :3], whole[:, :3, 3] = turned(np.array(AXES["y"]), self.yaw), self.place
        out = np.empty((len(self), len(self.parts), 4, 4))
        for j, part in enumerate(self.parts):
            over = whole if part.parent < 0 else out[:, part.parent]
            out[:, j] = over @ part.local(self.values[:, j])
        return out

    def frame(self, frame: int) -> int:
        """The frame of its own that holds at a frame."""
        return int(np.clip(frame, 0, len(self) - 1))

    def moves(self, first: int, last: int) -> bool:
        """Whether it moves between two frames."""
        a, b = self.frame(first), self.frame(last)
        return bool(np.abs(self.poses[a : b + 1] - self.poses[a]).max() > 1e-6)

    def surface(self, frame: int) -> tuple[Array, Array, Array]:
        """Vertices [V, 3], triangles [F, 3] and colours [V, 3] at a frame, in the scene's axes."""
        poses = self.poses[self.frame(frame)]
        vertices = [
            p.vertices @ m[:3, :3].T + m[:3, 3] for p, m in zip(self.parts, poses, strict=True)
        ]
        starts = np.cumsum([0, *(len(v) for v in vertices[:-1])])
        faces = [p.faces + s for p, s in zip(self.parts, starts, strict=True)]
        colors = [np.tile(np.array(p.color), (len(p.vertices), 1)) for p in self.parts]
        return np.concatenate(vertices), np.concatenate(faces), np.concatenate(colors)

    def depth(self, points: Array, frame: int) -> Array:
        """How deep points [N, 3] are in it at a frame, metres; 0 outside."""
        out = np.zeros(len(points))
        for part, pose in zip(self.parts, self.poses[self.frame(frame)], strict=True):
            own = (points - pose[:3, 3]) @ pose[:3, :3]
            near = ((own > part.vertices.min(0)) & (own < part.vertices.max(0))).all(1)
            if near.any():
                out[near] = np.maximum(out[near], -part.distances.at(own[near]))
        return out

    def mark(self, cells: Array, origin: Array, voxel: float, frame: int) -> None:
        """Fill the cells uint8 [X, Z, Y] that it is in at a frame; hollows of closed parts too."""
        for part, pose in zip(self.parts, self.poses[self.frame(frame)], strict=True):
            vertices = part.vertices @ pose[:3, :3].T + pose[:3, 3]
            low = np.floor((vertices.min(0) - origin) / voxel).astype(int)[[0, 2, 1]] - 1
            high = np.ceil((vertices.max(0) - origin) / voxel).astype(int)[[0, 2, 1]] + 2
            corner = origin + low[[0, 2, 1]] * voxel
            x, z, y = (int(n) for n in high - low)
            own = voxels.solid(
                voxels.voxelised(vertices, part.faces, corner, (x, z, y), voxel), voxel
            )
            first, last = np.maximum(low, 0), np.minimum(high, cells.shape)
            if (first < last).all():
                inside = tuple(slice(a, b) for a, b in zip(first - low, last - low, strict=True))
                there = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
                cells[there] |= own[inside]


def filled(
    cells: Array, origin: Array, voxel: float, things: Sequence[Thing], frames: Sequence[int]
) -> Array:
    """Cells [X, Z, Y] with all things in them, wherever they are in any of some frames."""
    out = cells.copy()
    for thing in things:
        for frame in dict.fromkeys(thing.frame(f) for f in frames):
            thing.mark(out, origin, voxel, frame)
    return out


def turned(axis: Array, angles: Array) -> Array:
    """Rotation matrices [T, 3, 3] about an axis by angles [T] (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    s, c = np.sin(angles)[:, None, None], 1 - np.cos(angles)[:, None, None]
    return np.asarray(np.eye(3) + s * cross + c * (cross @ cross))
