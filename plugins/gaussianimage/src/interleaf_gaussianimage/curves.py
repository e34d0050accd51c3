"""Rate and distortion: points of a codec, curves, and how far apart they are.

BD-rate (Bjontegaard 2001): the mean difference of ln(rate) at equal PSNR over the common range, with monotone
cubic interpolation, as a percentage.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Curve = Sequence[tuple[float, float]]  # (bits per pixel, dB)

# Read off the plots of arXiv 2403.08551 to about 0.1 dB, means over the 24 Kodak pictures; the rates of the
# paper's own codec follow from its 56 bits per Gaussian.
PUBLISHED: Mapping[str, Curve] = {
    "paper": ((0.118, 24.65), (0.147, 25.05), (0.432, 27.4), (0.716, 28.7), (1.001, 29.65), (1.286, 30.5)),
    "COIN (paper)": ((0.07, 23.2), (0.16, 24.6), (0.31, 26.4), (0.61, 28.3), (1.21, 30.4)),
}  # fmt: skip


class InvalidCurve(ValueError):
    """A file holds no curve."""


def bd_rate(curve: Curve, reference: Curve) -> float | None:
    """Percent of bits that ``curve`` needs more than ``reference``; None where they share no quality."""
    ours, theirs = (_rising(c) for c in (curve, reference))
    low, high = max(ours[0, 0], theirs[0, 0]), min(ours[-1, 0], theirs[-1, 0])
    if len(ours) < 2 or len(theirs) < 2 or low >= high:
        return None
    means = [
        PchipInterpolator(c[:, 0], c[:, 1]).integrate(low, high) / (high - low)
        for c in (ours, theirs)
    ]
    return float(100 * np.expm1(means[0] - means[1]))


def read_curve(path: str) -> Curve:
    """The points of a CSV file with columns bpp and psnr; raises InvalidCurve for what is none."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            points = [(float(row["bpp"]), float(row["psnr"])) for row in csv.DictReader(file)]
    except (OSError, UnicodeError, KeyError, TypeError, ValueError) as error:
        raise InvalidCurve(f"{path}: {error!r}; expected CSV with columns bpp and psnr") from None
    if not points or not all(bpp > 0 and math.isfinite(bpp + psnr) for bpp, psnr in points):
        raise InvalidCurve(f"{path}: expected points of finite psnr and bpp above 0")
    return sorted(points)


def _rising(curve: Curve) -> np.ndarray:
    """[n, 2] of PSNR and ln(bpp), by rising PSNR; of equal ones the cheapest."""
    best: dict[float, float] = {}
    for bpp, psnr in sorted(curve, reverse=True):
        best[psnr] = float(np.log(bpp))
    return np.array(sorted(best.items()))
