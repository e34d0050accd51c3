"""What is seen between lips that open: the photo's own teeth, or painted ones where it shows none, and dark.

All of it keeps to the skull: the upper teeth stay where they are while the lower lip goes down.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from interleaf_body.camera import Camera
from interleaf_body.model import PARTS
from interleaf_vlogger.smile import Mouth

Floats = np.ndarray[Any, Any]
DARK, DEEPER = np.array([58, 24, 23.0]), np.array([24, 10, 10.0])  # before the photo's light
TONGUE = np.array([122, 62, 60.0])
TEETH = np.array([205, 190, 172.0])
SHOWN = 0.16  # of half the mouth's width: how far upper teeth reach below where the lips meet
ROW = 0.72  # of half the mouth's width: where their row ends
PARTS_INSIDE = [PARTS.index(name) for name in ("mouth", "tongue")]
AROUND = 2.5  # half mouths around the middle: the part of the photo that is held


class Inside:
    """Of one photo [H, W, 3] uint8 and its mouth; ``light``: its brightness over that of the paint.

    ``skull``: vertices that keep to it, of those that the photo has ``still`` [V, 3]; ``depth`` of the teeth
    from the camera in metres.
    """

    def __init__(
        self, photo: Floats, mouth: Mouth, light: float, camera: Camera, skull: Floats, still: Floats,
        depth: float, blur: int,
    ) -> None:  # fmt: skip
        self.skull, self.blur, self.light, self.camera = skull, blur, light, camera
        self.still = still[skull].astype(float)
        across = np.array([-mouth.along[1], mouth.along[0]])
        self.corners = np.array([mouth.middle, mouth.middle + mouth.along, mouth.middle + across])
        rays = (self.corners - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
        seen = np.column_stack([rays, np.ones(3)]) * depth
        self.plane = (
            seen - camera.translation
        ) @ camera.rotation  # where the teeth stand, in the world
        reach = AROUND * mouth.size
        height, width = photo.shape[:2]
        low = np.clip(np.floor(mouth.middle - reach), 0, [width - 1, height - 1]).astype(int)
        high = np.clip(np.ceil(mouth.middle + reach) + 1, low + 1, [width, height]).astype(int)
        self.corner = low
        own = photo[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        ys, xs = np.mgrid[low[1] : high[1], low[0] : high[0]]
        u, v = mouth.own(np.stack([xs + 0.5, ys + 0.5], -1))
        self.own, self.layer = own, self._layer(own, mouth, u, v)

    def _layer(self, own: Floats, mouth: Mouth, u: Floats, v: Floats) -> Floats:
        cell = 1 / mouth.size  # a pixel, in half mouths
        upper, lower = mouth.at(mouth.upper, u), mouth.at(mouth.lower, u)
        deep = np.clip((v - lower) / 0.5, 0, 1)[..., None]
        layer = (DARK + (DEEPER - DARK) * deep) * self.light
        if mouth.opened:
            share = _soft((v - upper) / cell + 2) * _soft((lower - v) / cell + 0.5)
            share = share * (np.abs(u) < 1)
            layer += share[..., None] * (own - layer)
        else:
            end = mouth.at(mouth.lower, u) + SHOWN * np.sqrt(np.clip(1 - (u / ROW) ** 2, 0, 1))
            shade = np.clip(1.05 - 0.75 * np.abs(u / ROW) ** 1.5, 0, 1)[..., None]
            share = _soft((end - v) / cell) * (np.abs(u) < ROW)
            layer += share[..., None] * (TEETH * self.light * shade - layer)
        found: Floats = np.clip(layer, 0, 255).astype(np.float32)
        return found

    def paint(self, out: Floats, field: Floats, part: Floats, vertices: Floats) -> None:
        """Into a frame ``out`` whose parts are ``part`` [H, W] and whose pixels come from ``field`` [H, W, 2]
        beside them; ``vertices`` [V, 3]: where the body now is."""
        hole = np.isin(part, PARTS_INSIDE)
        hole = ndimage.binary_opening(hole, iterations=self.blur)
        if not hole.any():
            return
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        edge = 3 * self.blur
        top, left = max(rows[0] - edge, 0), max(columns[0] - edge, 0)
        box = slice(top, rows[-1] + edge + 1), slice(left, columns[-1] + edge + 1)
        moved = self._moved(vertices)
        ys, xs = np.mgrid[box][:, : out.shape[0] - top, : out.shape[1] - left]
        here = np.stack([xs + 0.5, ys + 0.5], -1)
        there = here @ moved[:2] + moved[2]
        rim = ndimage.binary_dilation(hole[box], iterations=2) & ~hole[box]
        apart = np.abs(field[box] - (there - here))[rim].max(
            initial=0
        )  # lips that move off the skull
        places = (there - 0.5 - self.corner).astype(np.float32)
        colour, shown = (
            cv2.remap(p, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for p in (self.layer, self.own)
        )  # fmt: skip
        tongue = ndimage.gaussian_filter(
            (part[box] == PARTS_INSIDE[1]).astype(np.float32), 1.5 * self.blur
        )
        dark = colour.mean(-1) < 0.6 * TEETH.mean() * self.light
        tongue = (tongue * dark)[..., None]
        colour += 0.6 * tongue * (TONGUE * self.light - colour)
        colour = shown + min(apart / 2, 1.0) * (colour - shown)
        soft = ndimage.gaussian_filter(hole[box].astype(np.float32), 0.6 * self.blur)[..., None]
        out[box] = np.rint(soft * np.clip(colour, 0, 255) + (1 - soft) * out[box]).astype(np.uint8)

    def _moved(self, vertices: Floats) -> Floats:
        """From pixels of the frame to the photo's [3, 2], affine: the skull turns as a whole (Kabsch)."""
        now = vertices[self.skull].astype(float)
        middle, other = self.still.mean(0), now.mean(0)
        u, _, v = np.linalg.svd((self.still - middle).T @ (now - other))
        turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v
        seen = self.camera.project((self.plane - middle) @ turn + other)
        found: Floats = np.linalg.solve(np.column_stack([seen, np.ones(3)]), self.corners)
        return found


def _soft(pixels: Floats) -> Floats:
    """0 a pixel outside of an edge, 1 a pixel inside."""
    found: Floats = np.clip(0.5 + pixels / 2, 0, 1)
    return found
