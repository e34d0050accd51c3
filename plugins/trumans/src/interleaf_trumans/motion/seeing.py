"""What the learned walker sees of a scene: four layers of cells around and ahead of the body."""

from __future__ import annotations

from typing import Any

import numpy as np

from interleaf_trumans.scenes.occupancy import Box, boxes
from interleaf_trumans.scenes.scene import LOW
from interleaf_trumans.scenes.surface import Array

CELLS, LAYERS = 32, 4
HALF, FORWARD, TALL = (
    1.28,
    0.9,
    1.86,
)  # metres: half the width, the middle ahead of the body, the height
BOX = Box(CELLS, HALF, TALL)
BOTTOMS = np.linspace(0, TALL, CELLS)[:: CELLS // LAYERS]  # heights at which layers begin


def seen(scene: Any, place: Array, yaw: float) -> Array:
    """Layers uint8 [4, 32 (x), 32 (z)] in a body's axes (left, forward); empty without a scene.

    A cell of a layer is full where any of its eight heights is inside of an obstacle; what is lower than
    15 cm is none, and what lies outside of the scene is full.
    """
    if scene is None:
        return np.zeros((LAYERS, CELLS, CELLS), np.uint8)
    middle = place + FORWARD * np.array([np.sin(yaw), np.cos(yaw)])
    at = np.array([[middle[0], 0.0, middle[1]]])
    found = boxes(scene.cells, scene.origin, scene.voxel, at, np.array([yaw]), BOX)[0]
    found[..., : int(np.searchsorted(np.linspace(0, TALL, CELLS), LOW))] = 0
    return np.moveaxis(found.reshape(CELLS, CELLS, LAYERS, -1).max(-1), -1, 0)


def free(cells: Array, points: Array) -> bool:
    """Whether nothing is in the cells [4, 32, 32] at points [K, 2] (left, forward)."""
    at = np.round((points - [0.0, FORWARD] + HALF) * (CELLS - 1) / (2 * HALF)).astype(int)
    at = at[((at >= 0) & (at < CELLS)).all(1)]
    return not cells[:, at[:, 0], at[:, 1]].any()


def drawn(rects: Array, lows: Array, highs: Array) -> Array:
    """Layers uint8 [B, 4, 32, 32] of boxes ``rects`` [B, R, 5] (x, z, yaw, half width, half depth) in the
    bodies' axes that reach from ``lows`` to ``highs`` [B, R] metres; those of no size are not there."""
    across = np.linspace(-HALF, HALF, CELLS).astype(np.float32)
    x = across[None, None, :, None] - rects[:, :, 0, None, None]
    z = across[None, None, None, :] + np.float32(FORWARD) - rects[:, :, 1, None, None]
    c, s = np.cos(rects[:, :, 2, None, None]), np.sin(rects[:, :, 2, None, None])
    inside = (np.abs(x * c - z * s) <= rects[:, :, 3, None, None]) & (
        np.abs(x * s + z * c) <= rects[:, :, 4, None, None]
    )
    tops = np.r_[BOTTOMS[1:], TALL]
    layer = (lows[..., None] < tops) & (highs[..., None] > BOTTOMS) & (rects[..., 3:4] > 0)
    return np.einsum("brl,brxz->blxz", layer.astype(np.float32), inside.astype(np.float32)) > 0
