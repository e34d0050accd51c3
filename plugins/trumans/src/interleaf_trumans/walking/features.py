"""What is compared when a frame is searched: where feet are and go, and where the body goes next.

After Clavet, "Motion Matching and The Road to Next-Gen Animation" (GDC 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS, Library
from interleaf_trumans.walking.legs import leg_points

AHEAD = (8, 16, 24)  # frames from now: the path that is compared
LEAST = 0.1  # m, m/s, rad: clips that hardly differ in something are not told apart by it
WEIGHTS = {"feet": 0.75, "steps": 1.0, "hips": 1.0, "path": 1.0, "heading": 1.2}


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """``frames`` [M] of a library, their ``rows`` [M, D] and squared lengths."""

    frames: Array
    rows: Array
    lengths: Array

    def costs(self, query: Array) -> Array:
        """The squared distance [M] of every frame to what is asked."""
        asked = query.astype(np.float32)
        out: Array = self.lengths - 2 * (self.rows @ asked) + asked @ asked
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """``rows`` [N, D] weighted and scaled; ``pose`` of D's columns tell of the body, the others of the path;
    ``scale`` [D] from metres and radians to rows."""

    rows: Array
    scale: Array
    pose: int

    def query(self, frame: int, path: Array, headings: Array) -> Array:
        """The row that continues a frame along ``path`` [3, 2] (left, forward) facing ``headings`` [3]."""
        wanted = (
            np.concatenate([path.ravel(), np.sin(headings), np.cos(headings)])
            * self.scale[self.pose :]
        )
        return np.concatenate([self.rows[frame, : self.pose], wanted])

    def among(self, chosen: Array) -> Choice:
        """Some of the frames [N], to be searched."""
        frames = np.flatnonzero(chosen)
        rows = np.ascontiguousarray(self.rows[frames])
        return Choice(frames, rows, np.einsum("nd,nd->n", rows, rows))


def features(library: Library) -> Features:
    """The table of a library's frames."""
    legs = leg_points(library.turns, library.offsets)
    feet = legs.reshape(len(library), -1)  # ankles and toes, relative to the root
    steps = np.zeros_like(feet)
    steps[1:] = np.diff(feet, axis=0) * FPS
    first = np.flatnonzero(np.r_[True, np.diff(library.clip) != 0])
    steps[first] = steps[np.minimum(first + 1, len(steps) - 1)]
    hips = library.step * FPS
    hips[first] = hips[np.minimum(first + 1, len(hips) - 1)]
    path, heading = _futures(library)
    blocks = {"feet": feet, "steps": steps, "hips": hips, "path": path,
              "heading": np.concatenate([np.sin(heading), np.cos(heading)], 1)}  # fmt: skip
    scale = np.concatenate([
        np.full(b.shape[1], WEIGHTS[k] / max(float(b.std(0).mean()), LEAST) / np.sqrt(b.shape[1]))
        for k, b in blocks.items()
    ])  # fmt: skip
    rows = np.concatenate(list(blocks.values()), 1) * scale
    pose = feet.shape[1] * 2 + 3
    return Features(np.ascontiguousarray(rows, np.float32), scale, pose)


def _futures(library: Library) -> tuple[Array, Array]:
    """Places [N, 3·2] (left, forward) and turns [N, 3] of the frames ahead, in the frame's own axes; beyond a
    clip's end it goes on as it ended."""
    count = len(library)
    yaw = np.zeros(count)
    place = np.zeros((count, 2))
    now_yaw, now = 0.0, np.zeros(2)
    for i in range(count):
        forward, left, turn = library.step[i]
        now_yaw += turn
        s, c = np.sin(now_yaw), np.cos(now_yaw)
        now = now + np.array([forward * s + left * c, forward * c - left * s])
        yaw[i], place[i] = now_yaw, now
    at = np.arange(count)
    places, turns = [], []
    for ahead in AHEAD:
        inside = np.minimum(ahead, library.left)
        beyond = (ahead - inside)[:, None]
        to = at + inside
        back = np.where(
            library.clip[np.maximum(to - 8, 0)] == library.clip, np.maximum(to - 8, 0), to
        )
        span = np.maximum(to - back, 1)[:, None]
        moved = place[to] + (place[to] - place[back]) / span * beyond - place
        s, c = np.sin(yaw), np.cos(yaw)
        places.append(
            np.stack([moved[:, 0] * c - moved[:, 1] * s, moved[:, 0] * s + moved[:, 1] * c], 1)
        )
        turns.append(yaw[to] - yaw)
    return np.concatenate(places, 1), np.stack(turns, 1)
