"""Pictures moved over one another: sampling, filling from around, outlines without steps."""

from __future__ import annotations

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (numba infers the types of compiled functions)
from typing import Any

import cv2
import numba
import numpy as np
from scipy import ndimage

Floats = np.ndarray[Any, Any]
JUMP = 1.0  # pixels of difference between neighbours' offsets that make an outline


def background(photo: Floats, person: Floats, margin: int) -> Floats:
    """The photo [H, W, 3] uint8 without the person [H, W], ``margin`` pixels wider: filled from around."""
    shown = ndimage.maximum_filter(person, 2 * margin + 1) < 0.02
    filled = push_pull(photo * shown[..., None], shown.astype(np.float32))
    found: Floats = np.where(shown[..., None], photo, filled + 0.5).astype(np.uint8)
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
    half = both[::2] + both[1::2]
    half = half[:, ::2] + half[:, 1::2]
    few = np.minimum(half[..., -1:], 1.0) / np.maximum(half[..., -1:], 1e-6)
    below = push_pull(half[..., :-1] * few, half[..., -1] * few[..., 0])
    wide = cv2.resize(below, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
    wide = wide.reshape(2 * rows, 2 * columns, -1)[:height, :width]
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
def layered(photo, matte, behind, field, part, out):
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


@numba.njit(cache=True, nogil=True)
def soften(out, field):
    """Where neighbours come from places far apart, an outline moved over what is behind it: no steps."""
    height, width, channels = out.shape
    above, row = out[0].copy(), out[0].copy()
    for y in range(1, height - 1):
        row[:] = out[y]
        for x in range(1, width - 1):
            jump = 0.0
            for k in range(2):
                here = field[y, x, k]
                jump = max(
                    jump, abs(field[y, x + 1, k] - here), abs(field[y, x - 1, k] - here),
                    abs(field[y + 1, x, k] - here), abs(field[y - 1, x, k] - here),
                )  # fmt: skip
            if jump > JUMP:
                for c in range(channels):
                    around = int(above[x, c]) + row[x - 1, c] + row[x + 1, c] + out[y + 1, x, c]
                    out[y, x, c] = np.uint8((4 * int(row[x, c]) + around) / 8 + 0.5)
        above[:] = row


def sampled(photo: Floats, field: Floats) -> Floats:
    """``photo`` [H, W, C] uint8 at each pixel's place plus its offset, bilinearly; no offset is the photo."""
    out = np.empty_like(photo)
    _sample(photo, field.astype(np.float32), out)
    return out
