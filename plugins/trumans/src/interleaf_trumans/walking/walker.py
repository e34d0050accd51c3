"""What a session asks of a walker, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from interleaf_trumans.scenes.surface import Array


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Frames: ``root`` [T, 3], ``turns`` [T, J, 4] local rotations; ``seam``: whether they begin anew."""

    root: Array
    turns: Array
    seam: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Steer:
    """What is wanted now: an ``action``, and for one that walks the ``path`` [N, 2] that is left,
    beginning at the place nearest to the body; ``room`` keeps steps out of obstacles; ``scene`` is
    there for walkers that look."""

    action: str
    path: Array | None = None
    speed: float = 1.25
    room: Callable[[Array, Array], Array] | None = None
    scene: Any = None

    @property
    def rest(self) -> float:
        """Metres of path that are left."""
        return 0.0 if self.path is None else length(self.path)

    def ahead(self, metres: float) -> Array:
        """The place (x, z) so many metres ahead on the path; beyond its end, straight on."""
        assert self.path is not None
        return along(self.path, metres)


def length(path: Array) -> float:
    """Metres along corner points [N, 2]."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def along(path: Array, metres: float) -> Array:
    """The place so many metres along corner points [N, 2], straight on behind the last."""
    for a, b in pairwise(path):
        size = float(np.linalg.norm(b - a))
        if metres <= size and size > 0:
            out: Array = a + (b - a) * (metres / size)
            return out
        metres -= size
    if len(path) > 1:
        last = path[-1] - path[-2]
        beyond: Array = path[-1] + last / max(float(np.linalg.norm(last)), 1e-9) * metres
        return beyond
    return np.asarray(path[-1])


class Walker(Protocol):
    """Something that moves a body: motion matching, or a network."""

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    fps: float
    horizon: int

    @property
    def actions(self) -> tuple[str, ...]: ...

    def travels(self, action: str) -> bool: ...

    def begin(self, place: Array, yaw: float) -> Any: ...

    def advance(
        self, state: Any, steer: Steer, count: int, rng: np.random.Generator
    ) -> tuple[Block, Any]: ...
