"""A photo and the displacement of its things → frames in which nothing else changes.

A pixel differs from the photo only where a thing was (and something must be filled in) or arrives.
What is splatted is not colour but displacement: where it arrives it says from where in the photo the
colour is taken, so that things stay as sharp as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import Floats, Mask, Square
from interleaf_followclick.splatting import splat

Pixels = NDArray[np.uint8]
Splat = Callable[..., tuple[Floats, Floats]]
FILLED = 512  # longest side, in pixels, at which holes are filled
EDGE = 2  # pixels around a mask that still show its colour


@dataclass(frozen=True, slots=True)
class Moving:
    """A thing: its ``mask`` [H, W] and, in its ``square``, displacement since the first frame,
    ``path`` [T, 2, N, N] in cells."""

    mask: Mask
    square: Square
    path: Floats


@dataclass(frozen=True, slots=True)
class _Layer:
    corner: tuple[int, int]
    alpha: Floats
    where: tuple[Floats, Floats]  # grid coordinates of its pixels
    thing: Moving


def frames(
    photo: Pixels, moving: Sequence[Moving], still: Mask | None = None, carry: Splat = splat
) -> Iterator[Pixels]:
    """Frames [H, W, 3] uint8, the first being the photo; later things lie above earlier ones.

    Pixels of ``still`` never change. ``carry`` splats: compiled for the processor, or on a GPU.
    """
    yield photo.copy()
    if not moving:
        return
    holes = cv2.dilate(_union([m.mask for m in moving]), disc(EDGE)) > 0
    behind = filled(photo, holes)
    layers = [_layer(photo, m) for m in moving]
    for t in range(1, len(moving[0].path)):
        frame = _frame(photo, behind, layers, t, carry)
        if still is not None:
            frame[still] = photo[still]
        yield frame


def _union(masks: Sequence[Mask]) -> NDArray[np.uint8]:
    return np.logical_or.reduce(masks).astype(np.uint8)


def disc(radius: int) -> NDArray[np.uint8]:
    """A round structuring element."""
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8
    )


def _layer(photo: Pixels, thing: Moving) -> _Layer:
    ys, xs = np.nonzero(thing.mask)
    top, left, bottom, right = ys.min(), xs.min(), ys.max() + 1, xs.max() + 1
    part = thing.mask[top:bottom, left:right].astype(np.float32)
    soft = cv2.GaussianBlur(cv2.copyMakeBorder(part, 2, 2, 2, 2, cv2.BORDER_CONSTANT), (0, 0), 0.7)
    alpha = np.minimum(soft[2:-2, 2:-2] * 2, 1) * part  # falls off within the mask's last pixel
    m = thing.square.matrix(thing.path.shape[-1])
    back = np.linalg.inv(m[:, :2])
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    at = np.stack([columns - m[0, 2], rows - m[1, 2]], -1) @ back.T
    gx, gy = np.ascontiguousarray(np.moveaxis(at, -1, 0), np.float32)
    return _Layer((int(left), int(top)), alpha, (gx, gy), thing)


def _frame(photo: Pixels, behind: Pixels, layers: Sequence[_Layer], t: int, carry: Splat) -> Pixels:
    frame = behind.copy()
    for layer in layers:
        moved = layer.thing.square.to_pixels(layer.thing.path[t])
        full = np.stack([
            cv2.remap(plane, *layer.where, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for plane in moved
        ])  # fmt: skip
        values = np.ascontiguousarray(np.moveaxis(full, 0, -1))
        size = (photo.shape[0], photo.shape[1])
        _lay_over(frame, photo, *carry(values, layer.alpha, full, layer.corner, size))
    return frame


def _lay_over(frame: Pixels, photo: Pixels, moved: Floats, total: Floats) -> None:
    """Lay what arrives over ``frame``; ``moved`` [H, W, 2] holds weighted displacements."""
    ys, xs = np.nonzero(total > 1e-3)
    if not len(ys):
        return
    box = (slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1))
    weight = total[box]
    there = weight > 1e-3
    back = moved[box] / np.maximum(weight, 1e-3)[..., None]
    rows, columns = np.mgrid[box].astype(np.float32)
    place = (columns - back[..., 0], rows - back[..., 1])
    color = cv2.remap(photo, *place, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[there]
    a = np.minimum(weight[there], 1)[:, None]
    mixed = a * color + (1 - a) * frame[box][there]
    frame[box][there] = np.rint(mixed).astype(np.uint8)


def filled(photo: Pixels, holes: Mask) -> Pixels:
    """The photo with ``holes`` [H, W] filled from around them (Telea), everything else untouched.

    Large photos are filled at FILLED pixels; a photo that is all hole stays as it is.
    """
    if holes.all() or not holes.any():
        return photo.copy()
    height, width = holes.shape
    scale = min(1.0, FILLED / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    keep = (~holes).astype(np.float32)
    weight = cv2.resize(keep, size, interpolation=cv2.INTER_AREA)
    color = cv2.resize(photo * keep[..., None], size, interpolation=cv2.INTER_AREA)
    known = weight > 0.05
    if not known.any():
        return photo.copy()
    small = np.zeros((*weight.shape, 3), np.uint8)
    small[known] = np.clip(np.rint(color[known] / weight[known][:, None]), 0, 255)
    done = cv2.inpaint(small, (~known).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    large = cv2.resize(done, (width, height), interpolation=cv2.INTER_CUBIC)
    out = photo.copy()
    out[holes] = large[holes]
    return out
