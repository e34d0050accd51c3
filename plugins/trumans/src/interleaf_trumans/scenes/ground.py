"""The floor as a map: where a body of some radius can walk, and the way from one place to another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numba import njit

from interleaf_trumans.scenes.scene import HEAD, LOW, Scene
from interleaf_trumans.scenes.surface import Array, BadScene

RADIUS = 0.32  # of a walking body, metres
CAREFUL = 0.6  # from walls up to here, a step costs more
DIAGONAL = float(np.sqrt(2))


@dataclass(frozen=True, eq=False)
class Ground:
    """``free`` [X, Z]: floor with nothing between shin and head above it; ``clearance`` [X, Z] metres
    to where it is not free."""

    free: Array
    clearance: Array
    origin: Array
    voxel: float
    radius: float

    @classmethod
    def of(cls, scene: Scene, radius: float = RADIUS) -> Ground:
        """The floor map of a scene; BadScene where nobody could stand."""
        from scipy import ndimage

        heights = scene.origin[1] + (np.arange(scene.cells.shape[2]) + 0.5) * scene.voxel
        blocked = scene.cells[:, :, (heights >= LOW) & (heights <= HEAD)].any(2)
        floor = scene.cells[:, :, np.abs(heights) <= 0.1 + scene.voxel / 2].any(2)
        wide = max(round(0.2 / scene.voxel), 1)
        floor = ndimage.binary_closing(np.pad(floor, wide), iterations=wide)[wide:-wide, wide:-wide]
        free = floor & ~blocked
        padded = np.pad(free, 1)
        clearance = (ndimage.distance_transform_edt(padded)[1:-1, 1:-1] - 0.5) * scene.voxel
        made = cls(free, np.maximum(clearance, 0.0), scene.origin, scene.voxel, radius)
        if not made.walkable.any():
            raise BadScene(
                f"{scene.name}: nowhere is there room for a body of {radius:g} m radius on the floor",
                "is the scale right, is the floor there? See: interleaf trumans scene FILE",
            )
        return made

    def bare(self) -> Ground:
        """The same floor with nothing on it and no walls: no map at all."""
        free = np.ones_like(self.free)
        return Ground(free, np.full(free.shape, np.inf), self.origin, self.voxel, self.radius)

    @cached_property
    def walkable(self) -> Array:
        """[X, Z]: where the body's middle can be."""
        out: Array = self.clearance >= self.radius
        return out

    @cached_property
    def areas(self) -> Array:
        """[X, Z]: the number of the connected area of each walkable cell, 0 elsewhere; 1 is the largest."""
        from scipy import ndimage

        labels, count = ndimage.label(self.walkable, structure=np.ones((3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        rank = np.zeros(count + 1, int)
        rank[np.argsort(-sizes, kind="stable") + 1] = np.arange(1, count + 1)
        out: Array = rank[labels]
        return out

    def area(self) -> float:
        """Walkable square metres."""
        return float(self.walkable.sum()) * self.voxel**2

    def cell(self, at: Array) -> tuple[int, int]:
        """The cell of a place (x, z)."""
        x, z = np.floor((np.asarray(at, float) - self.origin[[0, 2]]) / self.voxel)
        return int(x), int(z)

    def place(self, cell: Any) -> Array:
        """The middle (x, z) of a cell, or of cells [N, 2]."""
        out: Array = (np.asarray(cell) + 0.5) * self.voxel + self.origin[[0, 2]]
        return out

    def stands(self, at: Array) -> bool:
        """Whether a body's middle can be at a place."""
        x, z = self.cell(at)
        inside = 0 <= x < self.walkable.shape[0] and 0 <= z < self.walkable.shape[1]
        return bool(inside and self.walkable[x, z])

    def nearest(self, at: Array, area: int = 0) -> Array:
        """The nearest place where a body can be, in one connected area or (0) any."""
        cells = np.argwhere(self.areas == area if area else self.walkable)
        places = self.place(cells)
        found: Array = places[np.argmin(((places - np.asarray(at)) ** 2).sum(1))]
        return found

    def checked(self, at: Array, what: str, *, nearest: bool = False, area: int = 0) -> Array:
        """A place where a body can be; BadScene names the nearest one, which ``nearest`` takes instead."""
        at = np.asarray(at, float)
        if at.shape != (2,) or not np.isfinite(at).all():
            raise BadScene(f"{what} {at.tolist()} is no place", "two numbers: x and z in metres")
        x, z = self.cell(at)
        if self.stands(at) and area in (0, int(self.areas[x, z])):
            return at
        found = self.nearest(at, area)
        if nearest:
            return found
        why = "cannot be reached" if self.stands(at) else self._why(x, z)
        raise BadScene(
            f"{what} ({at[0]:.2f}, {at[1]:.2f}) {why}",
            f"the nearest place that can be is ({found[0]:.2f}, {found[1]:.2f}); --nearest takes it",
        )

    def _why(self, x: int, z: int) -> str:
        if not (0 <= x < self.free.shape[0] and 0 <= z < self.free.shape[1]):
            return "lies outside of the scene"
        if not self.free[x, z]:
            return "lies inside of a wall, of furniture, or where there is no floor"
        return f"is {self.clearance[x, z]:.2f} m from an obstacle, a body needs {self.radius:g} m"

    def path(self, start: Array, goal: Array, *, nearest: bool = False) -> Array:
        """Corner points [N, 2] from ``start`` to ``goal``, at least a body's radius from everything."""
        start = self.checked(start, "the start", nearest=nearest)
        area = int(self.areas[self.cell(start)])
        goal = self.checked(goal, "the goal", nearest=nearest, area=area)
        first, last = self.cell(start), self.cell(goal)
        chain = astar(self.walkable, self.clearance.astype(np.float32), self.radius, *first, *last)
        places = self.place(chain[::-1])
        places[0], places[-1] = start, goal
        return self._pulled(places)

    def _pulled(self, places: Array) -> Array:
        """The path with every corner left out that is not needed, never nearer to obstacles than it was."""
        room = self._clear(places)
        kept, i = [0], 0
        while i < len(places) - 1:
            far = i + 1
            step = 1
            while i + step < len(places):
                j = i + step
                if self.sees(places[i], places[j], float(room[i : j + 1].min())):
                    far = j
                    step = step * 2 if step < 16 else step + 8
                elif step > 16:
                    step += 8
                    if step > 64:
                        break
                else:
                    break
            if far < len(places) - 1 and self.sees(places[i], places[-1], float(room[i:].min())):
                far = len(places) - 1
            kept.append(far)
            i = far
        out: Array = places[kept]
        return out

    def _clear(self, places: Array) -> Array:
        cells = np.floor((places - self.origin[[0, 2]]) / self.voxel).astype(int)
        top = np.array(self.clearance.shape) - 1
        cells = np.clip(cells, 0, top)
        out: Array = self.clearance[cells[:, 0], cells[:, 1]]
        return out

    def sees(self, a: Array, b: Array, least: float) -> bool:
        """Whether a straight line keeps ``least`` metres from everything (``CAREFUL`` at most)."""
        count = max(int(np.ceil(np.linalg.norm(b - a) / (self.voxel / 2))), 1)
        line = a + (b - a) * np.linspace(0, 1, count + 1)[:, None]
        return bool((self._clear(line) >= min(least, CAREFUL) - 1e-9).all())


def astar(
    walkable: Array, clearance: Array, radius: float, sx: int, sz: int, gx: int, gz: int
) -> Array:
    """Cells [N, 2] from the goal back to the start, eight neighbours, no corner cut; empty when there is no
    way. A step near obstacles costs up to three times its length."""
    size = max(CAREFUL - radius, 1e-6)
    weight = 1.0 + 2.0 * np.clip((CAREFUL - clearance) / size, 0, 1).astype(np.float32)
    return _astar(np.ascontiguousarray(walkable), weight, sx, sz, gx, gz)


@njit(cache=True, nogil=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def _astar(walkable: Any, weight: Any, sx: int, sz: int, gx: int, gz: int) -> Any:
    nx, nz = walkable.shape
    cost = np.full(nx * nz, np.inf)
    before = np.full(nx * nz, -1, np.int64)
    done = np.zeros(nx * nz, np.bool_)
    start, goal = sx * nz + sz, gx * nz + gz
    cost[start] = 0.0
    heap = [(0.0, start)]
    while len(heap) > 0:
        _, here = heappop(heap)
        if done[here]:
            continue
        done[here] = True
        if here == goal:
            break
        x, z = here // nz, here % nz
        for dx in range(-1, 2):
            for dz in range(-1, 2):
                u, v = x + dx, z + dz
                if (dx == 0 and dz == 0) or u < 0 or v < 0 or u >= nx or v >= nz:
                    continue
                if not walkable[u, v] or not walkable[x, v] or not walkable[u, z]:
                    continue
                there = u * nz + v
                length = 1.4142135623730951 if dx != 0 and dz != 0 else 1.0
                new = cost[here] + length * weight[u, v]
                if new < cost[there]:
                    cost[there] = new
                    before[there] = here
                    ax, az = abs(u - gx), abs(v - gz)
                    rest = max(ax, az) + 0.41421356237309515 * min(ax, az)
                    heappush(heap, (new + rest, there))
    count, at = 1, goal
    while before[at] >= 0:
        at = before[at]
        count += 1
    out = np.empty((count, 2), np.int64)
    at = goal
    for i in range(count):
        out[i, 0], out[i, 1] = at // nz, at % nz
        at = before[at]
    return out
