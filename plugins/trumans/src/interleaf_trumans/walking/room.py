"""Where there is room to go, at a time: the floor with everything that moves on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from interleaf_trumans.scenes.ground import Ground
from interleaf_trumans.scenes.scene import Scene
from interleaf_trumans.scenes.surface import Array

TIGHT = 0.24  # metres of clearance that steps do not go below
AHEAD = range(0, 76, 8)  # frames from now: where things will be is where nobody goes


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A scene as it is for the next two and a half seconds: what a walker sees of it, and its floor."""

    scene: Scene
    ground: Ground
    first: int = 0

    @classmethod
    def of(cls, scene: Scene, radius: float, frame: int, before: Room | None = None) -> Room:
        """The room from a frame on; the one before where nothing has moved since."""
        last = frame + AHEAD[-1]
        if (
            before
            and before.first <= frame
            and not any(t.moves(before.first, last) for t in scene.things)
        ):
            return before
        now = scene.during([frame + f for f in AHEAD])
        return cls(now, Ground.of(now, radius), frame)

    def steps(self, place: Array, moves: Array) -> Array:
        """Steps [T, 2] without what leads nearer to obstacles than a body is wide."""
        out, at = moves.copy(), place.copy()
        for t in range(len(moves)):
            near, slope = self._clearance(at + out[t], place)
            if near < TIGHT and float(out[t] @ slope) < 0:
                size = float(slope @ slope)
                out[t] -= (float(out[t] @ slope) / size) * slope if size > 1e-9 else out[t]
            at = at + out[t]
        return out

    def _clearance(self, at: Array, place: Array) -> tuple[float, Array]:
        x, z = self.ground.cell(at)
        c = self.ground.clearance
        if not (1 <= x < c.shape[0] - 1 and 1 <= z < c.shape[1] - 1):
            return 0.0, place - at
        if c[x, z] >= TIGHT:
            return float(c[x, z]), np.zeros(2)
        return float(c[x, z]), np.array([c[x + 1, z] - c[x - 1, z], c[x, z + 1] - c[x, z - 1]])

    def path(self, place: Array, goal: Array, nearest: bool) -> Array:
        """The way from where a body is, though it be too near to something; BadScene where there is none."""
        start = place if self.ground.stands(place) else self.ground.nearest(place)
        return self.ground.path(start, goal, nearest=nearest)

    def aside(self, place: Array, still: Ground) -> Array | None:
        """The way to where nothing comes, for a body that something comes upon; ``still``: the floor without
        what moves."""
        near, _ = self._clearance(place, place)
        if near >= TIGHT or near >= still.clearance[still.cell(place)]:
            return None
        return np.stack([place, self.ground.nearest(place)])

    def open(self, path: Array) -> bool:
        """Whether a way is still free."""
        least = min(self.ground.radius, TIGHT)
        return all(self.ground.sees(a, b, least) for a, b in pairwise(path))
