"""Rooms made up from a seed: walls, a door, furniture; for training, tests and trying things out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interleaf_trumans.scenes.surface import Array, Surface

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6],
                  [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip
WALL, THICK, DOOR = 2.5, 0.1, 1.0
Block = tuple[float, float, float, float, float, float]  # middle x, z, low y; width, depth, height

# Each kind: size over the floor, and its blocks about the middle: x, z, low y, width, depth, height.
KINDS: dict[str, tuple[float, float, list[Block], tuple[float, float, float]]] = {
    "table": (1.4, 0.8, [(0, 0, 0.70, 1.4, 0.8, 0.05), *((sx * 0.63, sz * 0.33, 0, 0.07, 0.07, 0.7)
              for sx in (-1, 1) for sz in (-1, 1))], (0.62, 0.45, 0.3)),
    "chair": (0.46, 0.48, [(0, 0, 0.40, 0.46, 0.46, 0.06), (0, -0.21, 0.46, 0.46, 0.05, 0.45),
              *((sx * 0.2, sz * 0.2, 0, 0.05, 0.05, 0.4) for sx in (-1, 1) for sz in (-1, 1))],
              (0.35, 0.42, 0.5)),
    "sofa": (1.9, 0.85, [(0, 0, 0.0, 1.9, 0.85, 0.42), (0, -0.34, 0.42, 1.9, 0.18, 0.4)], (0.5, 0.35, 0.35)),
    "bed": (2.0, 1.5, [(0, 0, 0.0, 2.0, 1.5, 0.5), (-0.97, 0, 0.5, 0.06, 1.5, 0.4)], (0.7, 0.66, 0.6)),
    "shelf": (1.1, 0.35, [(0, 0, 0.0, 1.1, 0.35, 1.9)], (0.55, 0.5, 0.42)),
    "box": (0.5, 0.5, [(0, 0, 0.0, 0.5, 0.5, 0.9)], (0.45, 0.55, 0.4)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """A piece of furniture: its kind, middle (x, z), yaw and size over the floor."""

    kind: str
    at: tuple[float, float]
    yaw: float
    size: tuple[float, float]


@dataclass
class _Mesh:
    vertices: list[Array] = field(default_factory=list)
    faces: list[Array] = field(default_factory=list)
    colors: list[Array] = field(default_factory=list)

    def add(
        self, block: Any, color: Any, at: tuple[float, float] = (0.0, 0.0), yaw: float = 0.0
    ) -> None:
        x, z, low, wide, deep, high = block
        points = (CUBE - [0.5, 0, 0.5]) * [wide, high, deep] + [x, low, z]
        c, s = np.cos(yaw), np.sin(yaw)
        turned = points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) + [at[0], 0, at[1]]
        self.faces.append(SIDES + 8 * len(self.vertices))
        self.vertices.append(turned)
        self.colors.append(np.tile(np.array(color, float), (8, 1)))

    def surface(self) -> Surface:
        vertices, faces = np.concatenate(self.vertices), np.concatenate(self.faces)
        return Surface(vertices, faces.astype(np.int32), np.concatenate(self.colors), "y")


def room(
    seed: int, *, furniture: int = 6, sides: tuple[float, float] = (4.0, 8.0)
) -> tuple[Surface, list[Thing]]:
    """A room of 4 to 8 metres a side with up to ``furniture`` things, always the same for a seed."""
    rng = np.random.default_rng([seed, 20240308])
    wide, deep = (float(v) for v in rng.uniform(*sides, 2))
    mesh = _Mesh()
    mesh.add((0, 0, -0.1, wide, deep, 0.1), (0.8, 0.74, 0.65))
    _walls(mesh, wide, deep, rng)
    things: list[Thing] = []
    for _ in range(20 * furniture):
        if len(things) == furniture:
            break
        thing = _drawn(rng, wide, deep)
        if _fits(thing, things, wide, deep):
            things.append(thing)
            for block in KINDS[thing.kind][2]:
                mesh.add(block, KINDS[thing.kind][3], thing.at, thing.yaw)
    return mesh.surface(), things


def boxed(boxes: list[Block], wide: float = 8.0, deep: float = 8.0) -> Surface:
    """An open floor with walls and these blocks on it."""
    mesh = _Mesh()
    mesh.add((0, 0, -0.1, wide, deep, 0.1), (0.8, 0.74, 0.65))
    _walls(mesh, wide, deep, np.random.default_rng(0))
    for block in boxes:
        mesh.add(block, (0.45, 0.55, 0.4))
    return mesh.surface()


def boxes_on(seed: int, count: int, side: float = 8.0) -> Surface:
    """An open floor with ``count`` free-standing boxes, 0.4 to 1 m wide, 1.2 m and more from walls and
    others."""
    rng = np.random.default_rng([seed, 20240309])
    found: list[Block] = []
    for _ in range(400):
        if len(found) == count:
            break
        wide, deep = (float(v) for v in rng.uniform(0.4, 1.0, 2))
        x, z = (float(v) for v in rng.uniform(-1, 1, 2) * (side / 2 - 1.7))
        gaps = [
            max(abs(x - b[0]) - (wide + b[3]) / 2, abs(z - b[1]) - (deep + b[4]) / 2) for b in found
        ]
        if min(gaps, default=9.0) > 1.2:
            found.append((x, z, 0.0, wide, deep, float(rng.uniform(0.5, 1.8))))
    return boxed(found, side, side)


def _walls(mesh: _Mesh, wide: float, deep: float, rng: np.random.Generator) -> None:
    color, hole = (0.9, 0.89, 0.86), float(rng.uniform(-0.5, 0.5)) * (wide - DOOR - 0.6)
    x, z = wide / 2 + THICK / 2, deep / 2 + THICK / 2
    mesh.add((-x, 0, 0, THICK, deep, WALL), color)
    mesh.add((x, 0, 0, THICK, deep, WALL), color)
    mesh.add((0, -z, 0, wide + 2 * THICK, THICK, WALL), color)
    left, right = hole - DOOR / 2 + wide / 2, wide / 2 - hole - DOOR / 2
    mesh.add((-wide / 2 + left / 2, z, 0, left, THICK, WALL), color)
    mesh.add((wide / 2 - right / 2, z, 0, right, THICK, WALL), color)
    mesh.add((hole, z, 2.1, DOOR, THICK, WALL - 2.1), color)


def _drawn(rng: np.random.Generator, wide: float, deep: float) -> Thing:
    kind = str(rng.choice(list(KINDS)))
    w, d = KINDS[kind][:2]
    quarter = int(rng.integers(4))
    size = (w, d) if quarter % 2 == 0 else (d, w)
    room_x, room_z = wide / 2 - size[0] / 2 - 0.03, deep / 2 - size[1] / 2 - 0.03
    x, z = (float(rng.uniform(-r, r)) if r > 0 else 0.0 for r in (room_x, room_z))
    if kind in ("sofa", "bed", "shelf"):  # these stand along a wall
        z, quarter, size = -room_z, 0, (w, d)
        if rng.random() < 0.5 and wide > 3:
            x, z, quarter, size = (
                -(wide / 2 - d / 2 - 0.03),
                float(rng.uniform(-0.4, 0.4)) * deep,
                1,
                (d, w),
            )
    return Thing(kind, (x, z), quarter * np.pi / 2, size)


def _fits(thing: Thing, others: list[Thing], wide: float, deep: float) -> bool:
    """Whether it stands in the room, and people can walk between it and the others."""
    for half, middle, size in zip((wide / 2, deep / 2), thing.at, thing.size, strict=True):
        if abs(middle) + size / 2 > half:
            return False
    for other in others:
        gaps = [
            abs(a - b) - (s + t) / 2
            for a, b, s, t in zip(thing.at, other.at, thing.size, other.size, strict=True)
        ]
        if max(gaps) < 0.75:
            return False
    return True
