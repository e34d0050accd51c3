"""Region by region: phrase and strength → path of the thing → frames of the whole photo.

Two stages, as in Motion-I2V (arXiv 2401.15977): a coarse path of the thing, drawn or computed, then
a warp of the full photo. The first frame is the photo; what no thing leaves or reaches stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from interleaf_followclick.canonical import GRID, Floats, Mask, Square
from interleaf_followclick.fields import path_of, unfolded
from interleaf_followclick.phrases import Movement, understood
from interleaf_followclick.rendering import Moving, Pixels, Splat, frames
from interleaf_followclick.splatting import splat
from interleaf_followclick.windows import PICTURE

SMALLEST = 0.1  # of its size, to which a thing that goes away may shrink


@dataclass(frozen=True, slots=True)
class Region:
    """``mask`` [H, W] bool of a thing, a short ``prompt``, and ``magnitude``: pixels a frame that it moves
    on average (for growing and turning: that its pixels do)."""

    mask: Mask
    prompt: str
    magnitude: float


class Draw(Protocol):
    """Draws how a thing moves to the right in its square: velocities [7, 2, 32, 32] of mean ``speed`` cells a
    frame, given its ``picture`` [64, 64, 3] and mask ``weight`` [32, 32] turned by ``angle``."""

    def __call__(
        self, picture: Pixels, weight: Floats, speed: float, angle: float, rng: np.random.Generator
    ) -> Floats: ...


@dataclass(slots=True)
class Animation:
    """``frames`` as they are made, the things that move, and what a user should know."""

    frames: Iterator[Pixels]
    moving: list[Moving]
    notes: list[str] = field(default_factory=list)


def animate(
    photo: Pixels, regions: Sequence[Region], draw: Draw, *, count: int = 16, seed: int = 0,
    still: Mask | None = None, carry: Splat = splat,
) -> Animation:  # fmt: skip
    """``count`` frames of a photo [H, W, 3] uint8; UnknownPhrase for a prompt that names no movement.

    Regions are drawn independently, each from its own generator, so that adding one leaves the others.
    """
    moving = []
    for i, region in enumerate(regions):
        movement = understood(region.prompt)
        if movement.kind == "still" or region.magnitude == 0 or count < 2:
            continue
        rng = np.random.default_rng([seed, i])
        moving.append(_moving(photo, region, movement, draw, count, rng))
    if not moving:
        return Animation((photo.copy() for _ in range(count)), [])
    return Animation(frames(photo, moving, still, carry), moving)


def _moving(
    photo: Pixels, region: Region, movement: Movement, draw: Draw, count: int,
    rng: np.random.Generator,
) -> Moving:  # fmt: skip
    square = Square.around(region.mask, movement.angle if movement.kind == "shift" else 0.0)
    weight = square.inside(region.mask)
    speed = region.magnitude * GRID / square.side
    if movement.kind == "shift":
        picture = square.cut(photo, PICTURE)
        field_ = draw(picture, weight, speed, square.angle, rng)
        return Moving(region.mask, square, unfolded(path_of(field_, count, weight), weight))
    return Moving(region.mask, square, _around_middle(movement, weight, speed, count))


def _around_middle(movement: Movement, weight: Floats, speed: float, count: int) -> Floats:
    """Displacements [count, 2, N, N] of growing or turning about the thing's middle."""
    ys, xs = np.mgrid[: weight.shape[0], : weight.shape[1]].astype(np.float64)
    total = float(weight.sum())
    x, y = xs - (xs * weight).sum() / total, ys - (ys * weight).sum() / total
    rate = movement.sign * speed / max(float((np.hypot(x, y) * weight).sum()) / total, 1e-6)
    path = []
    for t in range(count):
        if movement.kind == "grow":
            k = max(1 + rate * t, SMALLEST) - 1
            path.append((k * x, k * y))
        else:
            c, s = np.cos(rate * t) - 1, np.sin(rate * t)
            path.append((c * x - s * y, s * x + c * y))
    return np.asarray(path, np.float32)
