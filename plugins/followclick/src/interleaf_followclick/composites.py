"""Made-up samples: a part of one picture moves over another, so that all that is asked is exact.

Real clips show few things that move alone, and the union of what moves says where it will go. Here
the mask is what a user clicks on, the thing in the first frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import Floats
from interleaf_followclick.phrases import named
from interleaf_followclick.samples import Sample

OVER = 2  # pictures have so many times the samples' pixels a side
SPEEDS = (0.003, 0.03)  # of the side, a frame
RADII = (0.09, 0.22)  # of the side

Pixels = NDArray[np.uint8]


def composites(
    pictures: Sequence[Pixels], count: int, side: int, frames: int, seed: int = 0
) -> Iterator[Sample]:
    """``count`` samples of ``frames`` frames, ``side`` pixels a side, from square pictures of OVER times
    that; ellipses move in one of eight directions at a steady speed."""
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        thing, ground = (_turned(pictures[int(rng.integers(len(pictures)))], rng) for _ in "ab")
        yield composite(thing, ground, math.pi / 4 * (i % 8), side, frames, rng, i)


def composite(
    thing: Floats, ground: Floats, angle: float, side: int, frames: int, rng: np.random.Generator,
    number: int = 0,
) -> Sample:  # fmt: skip
    """An ellipse of ``thing`` that moves over ``ground`` at an ``angle`` in radians."""
    speed = side * float(rng.uniform(*SPEEDS))
    step = np.array([math.cos(angle), math.sin(angle)], np.float32) * np.float32(speed)
    shape = _ellipse(len(ground), rng)
    shown, covers = [], []
    for t in range(frames):
        matrix = np.concatenate([np.eye(2), OVER * t * step[:, None]], 1)
        size = ground.shape[1], ground.shape[0]
        alpha = cv2.warpAffine(shape, matrix, size)[..., None]
        moved = cv2.warpAffine(thing, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        mixed = alpha * moved + (1 - alpha) * ground
        shown.append(cv2.resize(mixed, (side, side), interpolation=cv2.INTER_AREA))
        covers.append(cv2.resize(alpha[..., 0], (side, side), interpolation=cv2.INTER_AREA) > 0.5)
    return Sample(
        frames=np.rint(np.stack(shown)).astype(np.uint8), mask=covers[0], swept=np.logical_or.reduce(covers),
        prompt=named(angle), caption=named(angle), magnitude=speed, direction=angle,
        flow=np.stack(covers[:-1])[..., None] * step, clip_id="composite", start=number,
    )  # fmt: skip


def _turned(picture: Pixels, rng: np.random.Generator) -> Floats:
    """A random square of a picture, turned and brightened at random."""
    side = len(picture)
    size = int(side * rng.uniform(0.6, 1))
    y, x = rng.integers(0, side - size + 1, 2)
    cut = np.rot90(picture[y : y + size, x : x + size], int(rng.integers(4)))
    large = cv2.resize(np.ascontiguousarray(cut), (side, side), interpolation=cv2.INTER_LINEAR)
    light = rng.uniform(0.6, 1.4) * large + rng.uniform(-30, 30, 3)
    return np.asarray(np.clip(light, 0, 255), np.float32)


def _ellipse(side: int, rng: np.random.Generator) -> Floats:
    """[side, side] in 0..1, a turned ellipse with a soft edge."""
    ys, xs = np.mgrid[:side, :side]
    x, y = side * rng.uniform(0.2, 0.8, 2)
    a, b = side * rng.uniform(*RADII, 2)
    turn = rng.uniform(0, np.pi)
    u = ((xs - x) * np.cos(turn) + (ys - y) * np.sin(turn)) / a
    v = ((ys - y) * np.cos(turn) - (xs - x) * np.sin(turn)) / b
    return np.asarray(np.clip((1 - np.hypot(u, v)) * min(a, b) + 0.5, 0, 1), np.float32)
