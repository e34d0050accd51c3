"""Windows of copies as training samples, with what is asked and what stands around, drawn anew each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch

from interleaf_trumans.motion.frames import (
    AFTER,
    BEFORE,
    LANE,
    SIZE,
    asked,
    mean_turns,
)
from interleaf_trumans.motion.material import SPACING, Copy
from interleaf_trumans.motion.seeing import drawn
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import FPS

CLUTTER = 4  # boxes beside the way, at most
WAY = np.arange(-10, 80, 5)  # frames from now whose places stay clear
BLIND = 0.15  # of windows, in which nothing is seen: what seeing changes is told by the difference
ERROR = 0.08  # of given frames, in standard deviations
SHRUNK = (0.7, 1.1)  # the share that is left of given poses' distance from the mean pose


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """All frames of all copies: ``rows`` [N, 72], ``place`` [N, 2], ``yaw`` [N], ``lane`` [N, 4, 2] points
    asked for in the body's axes, ``way`` [N, 18, 2] places around now in the body's axes, ``speed`` [N] m/s,
    ``box`` [N, 5] in the body's axes (size 0: none); ``starts`` [M]: last given frames of windows; ``stand``
    and ``launch`` [6, 72]: a body that stands, and one that walks."""

    rows: Array
    lane: Array
    way: Array
    speed: Array
    box: Array
    starts: Array
    mean: Array
    stand: Array
    launch: Array

    @property
    def scale(self) -> tuple[Array, Array]:
        """Mean and standard deviation [72] of frames."""
        least = np.full(SIZE, 0.02)
        least[:3] = 0.002
        return self.rows.mean(0), np.maximum(self.rows.std(0), least)


def table(copies: Sequence[Copy]) -> Table:
    """The frames of copies."""
    mean = mean_turns(np.concatenate([c.poses.turns for c in copies]))
    parts: dict[str, list[Array]] = {
        k: [] for k in ("rows", "lane", "way", "speed", "box", "starts")
    }
    count, calmest, stand = 0, np.inf, np.zeros((BEFORE, SIZE))
    for copy in copies:
        n = len(copy.poses)
        rows = copy.poses.rows(mean)
        fast = np.hypot(rows[:, 0], rows[:, 1]) * FPS
        starts = np.arange(BEFORE, n - AFTER)
        resting = starts[fast[starts] < 0.3]
        parts["rows"].append(rows)
        parts["starts"].append(count + np.r_[starts, np.repeat(resting, 2)])
        parts["speed"].append(_cruise(fast))
        for key, values in _around(copy).items():
            parts[key].append(values)
        if fast[1 : BEFORE + 1].mean() < calmest:
            calmest, stand = float(fast[1 : BEFORE + 1].mean()), rows[1 : BEFORE + 1]
        count += n
    joined = {k: np.concatenate(v) for k, v in parts.items()}
    wide = {k: v.astype(np.float32) for k, v in joined.items() if k != "starts"}
    launch = _launch(joined["rows"], joined["starts"])
    return Table(**wide, starts=joined["starts"], mean=mean, stand=stand, launch=launch)


def _launch(rows: Array, starts: Array) -> Array:
    """Frames [6, 72] of a walk at its usual speed as its left foot has come to stand."""
    fast = np.hypot(rows[:, 0], rows[:, 1]) * FPS
    left = rows[:, 70] > 0.5
    lands = [i for i in np.unique(starts) if left[i] and not left[i - 1] and left[i + 3]]
    usual = float(np.median(fast[starts]))
    best = min(lands or starts, key=lambda i: abs(float(fast[i - 5 : i + 1].mean()) - usual))
    return np.asarray(rows[best + 1 - BEFORE : best + 1])


def _cruise(fast: Array) -> Array:
    """The speed [T] that each frame comes to within 1.5 s."""
    padded = np.r_[fast, np.full(45, fast[-8:].mean())]
    view = np.lib.stride_tricks.sliding_window_view(padded, 45)[: len(fast)]
    return np.asarray(np.percentile(view, 70, axis=1))


def _around(copy: Copy) -> dict[str, Array]:
    """Lane, way and box in the axes of each frame."""
    n = len(copy.poses)
    ask = copy.at[:, None] + np.round(np.array(LANE) / SPACING).astype(int)
    lane = copy.lane[np.minimum(ask, len(copy.lane) - 1)]
    frames = np.arange(n)[:, None] + WAY
    way = copy.place[np.clip(frames, 0, n - 1)]
    if copy.box is None:  # behind the clip's end it goes on along the lane
        speed = float(np.linalg.norm(np.diff(copy.place[-10:], axis=0), axis=1).mean())
        more = np.maximum(frames - n + 1, 0) * speed / SPACING
        beyond = copy.lane[np.minimum((copy.at[-1] + more).astype(int), len(copy.lane) - 1)]
        way = np.where((frames >= n)[..., None], beyond, way)
    box = np.zeros((n, 5))
    if copy.box is not None:
        box[:] = copy.box
        box[:, :2] = _local(copy, np.broadcast_to(copy.box[:2], (n, 1, 2)))[:, 0]
        box[:, 2] = copy.box[2] - copy.yaw
    return {"lane": _local(copy, lane), "way": _local(copy, way), "box": box}


def _local(copy: Copy, points: Array) -> Array:
    """Points [T, K, 2] in the axes (left, forward) of each frame."""
    off = points - copy.place[:, None]
    c, s = np.cos(copy.yaw)[:, None], np.sin(copy.yaw)[:, None]
    x, z = off[..., 0], off[..., 1]
    return np.stack([x * c - z * s, x * s + z * c], -1)


class Windows:
    """A `Source` of the training plugin: batches are a pure function of their place in the training."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table, self.seed = table, seed
        self.middle, self.scale = (v.astype(np.float32) for v in table.scale)

    def batch(self, first: int, stop: int) -> dict[str, torch.Tensor]:
        """Windows ``first`` to ``stop``."""
        rng = np.random.default_rng([self.seed, first])
        t, n = self.table, stop - first
        at = t.starts[rng.integers(len(t.starts), size=n)]
        where = asked(t.lane[at] + self._astray(rng, n), t.speed[at] + rng.normal(0, 0.05, n))
        rects, lows, highs = self._boxes(rng, at)
        found = {
            "before": t.rows[at[:, None] + np.arange(1 - BEFORE, 1)],
            "after": t.rows[at[:, None] + np.arange(1, AFTER + 1)],
            "off": self._errors(rng, at), "where": where, "cells": drawn(rects, lows, highs),
        }  # fmt: skip
        return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in found.items()}

    def _astray(self, rng: np.random.Generator, n: int) -> Array:
        """How far lanes are not quite where bodies go [n, 4, 2]."""
        return rng.normal(0, 0.04, (n, 1, 2)) + rng.normal(0, 0.02, (n, len(LANE), 2))

    def _errors(self, rng: np.random.Generator, at: Array) -> Array:
        """How given frames differ from real ones [n, 2, 72]: each number a little, and all of the pose nearer
        to the mean pose, or farther, as poses that a network has drawn are."""
        n = len(at)
        size = ERROR * rng.uniform(0, 2, (n, 1, 1)).astype(np.float32)
        off = rng.standard_normal((n, 2, SIZE), np.float32) * size * self.scale
        off[:, 1] *= 0.15
        off[:, :, :3] *= 0.7
        off[:, :, 70:] *= 0.3
        less = rng.uniform(*SHRUNK, (n, 1)).astype(np.float32) - 1
        rows = self.table.rows
        off[:, 0, 4:70] += less * (rows[at] - self.middle)[:, 4:70]
        off[:, 1, 4:70] += less * (rows[at] - rows[at - 1])[:, 4:70]
        return off

    def _boxes(self, rng: np.random.Generator, at: Array) -> tuple[Array, Array, Array]:
        """The box that is gone around, and others beside the way, in the bodies' axes."""
        n, t = len(at), self.table
        way = t.way[at]
        k = rng.integers(0, way.shape[1], (n, CLUTTER))
        base = np.take_along_axis(way, k[..., None].repeat(2, 2), 1)
        half = rng.uniform(0.08, 0.6, (n, CLUTTER, 2))
        wall = rng.random((n, CLUTTER)) < 0.3
        half[..., 1] = np.where(wall, rng.uniform(0.6, 2.5, wall.shape), half[..., 1])
        yaw = rng.uniform(-np.pi, np.pi, (n, CLUTTER))
        angle = rng.uniform(-np.pi, np.pi, (n, CLUTTER))
        far = half[..., 0] + rng.uniform(0.25, 1.2, (n, CLUTTER))
        middle = base + far[..., None] * np.stack([np.sin(angle), np.cos(angle)], -1)
        own = t.box[at][:, None]
        rects = np.concatenate([np.concatenate([middle, yaw[..., None], half], -1), own], 1)
        c, s = np.cos(yaw)[..., None], np.sin(yaw)[..., None]
        off = way[:, None] - middle[:, :, None]
        qx = np.abs(off[..., 0] * c - off[..., 1] * s) - half[..., 0, None]
        qz = np.abs(off[..., 0] * s + off[..., 1] * c) - half[..., 1, None]
        clear = np.hypot(np.maximum(qx, 0), np.maximum(qz, 0)) + np.minimum(np.maximum(qx, qz), 0)
        keep = clear.min(-1) > rng.uniform(0.26, 0.5, (n, CLUTTER))
        keep &= rng.random((n, 1)) < 0.8
        rects[:, :CLUTTER, 3:] *= keep[..., None]
        rects[..., 3:] *= rng.random((n, 1, 1)) >= BLIND
        highs = rng.uniform(0.3, 2.2, (n, CLUTTER + 1))
        lows = np.where(
            rng.random(highs.shape) < 0.15, highs - rng.uniform(0.05, 0.3, highs.shape), 0.0
        )
        return rects.astype(np.float32), np.maximum(lows, 0), highs

    def fingerprint(self) -> str:
        """Of all rows and the seed."""
        total = blake2b(str(self.seed).encode(), digest_size=16)
        for values in (self.table.rows, self.table.lane, self.table.box, self.table.starts):
            total.update(np.ascontiguousarray(values).tobytes())
        return total.hexdigest()
