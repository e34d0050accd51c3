"""What is measured of movement made from sound, on sound that nothing was trained on.

Shifts and other recordings tell how much a number says: a mouth that merely moves while there is speech
scores the same for the wrong words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from interleaf_vlogger.agreement import beat, correlation
from interleaf_vlogger.teacher import MEET, OPEN

__all__ = [
    "active", "amplitude", "beat", "correlation", "jerk", "retrieved", "seam", "seen", "spread", "sync",
]  # fmt: skip
Floats = np.ndarray[Any, Any]
SHIFTS = (*range(-12, -3), *range(4, 13))  # frames
LAGS = range(-5, 6)
LOUD = 0.05  # of the loudest frame: from the first to the last such frame is speech
SHUT, OPENED = 0.25, 0.40  # of the clip's wide opening (its 90th percentile)


def active(loudness: Floats) -> slice:
    """From the first to the last frame with speech."""
    loud = np.flatnonzero(loudness > LOUD * loudness.max())
    return slice(int(loud[0]), int(loud[-1]) + 1) if len(loud) else slice(0, len(loudness))


def sync(gap: Floats, teacher: Floats, span: slice) -> tuple[float, float, int]:
    """Correlation with the teacher in the span; its mean over circular shifts; the lag of the largest."""
    a, b = gap[span], teacher[span]
    shifted = float(np.mean([correlation(np.roll(a, s), b) for s in SHIFTS]))
    lags = [correlation(np.roll(a, -s), b) for s in LAGS]
    return correlation(a, b), shifted, LAGS[int(np.argmax(lags))]


def seen(
    gap: Floats, phonemes: Sequence[tuple[float, str]], fps: float
) -> tuple[list[bool], list[bool]]:
    """Of lips that must meet whether they do, and of open vowels whether the mouth is open."""
    wide = float(np.quantile(gap, 0.9))
    met, opened = [], []
    for (start, name), (stop, _) in pairwise(phonemes):
        a, b = int(start * fps), int(np.ceil(stop * fps))
        if name[:1] in MEET:
            met.append(bool(gap[max(0, a - 1) : b + 1].min(initial=np.inf) < SHUT * wide))
        elif name[:1] in OPEN and stop - start > 0.08:
            opened.append(bool(gap[a : b + 1].max(initial=0) > OPENED * wide))
    return met, opened


def retrieved(gaps: Sequence[Floats], teachers: Sequence[Floats]) -> float:
    """Of all clips, how many resemble their own teacher most."""
    right = 0
    for i, gap in enumerate(gaps):
        scores = []
        for teacher in teachers:
            n = min(len(gap), len(teacher))
            scores.append(correlation(gap[:n], teacher[:n]))
        right += int(np.argmax(scores)) == i
    return right / max(len(gaps), 1)


def jerk(x: Floats) -> float:
    """Root mean square of third differences of [T, C]."""
    return float(np.sqrt(np.square(np.diff(x, 3, axis=0)).mean()))


def amplitude(x: Floats) -> float:
    """How far movement [T, C] goes about its mean."""
    return float(np.sqrt(x.var(axis=0).mean()))


def spread(samples: Floats) -> float:
    """How far samples [N, T, C] of the same sound lie apart, as a standard deviation."""
    return float(np.sqrt(samples.var(axis=0, ddof=1).mean()))


def seam(body: Floats, block: int) -> float:
    """Third differences across the borders of blocks, over those elsewhere (medians)."""
    size = np.linalg.norm(np.diff(body, 3, axis=0), axis=1)
    border = (np.arange(len(size)) + 2) % block < 3
    border[: block - 3] = False
    if not border.any() or border.all():
        return 1.0
    return float(np.median(size[border]) / max(float(np.median(size[~border])), 1e-12))
