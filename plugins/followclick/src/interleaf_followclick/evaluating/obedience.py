"""Does the thing do what was said, and nothing else? Flow between rendered frames, by DIS.

A thing is looked for where it should be: its mask, moved as asked. ``stability`` and ``containment``
count what happens outside the region that it should sweep, grown by a quarter of its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from scipy.stats import spearmanr

from interleaf_followclick.canonical import Floats, Mask
from interleaf_followclick.evaluating.scenes import Scene
from interleaf_followclick.phrases import COMPASS, understood
from interleaf_followclick.rendering import Pixels, disc

STRENGTHS = (1.0, 2.0, 3.0, 4.0, 6.0)  # pixels a frame
MIDDLE = 3.0
FRAMES = 8
TINY = 96

Animator = Callable[[Pixels, Mask, str, float], Pixels]
"""Photo, mask, phrase and strength → frames [8, H, W, 3]."""


@dataclass(slots=True)
class Obedience:
    """What was measured, one entry for each scene or each asking."""

    dose: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    four: list[float] = field(default_factory=list)
    eight: list[float] = field(default_factory=list)
    phrase_swap: list[float] = field(default_factory=list)
    mask_swap: list[float] = field(default_factory=list)
    containment: list[float] = field(default_factory=list)
    stability: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """Of measured against asked speed, through the origin."""
        asked, moved = np.array(self.asked), np.array(self.moved)
        return float((asked * moved).sum() / max((asked * asked).sum(), 1e-9))


def obedience(
    scenes: Iterable[Scene], animate: Animator, progress: Callable[[int], None] = lambda done: None
) -> Obedience:
    """All checks on all scenes."""
    found = Obedience()
    for i, scene in enumerate(scenes):
        _one(found, scene, animate, COMPASS[i % 8])
        progress(i + 1)
    return found


def _one(found: Obedience, scene: Scene, animate: Animator, phrase: str) -> None:
    first, second = scene.masks
    speeds = []
    for strength in STRENGTHS:
        clip = animate(scene.photo, first, phrase, strength)
        speeds.append(float(motion(clip, first, phrase, strength) @ heading(phrase)))
        found.first.append(_error(clip[0], scene.photo))
        outside = ~reach(first, phrase, strength, len(clip))
        found.stability.append(_error(clip[:, outside], scene.photo[outside][None]))
        found.containment.append(_contained(clip, ~outside))
    found.asked += STRENGTHS
    found.moved += speeds
    found.dose.append(_rank(speeds))
    _directions(found, scene, animate)
    for mask, other in ((first, second), (second, first)):
        clip = animate(scene.photo, mask, "right", MIDDLE)
        moved = np.hypot(*motion(clip, mask, "right", MIDDLE))
        rest = np.hypot(*motion(clip, other, "still", 0))
        found.mask_swap.append(float(moved > 3 * rest and moved > 0.25 * MIDDLE))


def _rank(speeds: Sequence[float]) -> float:
    value = float(spearmanr(STRENGTHS, speeds).statistic)
    return 0.0 if math.isnan(value) else value


def _directions(found: Obedience, scene: Scene, animate: Animator) -> None:
    mask, seen = scene.masks[0], {}
    for phrase in COMPASS:
        flow = motion(animate(scene.photo, mask, phrase, MIDDLE), mask, phrase, MIDDLE)
        seen[phrase] = flow
        still = np.hypot(*flow) < 0.1
        found.eight.append(float(not still and nearest(flow, COMPASS) == phrase))
        if phrase in COMPASS[::2]:
            found.four.append(float(not still and nearest(flow, COMPASS[::2]) == phrase))
    for a, b in (("left", "right"), ("up", "down")):
        one, two = seen[a] @ heading(a), seen[b] @ heading(a)
        found.phrase_swap.append(float(one > 0.1 and two < -0.1))


def nearest(flow: Floats, phrases: Sequence[str]) -> str:
    """The phrase whose direction a mean flow (x, y) has most of."""
    return max(phrases, key=lambda p: float(flow @ heading(p)))


def heading(phrase: str) -> Floats:
    """The unit vector of a compass phrase; of ``still``, zero."""
    movement = understood(phrase)
    length = float(movement.kind == "shift")
    return np.array([math.cos(movement.angle), math.sin(movement.angle)], np.float32) * length


def shifted(mask: Mask, by: Floats) -> Mask:
    """A mask moved by (x, y) pixels."""
    height, width = mask.shape
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    moved = cv2.warpAffine(mask.astype(np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(moved > 0)


def flow_between(a: Pixels, b: Pixels) -> Floats:
    """[H, W, 2] by DIS (medium); frames below TINY pixels are enlarged first, on which it misreads."""
    height, width = a.shape[:2]
    up = 4 if min(height, width) < TINY else 1
    greys = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (a, b)]
    if up > 1:
        size = (width * up, height * up)
        greys = [cv2.resize(g, size, interpolation=cv2.INTER_CUBIC) for g in greys]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*greys, None)
    if up > 1:
        flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / up
    return np.asarray(flow, np.float32)


def motion(clip: Pixels, mask: Mask, phrase: str, strength: float) -> Floats:
    """Mean over pairs of frames of the median flow (x, y) where the thing should be."""
    step = heading(phrase) * strength
    seen = []
    for t, (a, b) in enumerate(pairwise(clip)):
        where = shifted(mask, step * t)
        if where.sum() >= 0.3 * mask.sum():  # it has not left the picture
            seen.append(np.median(flow_between(a, b)[where], 0))
    return np.mean(seen, 0).astype(np.float32) if seen else np.zeros(2, np.float32)


def reach(mask: Mask, phrase: str, strength: float, frames: int) -> Mask:
    """Where the thing may be seen at any time, grown by a quarter of its size."""
    step = heading(phrase) * strength
    swept = np.logical_or.reduce([shifted(mask, step * t) for t in range(frames)])
    radius = 4 + round(0.25 * math.sqrt(mask.sum()))
    return np.asarray(cv2.dilate(swept.astype(np.uint8), disc(radius)) > 0)


def _contained(clip: Pixels, inside: Mask) -> float:
    energy = [np.square(flow_between(a, b)).sum(-1) for a, b in pairwise(clip)]
    total = float(np.sum(energy))
    return float(np.sum([e[inside].sum() for e in energy]) / total) if total > 0 else 1.0


def _error(a: Pixels, b: Pixels) -> float:
    return float(np.square(a.astype(np.float64) - b).mean()) if a.size else 0.0
