"""Clicks → mask, by GrabCut at three sizes (arXiv 2403.08268 uses SAM; this needs no weights).

Around the clicks a disc is surely the thing, a wider one probably, the picture's border surely not.
Three widths give three masks, and the one that looks most like a thing wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from interleaf_followclick.canonical import Mask

WORK = 160  # pixels, long side
CORE = 0.05  # radius of the sure disc, of the long side
REACH = (0.12, 0.25, 0.45)  # radius of the probable disc
BORDER = 0.02
ROUNDS = 3

Pixels = NDArray[np.uint8]
Click = tuple[float, float]


def grabcut(
    photo: Pixels, include: Sequence[Click], exclude: Sequence[Click] = (), most: int = len(REACH)
) -> tuple[list[Mask], list[float]]:
    """At most ``most`` masks [H, W], best first, and their scores (0..1) for clicks (x, y) in pixels of
    ``photo``."""
    small, scale = shrunk(photo)
    inside = [(x * scale, y * scale) for x, y in include]
    outside = [(x * scale, y * scale) for x, y in exclude]
    found = []
    for reach in REACH:
        mask = _cut(small, inside, outside, reach)
        if mask.any():
            found.append((likelihood(small, mask), mask))
    found = sorted(found, key=lambda pair: -pair[0])[:most]
    return [enlarged(photo, m) for _, m in found], [s for s, _ in found]


def shrunk(photo: Pixels) -> tuple[Pixels, float]:
    """The photo at WORK pixels on its long side (never larger than it is), and the factor."""
    height, width = photo.shape[:2]
    scale = min(1.0, WORK / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA)), scale


def _cut(photo: Pixels, inside: list[Click], outside: list[Click], reach: float) -> Mask:
    height, width = photo.shape[:2]
    long = max(height, width)
    marks = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    for x, y in inside:
        cv2.circle(marks, (round(x), round(y)), round(reach * long), cv2.GC_PR_FGD, -1)
    edge = max(1, round(BORDER * long))
    rim = np.ones((height, width), bool)
    rim[edge:-edge, edge:-edge] = False
    marks[rim & (marks == cv2.GC_PR_BGD)] = cv2.GC_BGD
    for x, y in outside:
        cv2.circle(marks, (round(x), round(y)), max(2, round(CORE * long)), cv2.GC_BGD, -1)
    core = max(1, round(min(CORE, reach / 3) * long))
    for x, y in inside:
        cv2.circle(marks, (round(x), round(y)), core, cv2.GC_FGD, -1)
    if not _two_sided(marks):
        return marks == cv2.GC_FGD
    cv2.setRNGSeed(0)
    none = np.zeros((1, 65), np.float64)
    cv2.grabCut(photo, marks, None, none, none.copy(), ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    return _clicked(mask, inside) & (marks != cv2.GC_BGD)


def _two_sided(marks: NDArray[np.uint8]) -> bool:
    front = int(((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).sum())
    return min(front, marks.size - front) > 10


def _clicked(mask: Mask, inside: list[Click]) -> Mask:
    """The components under the clicks, small holes closed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _ellipse(3))
    _, labels = cv2.connectedComponents(closed)
    height, width = mask.shape
    at = {
        int(labels[min(max(round(y), 0), height - 1), min(max(round(x), 0), width - 1)])
        for x, y in inside
    } - {0}
    kept = np.isin(labels, list(at)).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(kept), outlines, -1, 1, -1) > 0)


def likelihood(photo: Pixels, mask: Mask) -> float:
    """How much a mask looks like a thing, 0..1: its colours are not those around it, its outline lies on
    edges of the picture, and it is compact."""
    return (separation(photo, mask) + on_edges(photo, mask) + 0.6 * roundness(mask)) / 2.6


def separation(photo: Pixels, mask: Mask) -> float:
    """1 − Bhattacharyya coefficient of the colours inside and in a band around."""
    band = (cv2.dilate(mask.astype(np.uint8), _ellipse(25)) > 0) & ~mask
    if not band.any():
        return 0.0
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    return 1 - float(np.sqrt(_colors(lab, mask) * _colors(lab, band)).sum())


def _colors(lab: Pixels, where: Mask) -> NDArray[np.float32]:
    span = [0, 256, 0, 256, 0, 256]
    counts = cv2.calcHist([lab], [0, 1, 2], where.astype(np.uint8), [8, 12, 12], span)
    soft = cv2.GaussianBlur(counts.reshape(8, 144), (1, 3), 0.8)
    return np.asarray(soft / max(float(soft.sum()), 1.0))


def on_edges(photo: Pixels, mask: Mask) -> float:
    """Mean rank of the picture's gradient under the outline, 0..1."""
    lab = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32), (0, 0), 1)
    steps = [cv2.Sobel(lab, cv2.CV_32F, *d) for d in ((1, 0), (0, 1))]
    strength = np.sqrt(sum(s**2 for s in steps).sum(-1))
    rank = np.argsort(np.argsort(strength.ravel())).reshape(strength.shape) / strength.size
    outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, _ellipse(3)) > 0
    return float(cv2.dilate(rank.astype(np.float32), _ellipse(3))[outline].mean())


def roundness(mask: Mask) -> float:
    """4π area / perimeter², 1 for a disc."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    around = sum(cv2.arcLength(o, True) for o in outlines)
    return min(1.0, 4 * np.pi * float(mask.sum()) / max(around**2, 1.0))


def _ellipse(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def enlarged(photo: Pixels, mask: Mask) -> Mask:
    """A mask at WORK pixels brought to the photo's size, its edge drawn to the photo's (guided filter)."""
    height, width = photo.shape[:2]
    if mask.shape == (height, width):
        return mask
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    guide = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    radius = max(2, round(max(height, width) / WORK))
    refined = guided(guide, soft, 2 * radius + 1, 1e-4)
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    allowed = cv2.resize(near, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return np.asarray((refined > 0.5) & allowed)


def guided(
    guide: NDArray[np.float32], plane: NDArray[np.float32], window: int, epsilon: float
) -> NDArray[np.float32]:
    """``plane`` [H, W] smoothed along the edges of ``guide`` (He, Sun and Tang 2010, eq. 5 and 6)."""
    size = (window, window)
    mean_g, mean_p = cv2.blur(guide, size), cv2.blur(plane, size)
    cover = cv2.blur(guide * plane, size) - mean_g * mean_p
    a = cover / (cv2.blur(guide * guide, size) - mean_g**2 + epsilon)
    b = mean_p - a * mean_g
    return np.asarray(cv2.blur(a, size) * guide + cv2.blur(b, size), np.float32)
