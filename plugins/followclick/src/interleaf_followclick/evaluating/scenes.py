"""Composites with known masks: pieces of one picture on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from interleaf_followclick.canonical import Mask
from interleaf_followclick.rendering import Pixels


@dataclass(frozen=True, slots=True)
class Scene:
    """``photo`` [S, S, 3] and the masks [S, S] of the two things on it, ``clicks`` (x, y) in their
    middles."""

    photo: Pixels
    masks: tuple[Mask, Mask]
    clicks: tuple[tuple[float, float], tuple[float, float]]


def scenes(
    pictures: Sequence[Pixels], count: int, side: int = 256, seed: int = 0
) -> Iterator[Scene]:
    """``count`` scenes: two ellipses cut from pictures on a third (or the same, elsewhere)."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:side, :side]
    for _ in range(count):
        photo = part(pictures[int(rng.integers(len(pictures)))], side, rng).copy()
        masks, clicks = [], []
        for place in (0.28, 0.72):
            x, y = side * (place + rng.uniform(-0.04, 0.04)), side * rng.uniform(0.4, 0.6)
            a, b = side * rng.uniform(0.09, 0.16, 2)
            turn = rng.uniform(0, np.pi)
            u = (xs - x) * np.cos(turn) + (ys - y) * np.sin(turn)
            v = (ys - y) * np.cos(turn) - (xs - x) * np.sin(turn)
            mask = (u / a) ** 2 + (v / b) ** 2 < 1
            photo[mask] = part(pictures[int(rng.integers(len(pictures)))], side, rng)[mask]
            masks.append(mask)
            clicks.append((float(x), float(y)))
        yield Scene(photo, (masks[0], masks[1]), (clicks[0], clicks[1]))


def part(picture: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """A random square of a picture at ``side`` pixels."""
    height, width = picture.shape[:2]
    size = max(8, int(min(height, width) * rng.uniform(0.6, 1.0)))
    y, x = int(rng.integers(0, height - size + 1)), int(rng.integers(0, width - size + 1))
    cut = picture[y : y + size, x : x + size]
    return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA))


def overlap(a: Mask, b: Mask) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max((a | b).sum(), 1))
