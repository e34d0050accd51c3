"""A photo that moves with a body: no learning, an instant preview, and what a learned renderer must beat.

For every pixel of a new frame, where on the photo it comes from. On the posed body that is known: the same
point of the surface, seen in the photo. Beside it (hair, clothes, background) and where the photo did not
see the surface, offsets are filled in from around, coarse to fine, and fade to none away from the body, so
that what the mesh does not cover moves with what it touches. Only what is the person's moves (`matting`): the
background stays, and where it comes to light it is filled from around. A mouth's inside is painted.
"""

from __future__ import annotations

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)
from dataclasses import replace
from typing import Any

import numba
import numpy as np
from scipy import ndimage

from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.keypoints import as_rgb
from interleaf_body.model import PARTS
from interleaf_body.photo import FLIP
from interleaf_body.raster import Surface, maps
from interleaf_body.values import Person
from interleaf_vlogger.matting import matte

Floats = np.ndarray[Any, Any]
NEAR = 0.02  # metres by which a point may lie behind what the photo shows
COARSE = 4  # pixels of the photo to one of the field of offsets beside the body
REACH = 0.9  # heads from the body, from which on nothing moves
INSIDE = {"mouth": (58, 24, 23), "tongue": (122, 62, 60)}  # colours, before the photo's light
INSIDE_PARTS = [PARTS.index(name) for name in INSIDE]
EYE_PARTS = [PARTS.index(name) for name in ("eye.L", "eye.R")]


