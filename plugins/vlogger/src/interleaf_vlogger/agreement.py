"""How far one thing follows another over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

Floats = np.ndarray[Any, Any]
BLUR = 3.0  # frames: a Gaussian's standard deviation


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's; 0 where one is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else 0.0


def beat(body: Floats, loudness: Floats) -> float:
    """Correlation of how fast a body [T, D] moves and how loud a voice [T] is, both blurred."""
    n = min(len(body), len(loudness))
    speed = np.linalg.norm(np.diff(body[:n], axis=0, prepend=body[:1]), axis=1)
    loud = np.log(loudness[:n] + 1e-3)
    return correlation(gaussian_filter1d(speed, BLUR), gaussian_filter1d(loud, BLUR))
