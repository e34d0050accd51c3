"""Lids that close over eyes which the photo shows open: skin from around, and a line of lashes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from interleaf_body.model import PARTS, BakedBody
from interleaf_vlogger.layers import push_pull

Floats = np.ndarray[Any, Any]
EYE_PARTS = [PARTS.index(name) for name in ("eye.L", "eye.R")]
LASH = 0.55  # what lashes leave of the skin's light
SHARP = 16  # parts of a pixel to which lines are drawn


def edges(body: BakedBody) -> tuple[tuple[Floats, Floats], ...]:
    """For each eye, the vertices of the upper lid's edge and those of the lower lid's, along the eye."""
    t, out = body.topology, []
    skin = np.unique(t.faces[t.part_of_face == PARTS.index("head")])
    for side, name in (("Left", "eye.L"), ("Right", "eye.R")):
        action = f"eyeBlink{side}"
        if action not in t.expression_names:
            continue
        sunk = np.zeros(len(body.template))
        sunk[body.moved] = -body.basis[t.expression_names.index(action), :, 1]
        eye = np.unique(t.faces[t.part_of_face == PARTS.index(name)])
        ring = np.intersect1d(eye, skin)
        ring = ring[np.argsort(body.template[ring, 0])]
        moves = sunk[ring] > 0.5 * sunk.max(initial=1e-9)
        if moves.sum() > 2 and (~moves).sum() > 2:
            out.append((ring[moves], ring[~moves]))
    return tuple(out)


class Lids:
    """Of a photo whose ``part`` [H, W] is known; ``blur``: pixels of a soft edge."""

    def __init__(self, body: BakedBody, part: Floats, at: Floats, blur: int) -> None:
        self.blur, self.edges = blur, edges(body)
        eyes = np.isin(part, EYE_PARTS)
        self.eyes = ndimage.binary_dilation(eyes, iterations=3 * blur)
        self.open = [self._apart(at, *pair) for pair in self.edges]

    @staticmethod
    def _apart(at: Floats, upper: Floats, lower: Floats) -> float:
        return float(at[lower, 1].mean() - at[upper, 1].mean())

    def mend(self, out: Floats, field: Floats, part: Floats) -> None:
        """Skin never takes the colour of an eye: a lid that closes is filled from the skin around it."""
        head = part == PARTS.index("head")
        rows, columns = np.flatnonzero(head.any(1)), np.flatnonzero(head.any(0))
        if not len(rows) or not self.eyes.any():
            return
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        ys, xs = np.mgrid[box]
        height, width = part.shape
        x = np.clip(xs + np.rint(field[box][..., 0]).astype(int), 0, width - 1)
        y = np.clip(ys + np.rint(field[box][..., 1]).astype(int), 0, height - 1)
        now = ndimage.binary_dilation(np.isin(part[box], EYE_PARTS), iterations=self.blur)
        wrong = head[box] & self.eyes[y, x] & ~now
        if not wrong.any():
            return
        good = (head[box] & ~self.eyes[y, x]).astype(np.float32)
        fill = push_pull(out[box] * good[..., None], good)
        soft = ndimage.gaussian_filter(wrong.astype(np.float32), 0.7 * self.blur)[..., None]
        soft = np.where(now[..., None], 0, np.clip(1.5 * soft, 0, 1))
        out[box] = (soft * fill + (1 - soft) * out[box]).astype(np.uint8)

    def lashes(self, out: Floats, at: Floats) -> None:
        """A dark line where lids have come near to each other; ``at`` [V, 2]: the vertices in the frame."""
        for (upper, lower), still in zip(self.edges, self.open, strict=True):
            shut = 1 - self._apart(at, upper, lower) / max(still, 1e-6)
            strength = float(np.clip(1.6 * shut - 0.6, 0, 1))
            if strength == 0:
                continue
            line = np.rint((at[upper] - 0.5) * SHARP).astype(np.int32)
            mask = np.zeros(out.shape[:2], np.uint8)
            thick = max(1, round(0.35 * still / 4))
            cv2.polylines(mask, [line], False, 255, thick, cv2.LINE_AA, 4)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if not len(rows):
                continue
            box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            share = 1 - (1 - LASH) * strength * mask[box].astype(np.float32)[..., None] / 255
            out[box] = (out[box] * share).astype(np.uint8)
