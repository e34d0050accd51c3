"""Closed tubes around chains of bones: vertices, faces, weights and an atlas of their sides."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from interleaf_body.model import PARTS
from interleaf_body.quaternions import Array
from interleaf_body.roles import ROLES

SIDES = 8  # vertices around a tube
COLUMNS = 4  # of the texture atlas, one cell per tube


@dataclass
class Mesh:
    """The mesh as it grows, tube by tube."""

    vertices: list[Array] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    faces: list[Array] = field(default_factory=list)
    uv: list[Array] = field(default_factory=list)
    face_uv: list[Array] = field(default_factory=list)
    parts: list[Array] = field(default_factory=list)

    def add(self, rings: Array, weights: Array, part: str) -> None:
        """A closed tube through ``rings`` [R, SIDES, 3] with ``weights`` [R, J] of each ring."""
        first, rows = sum(map(len, self.vertices)), len(rings)
        ends = rings[[0, -1]].mean(1)
        self.vertices += [rings.reshape(-1, 3), ends]
        self.weights += [np.repeat(weights, SIDES, 0), weights[[0, -1]]]
        faces, corners = _tube(rows)
        self.faces.append(faces + first)
        self.face_uv.append(corners + sum(map(len, self.uv)))
        self.uv.append(_cell(len(self.parts), rows))
        self.parts.append(np.full(len(faces), PARTS.index(part), np.uint8))


def _tube(rows: int) -> tuple[Array, Array]:
    """Triangles of a closed tube, and the corners of its unrolled sheet."""
    faces, corners = [], []
    low, high = rows * SIDES, rows * SIDES + 1
    sheet_low, sheet_high = rows * (SIDES + 1), rows * (SIDES + 1) + SIDES
    for s in range(SIDES):
        n = (s + 1) % SIDES
        faces.append((low, n, s))
        corners.append((sheet_low + s, s + 1, s))
        for r in range(rows - 1):
            a, b, c, d = r * SIDES + s, r * SIDES + n, (r + 1) * SIDES + n, (r + 1) * SIDES + s
            faces += [(a, b, c), (a, c, d)]
            i, k = r * (SIDES + 1) + s, (r + 1) * (SIDES + 1) + s
            corners += [(i, i + 1, k + 1), (i, k + 1, k)]
        top = (rows - 1) * SIDES
        faces.append((top + s, top + n, high))
        sheet = (rows - 1) * (SIDES + 1) + s
        corners.append((sheet, sheet + 1, sheet_high + s))
    return np.array(faces, np.int32), np.array(corners, np.int32)


def _cell(index: int, rows: int) -> Array:
    """Texture coordinates of a tube's sheet in its cell of the atlas; the end points once per side."""
    around = np.linspace(0, 1, SIDES + 1)
    grid = np.stack(np.meshgrid(around, np.linspace(0.1, 0.9, rows)), -1).reshape(-1, 2)
    middle = (around[:-1] + around[1:]) / 2
    caps = [np.stack([middle, np.full(SIDES, v)], -1) for v in (0.0, 1.0)]
    sheet = np.concatenate([grid, *caps]) * 0.94 + 0.03
    corner = np.array([index % COLUMNS, index // COLUMNS])
    return ((sheet + corner) / COLUMNS).astype(np.float32)


def rings(path: Array, radii: Array, front: tuple[float, float, float]) -> Array:
    """Ellipses [R, SIDES, 3] about the points of a path; radii [R, 2] aside and to the ``front``."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.cross(np.broadcast_to(front, along.shape), along)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    forward = np.cross(along, aside)
    angle = np.arange(SIDES) / SIDES * 2 * np.pi
    across = np.cos(angle)[None, :, None] * aside[:, None] * radii[:, :1, None]
    return (
        path[:, None]
        + across
        + np.sin(angle)[None, :, None] * forward[:, None] * radii[:, 1:, None]
    )


def limb(points: list[Array], radii: list[tuple[float, float]], names: list[str], steps: int,
          soft: float = 0.3) -> tuple[Array, Array, Array]:  # fmt: skip
    """Path, radii and weights along a chain of bones; bone i goes from point i to i + 1 with joint names[i].
    ``names`` may begin with one more joint, that of the body which the limb leaves."""
    above = names[0] if len(names) == len(points) else None
    bones = names[1:] if above else names
    path, sizes, weights = [], [], []
    for i, bone in enumerate(bones):
        last = i == len(bones) - 1
        for t in np.linspace(0, 1, steps + 1)[: None if last else -1]:
            path.append(points[i] * (1 - t) + points[i + 1] * t)
            sizes.append(np.array(radii[i]) * (1 - t) + np.array(radii[i + 1]) * t)
            row = np.zeros(len(ROLES))
            before = bones[i - 1] if i else above
            share = max(0.0, 0.5 * (1 - t / soft)) if before else 0.0
            after = max(0.0, 0.5 * (1 - (1 - t) / soft)) if not last else 0.0
            row[ROLES.index(bone)] = 1 - share - after
            if before:
                row[ROLES.index(before)] += share
            if not last:
                row[ROLES.index(bones[i + 1])] += after
            weights.append(row)
    return np.array(path), np.array(sizes), np.array(weights)


def round_ends(path: Array, sizes: Array, weights: Array) -> tuple[Array, Array, Array]:
    """The same with a small ring before each end, so that tubes end round."""
    first = (
        path[:1]
        - (path[1:2] - path[:1]) / np.linalg.norm(path[1] - path[0]) * sizes[0].mean() * 0.6
    )
    last = (
        path[-1:]
        + (path[-1:] - path[-2:-1]) / np.linalg.norm(path[-1] - path[-2]) * sizes[-1].mean() * 0.6
    )
    return (
        np.concatenate([first, path, last]),
        np.concatenate([sizes[:1] * 0.6, sizes, sizes[-1:] * 0.6]),
        np.concatenate([weights[:1], weights, weights[-1:]]),
    )
