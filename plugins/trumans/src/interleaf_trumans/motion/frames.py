"""A frame of walking as 72 numbers in the body's own axes, and the joints' places of such frames.

| numbers | what |
|---|---|
| 3 | step from the frame before: forward and left (m), turn (rad) |
| 1 | the root's height (m) |
| 66 | each joint's rotation vector (rad) away from its mean rotation; the root's without its yaw |
| 2 | whether the left and the right toe stand |

Everything is absolute except the step, so that nothing drifts but the place on the floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interleaf_body import quaternions as quat
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import JOINTS

SIZE = 72
STEP, HEIGHT, POSE, CONTACT = slice(0, 3), 3, slice(4, 70), slice(70, 72)
BEFORE, AFTER = 6, 24  # frames of a window: given, and made
MODES = 40  # principal components whose weights turn with the stride
TERMS = BEFORE * SIZE + 10 + 8 + 4 * MODES
REST = 0.25  # of a swing: legs that move less hardly have a phase
USED = 16  # of those made, that are walked before the next are
LANE = (0.4, 0.8, 1.2, 1.6)  # metres ahead on the way: the points that are asked for


@dataclass(frozen=True, slots=True, eq=False)
class Poses:
    """Frames of a body in its own axes: ``turns`` [T, 22, 4] local rotations (that of the root without its
    yaw), ``height`` [T] metres, ``step`` [T, 3] forward, left, turn, ``contact`` [T, 2] in 0..1."""

    turns: Array
    height: Array
    step: Array
    contact: Array

    def __len__(self) -> int:
        return len(self.height)

    def rows(self, mean: Array) -> Array:
        """The frames [T, 72] beside mean rotations [22, 4]."""
        apart = quat.to_rotvec(quat.multiply(quat.inverse(mean), self.turns))
        flat = apart.reshape(len(self), -1)
        return np.concatenate([self.step, self.height[:, None], flat, self.contact], 1)

    def part(self, which: slice) -> Poses:
        """Some of the frames."""
        return Poses(self.turns[which], self.height[which], self.step[which], self.contact[which])


def poses(rows: Array, mean: Array) -> Poses:
    """The way back."""
    apart = rows[:, POSE].reshape(len(rows), len(JOINTS), 3)
    turns = quat.multiply(mean, quat.from_rotvec(apart))
    return Poses(turns, rows[:, HEIGHT], rows[:, STEP], rows[:, CONTACT])


def mean_turns(turns: Array) -> Array:
    """Mean rotations [22, 4] of [T, 22, 4]: of the quaternions, signs aligned (Markley et al. 2007)."""
    outer = np.einsum("tja,tjb->jab", turns, turns)
    found: Array = np.linalg.eigh(outer)[1][:, :, -1]
    return np.where(found[:, :1] < 0, -found, found)


def path(step: Array, place: Array | None = None, yaw: float = 0.0) -> tuple[Array, Array]:
    """Places [T, 2] (x, z) and yaws [T] after each step [T, 3], from a place and yaw before the first."""
    yaws = yaw + np.cumsum(step[:, 2])
    s, c = np.sin(yaws), np.cos(yaws)
    moves = np.stack([step[:, 0] * s + step[:, 1] * c, step[:, 0] * c - step[:, 1] * s], 1)
    return np.cumsum(moves, 0) + (0.0 if place is None else place), yaws


def ahead(before: Any, count: int) -> Any:
    """What frames [..., 6, 72] go on to by themselves for ``count`` frames: height and pose by their last
    speed, which dies away within three frames; steps and contacts stay. Works on tensors as well."""
    last = before[..., -1:, :]
    speed = (before[..., -1:, :] - before[..., -3:-2, :]) / 2
    reach = _reach(count)
    if not isinstance(before, np.ndarray):
        reach = before.new_tensor(reach)
    return last + speed * reach


def _reach(count: int) -> Array:
    """[count, 72]: how far a speed carries; 0 for steps and contacts."""
    tau = 3.0
    out = np.zeros((count, SIZE))
    out[:, 3:70] = (tau * (1 - np.exp(-np.arange(1, count + 1) / tau)))[:, None]
    return out


def asked(lane: Array, speed: Array) -> Array:
    """What is asked [B, 9]: points of a lane [B, 4, 2] in metres, and a speed [B]."""
    return np.concatenate([lane.reshape(len(lane), -1), speed[:, None]], 1).astype(np.float32)


def gait(given: Any, plane: Any, concat: Any) -> Any:
    """Where in its stride a body is, [B, 4]: cosines and sines of the angle, and of twice it, of given frames
    [B, 432] in the ``plane`` [433, 2] in which legs swing; 0 for legs that rest. ``concat`` is numpy's or
    torch's."""
    at = given @ plane[:-1] + plane[-1]
    at = at / ((at**2).sum(1)[:, None] ** 0.5 + REST)
    c, s = at[:, :1], at[:, 1:]
    return concat([c, s, c * c - s * s, 2 * c * s], 1)


def terms(given: Any, where: Any, view: Any, plane: Any, concat: Any) -> Any:
    """What a guess is linear in, [B, 610]: given frames [B, 432], what is asked [B, 9], 1; the gait, and its
    products with the speed and with 40 principal components of the given frames (a network whose weights
    turn with the stride: Holden et al., "Phase-functioned neural networks", 2017, with a single layer)."""
    swing = gait(given, plane, concat)
    seen = given @ view[:, :MODES]
    both = (swing[:, :, None] * seen[:, None, :]).reshape(len(given), -1)
    return concat([given, where, where[:, :1] * 0 + 1, swing, swing * where[:, -1:], both], 1)
