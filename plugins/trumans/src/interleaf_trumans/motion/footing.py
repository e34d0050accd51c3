"""Feet that stand carry the body: what was drawn is shown in agreement with them.

Where a toe stands, the root moves as the leg does, so that the toe stays; and the root is as high as it has
to be for that toe to be on the floor. Later drawings go on from what was drawn, not from what was shown, so
that corrections do not add up.
"""

from __future__ import annotations

import numpy as np

from interleaf_trumans.motion.frames import CONTACT, HEIGHT, poses
from interleaf_trumans.scenes.surface import Array
from interleaf_trumans.walking.clips import SOLE
from interleaf_trumans.walking.legs import leg_chain

STANDS = SOLE + 0.008  # metres of a toe joint that stands: what clips have on average
MOST = 0.02  # metres a frame by which feet may change a step
RISE = 0.08  # metres by which they may change the root's height


def standing(rows: Array) -> Array:
    """How surely each toe stands [T, 2], 0..1: one of the two always does, as nobody flies who walks."""
    told = rows[:, CONTACT]
    return np.asarray(np.clip(told + np.maximum(0.8 - told.max(1, keepdims=True), 0), 0, 1))


def footing(rows: Array, mean: Array, offsets: Array) -> Array:
    """By how much [T, 3] the frames' steps (forward, left) and heights change."""
    out = np.zeros((len(rows), 3))
    toes = leg_chain(poses(rows, mean).turns, offsets)[2][3]  # [T, 2, 3], relative to the root
    stands = np.clip(2 * standing(rows) - 0.5, 0, 1)
    total = stands.sum(1)
    turn = rows[1:, 2, None]
    x, z = toes[:-1, :, 0], toes[:-1, :, 2]
    left = x * np.cos(turn) - z * np.sin(turn) - toes[1:, :, 0]
    forward = x * np.sin(turn) + z * np.cos(turn) - toes[1:, :, 2]
    weight = stands[1:] / np.maximum(total[1:, None], 1e-6)
    for column, moved in ((0, forward), (1, left)):
        more = ((moved * weight).sum(1) - rows[1:, column]) * np.minimum(total[1:], 1.0)
        out[1:, column] = _smooth(np.clip(more, -MOST, MOST), 1)
    over = toes[..., 1] + rows[:, HEIGHT, None] - STANDS
    over = (over * stands).sum(1) / np.maximum(total, 1e-6)
    out[:, 2] = -_smooth(np.clip(over, -RISE, RISE), 3)
    return out


def _smooth(values: Array, wide: int) -> Array:
    padded = np.pad(values, wide, mode="edge")
    return np.convolve(padded, np.full(2 * wide + 1, 1 / (2 * wide + 1)), "valid")