class Compositor:
    """Frames of one photo [H, W, 3] uint8 and the person in it."""

    def __init__(self, photo: Floats, person: Person) -> None:
        self.photo = as_rgb(photo)
        self.body = body_model(person.body).bake(person.shape)
        self.person = person
        (width, height), (fx, fy, cx, cy) = person.size, person.lens
        self.camera = Camera(width, height, fx, fy, cx, cy, np.diag(FLIP), np.zeros(3))
        still = self.body(person.rotvec, None, person.transl[None]).vertices
        rest = self.body(np.zeros_like(person.rotvec)).vertices[0]
        plain = Surface.of(self.body, rest)
        known = maps(still, plain, self.camera, ("depth", "part"))
        self.depth, self.part = known["depth"][0].copy(), known["part"][0].copy()
        seen = self.camera.seen(still[0])
        at = self.camera.project(still[0])
        self.deepest = float(max(seen[:, 2].max(), 1e-3))
        carried = np.column_stack([at / [width, height], seen[:, 2] / self.deepest])
        self.surface = replace(plain, template=carried.astype(np.float32))
        self.still = self._offsets(still)[0]
        head = np.flatnonzero((self.part == PARTS.index("head")).any(1))
        self.head = float(head[-1] - head[0] + 1) if len(head) else height / 4
        self.blur = max(1, round(self.head / 120))
        eyes = np.isin(self.part, EYE_PARTS)
        self.eyes = ndimage.binary_dilation(eyes, iterations=3 * self.blur)
        self.far = self._fade()
        share = matte(self.photo, self.part > 0, self.head)
        self.matte = share[..., None]
        self.behind = background(self.photo, share, 2 * self.blur)
        light = (
            self.photo[self.part == PARTS.index("head")].mean() if (self.part > 0).any() else 128
        )
        self.light = float(np.clip(light / 150.0, 0.3, 1.3))

    def frame(self, vertices: Floats) -> Floats:
        """The photo [H, W, 3] uint8 with the body's vertices [V, 3] where they now are."""
        offsets, sure, part = self._offsets(vertices[None])
        known = sure & ~np.isin(part, INSIDE_PARTS)
        field = self._filled(offsets - self.still * sure[..., None], known, part == 0)
        out = np.empty_like(self.photo)
        _layered(self.photo, self.matte, self.behind, field, part, out)
        self._mend(out, field, part)
        self._paint_mouth(out, part)
        return out

    def _mend(self, out: Floats, field: Floats, part: Floats) -> None:
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

    def _paint_mouth(self, out: Floats, part: Floats) -> None:
        """What a photo of a closed mouth does not show: its inside, and the tongue."""
        hole = ndimage.binary_opening(np.isin(part, INSIDE_PARTS), iterations=self.blur)
        if not hole.any():
            return
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        edge = 3 * self.blur
        box = (
            slice(max(rows[0] - edge, 0), rows[-1] + edge + 1),
            slice(max(columns[0] - edge, 0), columns[-1] + edge + 1),
        )
        colour = np.full((*hole[box].shape, 3), INSIDE["mouth"], np.float32)
        colour[part[box] == PARTS.index("tongue")] = INSIDE["tongue"]
        colour = ndimage.gaussian_filter(colour, (2 * self.blur, 2 * self.blur, 0)) * self.light
        soft = ndimage.gaussian_filter(hole[box].astype(np.float32), 0.8 * self.blur)[..., None]
        out[box] = (soft * np.clip(colour, 0, 255) + (1 - soft) * out[box]).astype(np.uint8)

    def _offsets(self, vertices: Floats) -> tuple[Floats, Floats, Floats]:
        """From each pixel to its place in the photo [H, W, 2], where the photo shows it, and the part."""
        found = maps(vertices, self.surface, self.camera, ("template", "part"))
        carried, part = found["template"][0], found["part"][0]
        height, width = part.shape
        at = carried[..., :2] * np.array([width, height], np.float32)
        x, y = (
            np.clip(at[..., i].astype(np.int64), 0, n - 1) for i, n in ((0, width), (1, height))
        )
        inside = (at >= 0).all(-1) & (at[..., 0] < width) & (at[..., 1] < height)
        shown = self.depth[y, x]
        sure = (part > 0) & inside & (shown > 0) & (carried[..., 2] * self.deepest < shown + NEAR)
        ys, xs = np.mgrid[:height, :width]
        offsets = at - np.stack([xs + 0.5, ys + 0.5], -1).astype(np.float32)
        offsets[~sure] = 0
        return offsets, sure, part.copy()

    def _fade(self) -> Floats:
        """1 near the body, 0 from `REACH` heads on, at the coarse scale."""
        away = ndimage.distance_transform_edt(~_shrunk(self.part > 0)) * COARSE
        found: Floats = np.clip(1 - away / max(REACH * self.head, 1.0), 0, 1).astype(np.float32)
        return found * found * (3 - 2 * found)

    def _filled(self, offsets: Floats, sure: Floats, beside: Floats) -> Floats:
        """Offsets [H, W, 2] for all pixels: known where sure, else from around; ``beside``: off the body."""
        height, width = sure.shape
        rows, columns = -(-height // COARSE), -(-width // COARSE)
        total = np.zeros((rows * COARSE, columns * COARSE, 3), np.float32)
        total[:height, :width, :2] = offsets * sure[..., None]
        total[:height, :width, 2] = sure
        small = total.reshape(rows, COARSE, columns, COARSE, 3).sum((1, 3))
        spread = push_pull(small[..., :2], small[..., 2]) * self.far[..., None]
        zoom = (height / rows, width / columns, 1)
        wide = ndimage.zoom(spread, zoom, order=1, grid_mode=True, mode="nearest")
        wide = wide[:height, :width]
        soft = ndimage.gaussian_filter((sure | beside).astype(np.float32), 1.0) * sure
        soft = np.clip(2 * soft - 1, 0, 1)[..., None]  # no step at the edge of what is known
        field: Floats = soft * offsets + (1 - soft) * wide
        return field


def background(photo: Floats, person: Floats, margin: int) -> Floats:
    """The photo [H, W, 3] uint8 without the person [H, W], ``margin`` pixels wider: filled from around."""
    shown = ndimage.maximum_filter(person, 2 * margin + 1) < 0.02
    filled = push_pull(photo * shown[..., None], shown.astype(np.float32))
    found: Floats = np.where(shown[..., None], photo, filled + 0.5).astype(np.uint8)
    return found


def _shrunk(mask: Floats) -> Floats:
    height, width = mask.shape
    rows, columns = -(-height // COARSE), -(-width // COARSE)
    whole = np.zeros((rows * COARSE, columns * COARSE), bool)
    whole[:height, :width] = mask
    found: Floats = np.asarray(whole.reshape(rows, COARSE, columns, COARSE).any((1, 3)))
    return found


def push_pull(total: Floats, weight: Floats) -> Floats:
    """Means of ``total`` [H, W, C] by ``weight`` [H, W], and where that is 0, of coarser surroundings."""
    if (weight > 0).all() or min(weight.shape) == 1:
        mean = total.sum((0, 1)) / max(float(weight.sum()), 1e-6)
        own: Floats = np.where(
            (weight > 0)[..., None], total / np.maximum(weight, 1e-6)[..., None], mean
        )
        return own
    height, width = weight.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    both = np.zeros((2 * rows, 2 * columns, total.shape[2] + 1), np.float32)
    both[:height, :width, :-1], both[:height, :width, -1] = total, weight
    half = both.reshape(rows, 2, columns, 2, -1).sum((1, 3))
    few = np.minimum(half[..., -1:], 1.0) / np.maximum(half[..., -1:], 1e-6)
    below = push_pull(half[..., :-1] * few, half[..., -1] * few[..., 0])
    wide = ndimage.zoom(below, (2, 2, 1), order=1, grid_mode=True, mode="nearest")
    wide = wide[:height, :width]
    sure = np.minimum(weight, 1.0)[..., None]
    found: Floats = sure * total / np.maximum(weight, 1e-6)[..., None] + (1 - sure) * wide
    return found.astype(np.float32)


@numba.njit(cache=True, nogil=True, inline="always")
def _place(x, y, field, height, width):
    """Where pixel (x, y) comes from: the corner, shares of the next column and row."""
    u = min(max(x + field[y, x, 0], 0.0), width - 1.0)
    v = min(max(y + field[y, x, 1], 0.0), height - 1.0)
    x0, y0 = int(u), int(v)
    return x0, y0, min(x0 + 1, width - 1), min(y0 + 1, height - 1), u - x0, v - y0


@numba.njit(cache=True, nogil=True, inline="always")
def _mean(plane, c, x0, y0, x1, y1, a, b):
    top = (1 - a) * plane[y0, x0, c] + a * plane[y0, x1, c]
    return (1 - b) * top + b * ((1 - a) * plane[y1, x0, c] + a * plane[y1, x1, c])


@numba.njit(cache=True, nogil=True)
def _sample(photo, field, out):
    height, width, channels = photo.shape
    for y in range(height):
        for x in range(width):
            x0, y0, x1, y1, a, b = _place(x, y, field, height, width)
            for c in range(channels):
                out[y, x, c] = np.uint8(_mean(photo, c, x0, y0, x1, y1, a, b) + 0.5)


@numba.njit(cache=True, nogil=True)
def _layered(photo, matte, behind, field, part, out):
    """The person, moved, over a background that stays; what does not move is the photo."""
    height, width, channels = photo.shape
    for y in range(height):
        for x in range(width):
            moves = min(2 * max(abs(field[y, x, 0]), abs(field[y, x, 1])), 1.0)
            x0, y0, x1, y1, a, b = _place(x, y, field, height, width)
            share = 1.0 if part[y, x] > 0 else _mean(matte, 0, x0, y0, x1, y1, a, b)
            own = 1 - moves * (1 - share)
            for c in range(channels):
                moved = _mean(photo, c, x0, y0, x1, y1, a, b)
                out[y, x, c] = np.uint8(own * moved + (1 - own) * behind[y, x, c] + 0.5)


def sampled(photo: Floats, field: Floats) -> Floats:
    """``photo`` [H, W, C] uint8 at each pixel's place plus its offset, bilinearly; no offset is the photo."""
    out = np.empty_like(photo)
    _sample(photo, field.astype(np.float32), out)
    return out
